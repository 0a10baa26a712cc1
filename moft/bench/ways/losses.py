"""The losses of other systems: tensors in, a number out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from moft.feature.points import at_points
from moft.request.motion import Motion
from moft.types import ClipSize


def pairwise_loss(means: Tensor, clip: Tensor) -> Tensor:
    """DMT's loss: one minus the cosine over channels of the difference between two frames, mean over all
    pairs.

    The paper writes the squared distance of the differences; its code, from which its figures come, takes the
    cosine.

    Args:
        means, clip: spatial means (b f c), f ≥ 2, of what is steered and of the clip to follow; one clip may
            do for all.
    Returns:
        scalar in 0…2.
    """
    i, j = torch.triu_indices(means.shape[1], means.shape[1], 1)
    return 1 - F.cosine_similarity(means[:, i] - means[:, j], clip[:, i] - clip[:, j], dim=-1).mean()


def top_entries_loss(attention: Tensor, clip: Tensor) -> Tensor:
    """MotionClone's loss: mean squared difference of attention (… f f) where the clip's is largest, by query.

    clip: of the clip to follow, of the same shape, or 1 along the first axis. Returns a scalar ≥ 0."""
    best = clip.argmax(-1, keepdim=True)
    return (
        (attention.gather(-1, best.expand(*attention.shape[:-1], 1)) - clip.gather(-1, best)).square().mean()
    )


def alignment_loss(features: Tensor, paths: Tensor, size: ClipSize) -> Tensor:
    """SG-I2V's loss: how far, squared, the feature where something should be is from the first frame's.

    The first frame itself is not pulled. What has left the picture asks nothing.

    Args:
        features: (b f c h w) of a clip of this size, f ≥ 2.
        paths: (n f 2) px.
    Returns:
        scalar.
    """
    there = at_points(features, paths, size)  # (b n f c)
    apart = (there[:, :, 1:] - there[:, :, :1].detach()).square().mean(-1)
    corner = paths.new_tensor([size.width, size.height]) - 0.5
    inside = ((paths >= -0.5) & (paths < corner)).all(-1)[:, 1:].to(apart)
    return (apart * inside).sum() / (inside.sum() * len(features)).clamp_min(1)


def cell_paths(motion: Motion, size: ClipSize, rows: int, columns: int) -> Tensor:
    """Where what lies at each cell's centre in the first frame should be in every one: (rows·columns f 2)
    px."""
    y, x = (
        (torch.arange(n) + 0.5) * side / n - 0.5 for n, side in ((rows, size.height), (columns, size.width))
    )
    start = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1).reshape(-1, 1, 2)
    middle = torch.tensor([size.width - 1, size.height - 1]) / 2
    scales = torch.tensor(motion.scale(size))[None, :, None]
    return middle + scales * (start - middle) + torch.tensor(motion.displacement(size))


def low_frequencies(change: Tensor, cutoff: float = 0.5, order: int = 4) -> Tensor:
    """A change of latents (… h w) without its high spatial frequencies.

    Butterworth, 1 / (1 + (r² / cutoff²)^order), where r = 1 is half a cycle a cell along a row or column."""
    rows, columns = (2 * torch.fft.fftfreq(n, device=change.device) for n in change.shape[-2:])
    passed = 1 / (1 + ((rows[:, None] ** 2 + columns**2) / cutoff**2) ** order)
    return torch.fft.ifft2(torch.fft.fft2(change) * passed).real
