"""The noise that a clip begins with: it goes along the motion asked, and then textures do, too; or a region
gets another. No gradients are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from moft.feature.regions import at_cells
from moft.steering.loop import Change, Moment
from moft.steering.objective import Follow, Objectives, inside

if TYPE_CHECKING:
    from moft.models.tap import Tap
    from moft.steering.told import Report


class WarpNoise(Change):
    """Once, behind the first step, where nearly all is noise, each place gets the noise of what passes it.

    A model draws details where its noise leads, so with noise of their own in every frame textures boil, and
    with noise that moves they move along (Burgert et al., "Go-with-the-Flow", CVPR 2025, who train on it;
    here nothing is trained). Each frame's noise stays as white as it was.
    """

    def __init__(self, tap: Tap, objectives: Objectives, further: float | None, report: Report) -> None:
        """further: ≥ 0, how far noise goes, as a share of the displacement that is asked; None: what suits
        each request, and nothing where things come back, which whole cells show too coarsely."""
        self.tap, self.objectives, self.further, self.report = tap, objectives, further, report

    def apply(self, latents: Tensor, moment: Moment) -> Tensor:
        begins = moment.made == 1 < moment.count and not moment.first
        if not begins or not self.tap.host.carries(moment.made):
            return latents
        frames, height, width = latents.shape[2:]
        cells = frames, height, width
        sides = [width / moment.size.width, height / moment.size.height]
        scale = moment.size.side * torch.tensor(sides)  # from shorter sides to cells
        for objective in self.objectives(moment.size):
            if not isinstance(objective, Follow) or not objective.strength > 0:
                continue
            further = objective.warp_noise if self.further is None else self.further
            path = objective.target.displacement(cells, moment.size) if further else None
            if path is None or (self.further is None and not _gets_away(path)):
                continue
            self.report.warped += 1
            region = objective.region
            where = torch.ones(cells) if region is None else at_cells(region, cells).expand(cells).clone()
            where[: moment.given] = 0  # no noise, but the picture that the clip begins with
            latents = along(latents, further * path * scale, where > 0.5)
        return latents


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


def _gets_away(path: Tensor) -> bool:
    """Whether what goes along a displacement (f h w 2) ends at least half as far off as its way is long; what
    stays does."""
    ways = (path[1:] - path[:-1]).norm(dim=-1).sum()
    return bool((path[-1] - path[0]).norm(dim=-1).sum() >= 0.5 * ways)


def along(noise: Tensor, displacement: Tensor, where: Tensor) -> Tensor:
    """Noise (b c f h w) led along a displacement (f h w 2) in cells, x right and y down, where it is true
    (f h w): what is at a place that far from where it lies on average gets one noise in all frames.

    It is that of the frame nearest to the middle in which the place is seen. No two cells of a frame share
    theirs: where places crowd together, what lies least well keeps its own.
    """
    frames, height, width = noise.shape[2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    at = torch.stack([x, y], -1).to(displacement) - displacement  # (f h w 2): where each lies on average
    cell = at.round()
    apart = (at - cell).square().sum(-1).flatten(1)
    cell = (cell - cell.amin((0, 1, 2))).long()
    columns = int(cell[..., 0].max()) + 1
    number = (cell[..., 1] * columns + cell[..., 0]).flatten(1)  # (f n) of the place
    count = int(number.max()) + 1
    canvas = noise.new_zeros(*noise.shape[:2], count)
    known = torch.zeros(count, dtype=torch.bool)
    moved = noise.flatten(3).clone()
    for frame in sorted(range(frames), key=lambda frame: abs(frame - (frames - 1) / 2)):
        nearest = apart[frame].argsort(stable=True)
        grouped = nearest[number[frame, nearest].argsort(stable=True)]
        places = number[frame, grouped]
        first = torch.cat([places.new_ones(1).bool(), places[1:] != places[:-1]])
        owners = grouped[first & where[frame].flatten()[grouped]]
        places = number[frame, owners]
        fresh = ~known[places]
        canvas[..., places[fresh]] = moved[:, :, frame, owners[fresh]]
        known[places] = True
        moved[:, :, frame, owners] = canvas[..., places]
    return moved.view_as(noise)
