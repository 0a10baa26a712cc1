"""Where a point went, told by the model's own features: DIFT, the diffusion feature at a point (Tang et al., NeurIPS 2023).

Points are (x, y) in px, x right, y down, (0, 0) the centre of the first pixel. Axes as in `moft.feature`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.reference import noised_layers
from moft.tap import ClipSize, Tap
from moft.tracks import Tracks


def at_points(features: Tensor, paths: Tensor, size: ClipSize) -> Tensor:
    """D(p), the feature at a point in each frame, bilinear between cells, at the border as at the nearest cell.

    Args:
        features: (b f c h w) of a clip of this size.
        paths: (n f 2) px.
    Returns:
        (b n f c); a gradient flows to the features.
    """
    extent = paths.new_tensor([size.width, size.height])
    grid = ((2 * paths + 1) / extent - 1).to(features).transpose(0, 1)  # (f n 2)
    b, f = features.shape[:2]
    grid = grid.repeat(b, 1, 1)[:, None]  # (b f) 1 n 2
    found = F.grid_sample(features.flatten(0, 1), grid, padding_mode="border", align_corners=False)
    return found[:, :, 0].unflatten(0, (b, f)).permute(0, 3, 1, 2)


def nearest(features: Tensor, points: Tensor, size: ClipSize) -> Tensor:
    """Where in each frame the feature is most like that of a point of the first frame, by the cosine over channels.

    The best cell, moved by up to half a cell to the top of the parabola through it and its two neighbours on each axis.

    Args:
        features: (b f c h w) of a clip of this size.
        points: (n 2) px of the first frame.
    Returns:
        (b n f 2) px; in the first frame too it is what was found, not what was given.
    """
    rows, columns = features.shape[-2:]
    wanted = F.normalize(at_points(features[:, :1], points[:, None], size)[:, :, 0], dim=-1)
    likeness = torch.einsum("bnc,bfchw->bnfhw", wanted, F.normalize(features, dim=2))
    best = likeness.flatten(-2).argmax(-1)
    row, column = best // columns, best % columns
    x = column + _peak(likeness, row, column, (0, 1))
    y = row + _peak(likeness, row, column, (1, 0))
    cell = points.new_tensor([size.width / columns, size.height / rows])
    return (torch.stack([x, y], -1) + 0.5) * cell - 0.5


def _peak(likeness: Tensor, row: Tensor, column: Tensor, step: tuple[int, int]) -> Tensor:
    """How far from a cell, in cells, the parabola through it and its neighbours at `step` peaks; 0 at the border."""
    rows, columns = likeness.shape[-2:]
    flat = likeness.flatten(-2)

    def value(sign: int) -> Tensor:
        at = (row + sign * step[0]).clamp(0, rows - 1) * columns + (column + sign * step[1]).clamp(0, columns - 1)
        return flat.gather(-1, at[..., None])[..., 0]

    before, here, after = value(-1), value(0), value(1)
    bend = before - 2 * here + after
    peak = torch.where(bend < 0, 0.5 * (before - after) / bend.clamp(max=-1e-12), 0)
    place, last = (column, columns - 1) if step[1] else (row, rows - 1)
    return torch.where((place > 0) & (place < last), peak.clamp(-0.5, 0.5), 0)
