"""What is taken over from a plain run, without gradients: its first frame, put where the request takes it, at
a noise level where content is there and seams still heal; and what surrounds a region, which is kept, not
steered: motion spreads out of it through the model itself, whatever a loss asks of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from moft.errors import RequestError
from moft.feature.regions import at_cells
from moft.request.motion import Motion
from moft.steering.loop import Change, Moment
from moft.steering.objective import Objectives, inside

if TYPE_CHECKING:
    from moft.steering.recording import Recording
    from moft.steering.told import Report


class Carry(Change):
    """Once, after a share of the steps, each region gets the plain run's first frame of then, moved as its
    request says."""

    def __init__(self, objectives: Objectives, plain: Recording, share: float, report: Report) -> None:
        """share: 0…1 of the denoising steps.

        Raises RequestError, in the first step, for a request that goes nowhere: a zoom, a turn, or a
        clip to follow."""
        self.objectives, self.plain, self.share, self.report = objectives, plain, share, report

    def apply(self, latents: Tensor, moment: Moment) -> Tensor:
        objectives = self.objectives(moment.size)
        if moment.made != round(self.share * moment.count) or not any(o.strength > 0 for o in objectives):
            return latents
        self.report.carried += 1
        first = self.plain.at(moment.index, latents)[:, :, :1].to(latents)
        frames, height, width = latents.shape[2:]
        size = moment.size
        for objective in objectives:
            path = objective.request.displacement(size)
            places = [path[i] for i in np.linspace(0, size.frames - 1, frames).round().astype(int)]
            moved = carried(first, [(x * width / size.width, y * height / size.height) for x, y in places])
            region = objective.region
            where = None if region is None else at_cells(region, latents.shape[-3:]).to(latents)
            latents = moved if where is None else torch.lerp(latents, moved, where)
        return latents


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


def check_carried(requests: Sequence[object]) -> None:
    """Raise RequestError for a request that cannot be carried: a zoom, a turn, a clip or field to follow."""
    if not all(isinstance(r, Motion) and _goes(r) for r in requests):
        raise RequestError(
            "expected motions that go somewhere to carry along, got a zoom, a turn, a clip or a field "
            "to follow; leave carry out"
        )


def carried(frame: Tensor, path: Sequence[tuple[float, float]]) -> Tensor:
    """One frame (b c 1 h w), put in each of f frames where a path of f places (x right, y down) takes it, in
    whole cells: (b c f h w). What comes in at an edge is the mirror image of what is there."""

    def mirrored(size: int, by: float) -> Tensor:
        turn = max(2 * size - 2, 1)
        at = (torch.arange(size, device=frame.device) - round(by)) % turn
        return torch.minimum(at, turn - at)

    height, width = frame.shape[-2:]
    return torch.cat([frame[..., mirrored(height, y), :][..., mirrored(width, x)] for x, y in path], 2)


def _goes(motion: Motion) -> bool:
    return not str(motion.direction).startswith(("zoom", "turn"))
