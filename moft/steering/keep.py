"""What surrounds a region is kept, not steered: motion spreads out of it through the model itself, whatever a
loss asks of the rest. What is inside may be drawn anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from moft.steering.loop import Change, Moment
from moft.steering.objective import Objectives, inside

if TYPE_CHECKING:
    from moft.steering.recording import Recording


class Anew(Change):
    """Once, behind the first step, what is inside the regions is other noise: nothing of what was there is
    left, and the model draws it anew to what surrounds it."""

    def __init__(self, objectives: Objectives, seed: int) -> None:
        """seed: of the noise. It is the next one's, since a pipeline draws its own noise by the same."""
        self.objectives, self.seed = objectives, (seed + 1) % 2**63

    def apply(self, latents: Tensor, moment: Moment) -> Tensor:
        if moment.made != 1:
            return latents
        where = inside(self.objectives(moment.size), latents.shape[-3:])
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(self.seed))
        other = noise.to(latents) * latents.std()  # nearly all of which is noise, too
        share = torch.ones(()) if where is None else where
        return torch.where(share.to(latents) > 0, other, latents)


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
