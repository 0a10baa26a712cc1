"""How far a MOFT is from what it should be: the paper's loss, its release's, and two more.

A loss takes a feature, its target and a region, and gives a scalar that is least at the target, does not see
what lies outside the region, and has a finite gradient everywhere. To add one, write it here and list it in
`LOSSES`: the tests ask all that of each. The module loads no torch by itself: settings check names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]

EPSILON = 1e-6  # keeps norms differentiable at zero
BLOCKS = 4  # rows and columns of blocks; 8 and a pyramid did worse (docs/lab/field.md)


def position_loss(feature: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
    """The paper's loss (Eq. 3): mean over positions in the region of the distance ‖M − M^r‖ over channels.

    Args:
        feature, target: (b f c h w); `target` may have one cell, (b f c 1 1), the same everywhere.
        region: (h w) or (f h w) in 0…1, or None for the whole frame.
    Returns:
        scalar.
    Raises:
        RequestError: a region that is not of the feature's cells.
    """
    from moft.feature.regions import region_mean

    distance = ((feature - target).square().sum(2, keepdim=True) + EPSILON).sqrt()
    return region_mean(distance, region)


def region_loss(feature: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
    """The loss of the paper's release: squared distance of the region means of M and M^r.

    Shapes as `position_loss`."""
    from moft.feature.definition import pool

    return (pool(feature, region) - pool(target.expand_as(feature), region)).square().mean()


def quadrants_loss(feature: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
    """`region_loss` for each quarter of the frame by itself, so that it also sees what a mean over all would
    cancel: zooms. Quarters outside the region count nothing. Not of the paper. Shapes as `position_loss`.
    """
    import torch

    rows, columns = (torch.arange(n, device=feature.device) * 2 // n for n in feature.shape[-2:])
    quarter = 2 * rows[:, None] + columns
    whole = torch.ones_like(quarter, dtype=feature.dtype) if region is None else region.to(feature)
    parts = [part for q in range(4) if (part := whole * (quarter == q)).any()]
    shares = torch.stack([part.sum() for part in parts]) / whole.sum()
    return (shares * torch.stack([region_loss(feature, target, part) for part in parts])).sum()


def blocks_loss(feature: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
    """`region_loss` for each of `BLOCKS` × `BLOCKS` blocks of the frame by itself, each counting by how much
    of the region it holds: says where each part goes, and leaves its details free. Not of the paper. Shapes
    as `position_loss`."""
    import torch.nn.functional as F

    from moft.feature.regions import LEAST_WEIGHT, region_weights

    def blocks(value: Tensor) -> Tensor:
        whole = value.shape[:2]
        height, width = (min(BLOCKS, n) for n in value.shape[-2:])
        return F.adaptive_avg_pool2d(value.flatten(0, 1), (height, width)).unflatten(0, whole)

    if region is None:
        return blocks(feature - target).square().mean()
    weight = region_weights(feature, region)
    shares = blocks(weight)
    apart = blocks((feature - target) * weight) / shares.clamp_min(LEAST_WEIGHT)
    counted = (shares * apart.square().mean(2, keepdim=True)).sum()
    return counted / (shares.sum() * len(feature)).clamp_min(LEAST_WEIGHT)


def cosine_loss(feature: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
    """The loss of DiTFlow (Pondaven et al., CVPR 2025) for MOFT: one minus the cosine over channels.

    Per position. Shapes as `position_loss`."""
    from moft.feature.regions import region_mean

    dot = (feature * target).sum(2, keepdim=True)
    norms = feature.square().sum(2, keepdim=True) * target.square().sum(2, keepdim=True)
    return region_mean(1 - dot / (norms + EPSILON).sqrt(), region)


LOSSES: dict[str, Loss] = {
    "position": position_loss,
    "region": region_loss,
    "quadrants": quadrants_loss,
    "blocks": blocks_loss,
    "cosine": cosine_loss,
}
