"""The idea, on one page: MOFT, the motion feature inside a video diffusion model, and its channels.

Axes: b batch, f frames, c channels, h w feature cells. Paper: Xiao, Zhou, Yang, Pan, "Video Diffusion Models
are Training-free Motion Interpreter and Controller", NeurIPS 2024 (arXiv:2405.14864). Its loss, Eq. 3, is in
`moft.feature.losses`.
"""

from __future__ import annotations

import torch
from einops import reduce
from torch import Tensor

from moft.errors import RequestError
from moft.feature.regions import LEAST_WEIGHT, region_weights


def ccr(features: Tensor) -> Tensor:
    """Content correlation removal (Eq. 1): subtract from each frame the mean over the frames.

    Args:
        features: (b f c h w), output of one block of the denoiser.
    Returns:
        (b f c h w); zero for a clip whose frames are all alike.
    """
    return features - features.mean(1, keepdim=True)


def principal_components(features: Tensor, count: int = 2) -> tuple[Tensor, Tensor]:
    """The first principal components of first-frame features of clips that pan (Sec. 3.2).

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
    """Motion channel filter (Sec. 3.2): the channels of largest weight in the first principal component.

    With `components=2`, the largest weight in either of the first two: left and right are told apart by one,
    up and down by the other.

    Args:
        features: (n c), first-frame CCR features of panned clips.
        share: share of channels to keep, in (0, 1]; the paper keeps 4 %.
    Returns:
        channel indices (k,), ascending, at least one.
    Raises:
        RequestError: a share outside (0, 1], or features that `principal_components` refuses.
    """
    check_share(share)
    weight = principal_components(features, components)[0].abs().amax(0)
    return weight.topk(max(1, round(share * len(weight)))).indices.sort().values


def check_share(share: float) -> None:
    """Raise RequestError unless this share of the channels can be kept."""
    if not 0 < share <= 1:
        raise RequestError(f"expected a kept share in (0, 1], got {share}; the paper uses 0.04")


def motion_feature(features: Tensor, channels: Tensor) -> Tensor:
    """MOFT (Eq. 2): CCR features of the motion channels. (b f c h w) → (b f len(channels) h w)."""
    return ccr(features.index_select(2, channels.to(features.device)))


def pool(feature: Tensor, region: Tensor | None = None) -> Tensor:
    """Mean over the cells of a region. feature (b f c h w), region (h w) or (f h w) in 0…1 → (b f c).

    Raises:
        RequestError: a region that is not of the feature's cells.
    """
    if region is None:
        return reduce(feature, "b f c h w -> b f c", "mean")
    weight = region_weights(feature, region)
    return (feature * weight).sum((3, 4)) / weight.sum((3, 4)).clamp_min(LEAST_WEIGHT)
