"""Regions on the cells of a feature: brought to their size, as weights, and one laid over another.

A region is (h w), or (f h w) where it moves, in 0…1; None is the whole frame. Axes: b batch, f frames,
c channels, h w feature cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from moft.errors import RequestError

LEAST_WEIGHT = 1e-6  # what the mean over an empty region is divided by


def at_cells(region: Tensor, size: Sequence[int]) -> Tensor:
    """A region (h w) or (f h w) at this size (f, h, w): means over the new cells' areas and frames."""
    return F.interpolate(region[None, None].float(), size=tuple(size[-region.ndim :]), mode="area")[0, 0]


def region_weights(feature: Tensor, region: Tensor) -> Tensor:
    """A region (h w) or (f h w) as weights (1 f 1 h w) that broadcast against a feature (b f c h w).

    Raises:
        RequestError: a region that is not of the feature's cells.
    """
    if region.shape[-2:] != feature.shape[-2:] or region.ndim not in (2, 3):
        cells = tuple(feature.shape[-2:])
        raise RequestError(f"expected a region (h w) or (f h w) of {cells} cells, got {tuple(region.shape)}")
    layout = "h w -> 1 1 1 h w" if region.ndim == 2 else "f h w -> 1 f 1 h w"
    weights = rearrange(region, layout).to(feature)
    return weights.expand(1, feature.shape[1], 1, *feature.shape[-2:])


def region_mean(value: Tensor, region: Tensor | None) -> Tensor:
    """Mean over batch, frames and the cells of the region of a value (b f 1 h w) → scalar.

    Zero for an empty region.

    Raises:
        RequestError: a region that is not of the value's cells.
    """
    if region is None:
        return value.mean()
    weight = region_weights(value, region)
    return (value * weight).sum() / (weight.sum() * len(value)).clamp_min(LEAST_WEIGHT)


def laid_over(feature: Tensor, region: Tensor | None, onto: Tensor | None) -> Tensor:
    """The feature (b f c h w) with what lies in the bounds of one region stretched over those of another.

    Args:
        region, onto: of any size; as far as they reach in any of their frames.
    """
    height, width = feature.shape[-2:]
    (top, left, bottom, right), (y0, x0, y1, x1) = (_bounds(mask, height, width) for mask in (region, onto))
    part = feature[..., top:bottom, left:right].flatten(0, 1)
    part = F.interpolate(part, (y1 - y0, x1 - x0), mode="bilinear", align_corners=False)
    laid = feature.clone()
    laid[..., y0:y1, x0:x1] = part.unflatten(0, feature.shape[:2])
    return laid


def _bounds(region: Tensor | None, height: int, width: int) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of the cells that a region touches in any frame, the ends past them."""
    if region is None:
        return 0, 0, height, width
    cells = at_cells(region.float().reshape(-1, *region.shape[-2:]).amax(0), (height, width)) > 0
    rows, columns = cells.any(1).nonzero()[:, 0], cells.any(0).nonzero()[:, 0]
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
