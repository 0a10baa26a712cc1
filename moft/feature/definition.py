"""The idea, on one page: MOFT, the motion feature inside a video diffusion model, and its losses.

Axes: b batch, f frames, c channels, h w feature cells. Paper: Xiao, Zhou, Yang, Pan, "Video Diffusion Models are
Training-free Motion Interpreter and Controller", NeurIPS 2024 (arXiv:2405.14864).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor

from moft.errors import RequestError

EPSILON = 1e-6  # keeps norms differentiable at zero


def ccr(features: Tensor) -> Tensor:
    """Content correlation removal (Eq. 1): subtract from each frame the mean over the frames.

    Args:
        features: (b f c h w), output of one block of the denoiser.
    Returns:
        (b f c h w); zero for a clip whose frames are all alike.
    """
    return features - features.mean(1, keepdim=True)


def principal_components(features: Tensor, count: int = 2) -> tuple[Tensor, Tensor]:
    """The first principal components of first-frame features of clips that pan in known directions (Sec. 3.2).

    Args:
        features: (n c), one row a clip (or a clip and cell). Rows are centred here.
        count: how many components, 1…c.
    Returns:
        components (count c), unit rows, and the projections (n count). The sign of each component is fixed by
        making its entry of largest size positive, so the result is deterministic.
    Raises:
        RequestError: fewer than two rows, or not (n c).
    """
    if features.ndim != 2 or len(features) < 2:
        raise RequestError(f"expected features (n c) of at least 2 clips, got {tuple(features.shape)}")
    rows = features.double() - features.double().mean(0)
    _, vectors = torch.linalg.eigh(rows.T @ rows)  # ascending; deterministic, unlike randomised PCA
    components = vectors.flip(1).T[:count]
    largest = components.gather(1, components.abs().argmax(1, keepdim=True))
    components = components * largest.sign()
    return components.to(features.dtype), (rows @ components.T).to(features.dtype)


def motion_channels(features: Tensor, share: float = 0.04, components: int = 1) -> Tensor:
    """Motion channel filter (Sec. 3.2): the channels with the largest weight in the first principal component.

    With `components=2`, the largest weight in either of the first two: left and right are told apart by one, up and
    down by the other.

    Args:
        features: (n c), first-frame CCR features of panned clips.
        share: share of channels to keep, in (0, 1]; the paper keeps 4 %.
    Returns:
        channel indices, ascending, at least one.
    """
    if not 0 < share <= 1:
        raise RequestError(f"expected a kept share in (0, 1], got {share}; the paper uses 0.04")
    weight = principal_components(features, components)[0].abs().amax(0)
    return weight.topk(max(1, round(share * len(weight)))).indices.sort().values


def motion_feature(features: Tensor, channels: Tensor) -> Tensor:
    """MOFT (Eq. 2): CCR features of the motion channels. (b f c h w) → (b f len(channels) h w)."""
    return ccr(features.index_select(2, channels.to(features.device)))


def at_cells(region: Tensor, size: Sequence[int]) -> Tensor:
    """A region (h w) or (f h w) at this size (f, h, w), as means over the areas of the new cells and frames."""
    return F.interpolate(region[None, None].float(), size=tuple(size[-region.ndim :]), mode="area")[0, 0]


def pool(feature: Tensor, region: Tensor | None = None) -> Tensor:
    """Mean over the cells of a region. feature (b f c h w), region (h w) or (f h w) in 0…1 → (b f c)."""
    if region is None:
        return reduce(feature, "b f c h w -> b f c", "mean")
    weight = _weights(feature, region)
    return (feature * weight).sum((3, 4)) / weight.sum((3, 4)).clamp_min(EPSILON)


def laid_over(feature: Tensor, region: Tensor | None, onto: Tensor | None) -> Tensor:
    """The feature (b f k h w) with what lies in the bounds of one region stretched over those of another."""
    height, width = feature.shape[-2:]
    (top, left, bottom, right), (y0, x0, y1, x1) = (_bounds(mask, height, width) for mask in (region, onto))
    part = feature[..., top:bottom, left:right].flatten(0, 1)
    laid = feature.clone()
    laid[..., y0:y1, x0:x1] = F.interpolate(
        part, (y1 - y0, x1 - x0), mode="bilinear", align_corners=False
    ).unflatten(0, feature.shape[:2])
    return laid


def _bounds(region: Tensor | None, height: int, width: int) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of the cells that a region touches in any frame; the ends are not among them."""
    if region is None:
        return 0, 0, height, width
    cells = at_cells(region.float().reshape(-1, *region.shape[-2:]).amax(0), (height, width)) > 0
    rows, columns = cells.any(1).nonzero()[:, 0], cells.any(0).nonzero()[:, 0]
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def position_loss(feature: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
    """The paper's loss (Eq. 3): mean over positions in the region of the distance ‖M − M^r‖ over channels.

    Args:
        feature, target: (b f c h w); `target` may have one cell, (b f c 1 1), and is then the same everywhere.
        region: (h w) or (f h w) in 0…1, or None for the whole frame.
    Returns:
        scalar.
    """
    distance = ((feature - target).square().sum(2, keepdim=True) + EPSILON).sqrt()
    return _region_mean(distance, region)


def region_loss(feature: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
    """The release's loss: squared distance of the region means of M and M^r. Shapes as `position_loss`."""
    return (pool(feature, region) - pool(target.expand_as(feature), region)).square().mean()


def quadrants_loss(feature: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
    """`region_loss` for each quarter of the frame by itself, so that it also sees what a mean over all would cancel:
    zooms. Quarters outside the region count nothing. Not of the paper. Shapes as `position_loss`.
    """
    rows, columns = (torch.arange(n, device=feature.device) * 2 // n for n in feature.shape[-2:])
    quarter = 2 * rows[:, None] + columns
    whole = torch.ones_like(quarter, dtype=feature.dtype) if region is None else region.to(feature)
    parts = [part for q in range(4) if (part := whole * (quarter == q)).any()]
    shares = torch.stack([part.sum() for part in parts]) / whole.sum()
    return (shares * torch.stack([region_loss(feature, target, part) for part in parts])).sum()


def cosine_loss(feature: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
    """DiTFlow's loss for MOFT: one minus the cosine over channels, per position. Shapes as `position_loss`."""
    dot = (feature * target).sum(2, keepdim=True)
    norms = feature.square().sum(2, keepdim=True) * target.square().sum(2, keepdim=True)
    return _region_mean(1 - dot / (norms + EPSILON).sqrt(), region)


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {
    "position": position_loss,
    "region": region_loss,
    "quadrants": quadrants_loss,
    "cosine": cosine_loss,
}


def _weights(feature: Tensor, region: Tensor) -> Tensor:
    """A region (h w) or (f h w) as weights (1 f 1 h w) that broadcast against a feature."""
    if region.shape[-2:] != feature.shape[-2:] or region.ndim not in (2, 3):
        raise RequestError(
            f"expected a region (h w) or (f h w) of {tuple(feature.shape[-2:])} cells, got {tuple(region.shape)}"
        )
    weights = (
        rearrange(region, "h w -> 1 1 1 h w") if region.ndim == 2 else rearrange(region, "f h w -> 1 f 1 h w")
    )
    return weights.to(feature).expand(1, feature.shape[1], 1, *feature.shape[-2:])


def _region_mean(value: Tensor, region: Tensor | None) -> Tensor:
    """Mean over the region of a value (b f 1 h w)."""
    if region is None:
        return value.mean()
    weight = _weights(value, region)
    return (value * weight).sum() / (weight.sum() * len(value)).clamp_min(EPSILON)
