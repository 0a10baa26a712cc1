"""Where a point went, told by the model's own features: DIFT, the diffusion feature at a point.

Tang, Jia, Wang, Phoo, Hariharan, "Emergent Correspondence from Image Diffusion", NeurIPS 2023. Points are (x,
y) in px, x right, y down, (0, 0) the centre of the first pixel. Axes as in `moft.feature.definition`; n
points.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from moft.types import ClipSize


def at_points(features: Tensor, paths: Tensor, size: ClipSize) -> Tensor:
    """D(p), the feature at a point in each frame: bilinear between cells, outside as at the edge.

    Args:
        features: (b f c h w) of a clip of this size.
        paths: (n f 2) px.
    Returns:
        (b n f c); gradients flow to the features.
    """
    b, f = features.shape[:2]
    extent = paths.new_tensor([size.width, size.height])
    grid = ((2 * paths + 1) / extent - 1).to(features).transpose(0, 1)  # (f n 2) in -1…1 from edge to edge
    grid = grid.repeat(b, 1, 1)[:, None]
    values = F.grid_sample(features.flatten(0, 1), grid, padding_mode="border", align_corners=False)
    return values[:, :, 0].unflatten(0, (b, f)).permute(0, 3, 1, 2)  # of ((b f) c 1 n)


def nearest(features: Tensor, points: Tensor, size: ClipSize) -> Tensor:
    """Where in each frame the feature is most like that of a point of the first, by the cosine.

    That is the best cell, moved by up to half a cell to the top of the parabola through it and its
    neighbours.

    Args:
        features: (b f c h w) of a clip of this size.
        points: (n 2) px of the first frame.
    Returns:
        (b n f 2) px; in the first frame, too, what was found, not what was given.
    """
    rows, columns = features.shape[-2:]
    sought = F.normalize(at_points(features[:, :1], points[:, None], size)[:, :, 0], dim=-1)
    likeness = torch.einsum("bnc,bfchw->bnfhw", sought, F.normalize(features, dim=2))
    best = likeness.flatten(-2).argmax(-1, keepdim=True)  # (b n f 1)
    row, column = best // columns, best % columns
    along = likeness.gather(-2, row[..., None].expand(*best.shape, columns))[
        ..., 0, :
    ]  # (b n f w), the best row
    down = likeness.gather(-1, column[..., None, :].expand(*best.shape[:-1], rows, 1))[..., 0]  # (b n f h)
    cell = points.new_tensor([size.width / columns, size.height / rows])
    return (torch.cat([_peak(along, column), _peak(down, row)], -1) + 0.5) * cell - 0.5


def _peak(values: Tensor, best: Tensor) -> Tensor:
    """Where the parabola through the best of the values (… n) and its neighbours peaks: (… 1).

    At an end, that is the best itself."""
    last = values.shape[-1] - 1
    before, here, after = (values.gather(-1, (best + step).clamp(0, last)) for step in (-1, 0, 1))
    bend = before - 2 * here + after  # ≤ 0, since the best is in the middle
    shift = torch.where(bend < 0, (before - after) / (2 * bend.clamp(max=-1e-12)), 0)
    return best + torch.where((best > 0) & (best < last), shift.clamp(-0.5, 0.5), 0)
