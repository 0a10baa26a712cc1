"""What surrounds a region is kept, not steered: motion spreads out of it through the model itself, whatever a
loss asks of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from moft.steering.loop import Change, Moment
from moft.steering.objective import Objectives, inside

if TYPE_CHECKING:
    from moft.steering.recording import Recording


class Keep(Change):
    """Outside the regions the latents are put back to what they were in the plain run (as in blended
    diffusion)."""

    def __init__(self, objectives: Objectives, plain: Recording, share: float) -> None:
        """share: 0…1 of the denoising steps, up to which it is done; from the first one that is guided."""
        self.objectives, self.plain, self.share = objectives, plain, share

    def apply(self, latents: Tensor, moment: Moment) -> Tensor:
        objectives = self.objectives(moment.size)
        where = inside(objectives, latents.shape[-3:])
        first = min(objective.window(moment.count)[0] for objective in objectives)
        if where is None or not first <= moment.made <= self.share * moment.count:
            return latents
        if not any(objective.strength > 0 for objective in objectives):
            return latents
        return torch.lerp(self.plain.at(moment.index, latents).to(latents), latents, where.to(latents))
