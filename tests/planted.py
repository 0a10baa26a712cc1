"""Features that hold a motion because it was put there."""

from __future__ import annotations

import numpy as np
import torch

from moft.feature.statistics import latent_path
from moft.interpreter.directions import PanFeatures
from moft.known.clips import KnownClips
from moft.known.pans import pan_motions
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)
CHANNELS = torch.tensor([0, 1])  # 0 follows the displacement to the right, 1 downward; the others are content


def planted(n: int = 24, cells: int = 4, noise: float = 0.05) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (n 8 8 cells cells) whose first two channels hold the displacement, each half of a clip with a
    velocity of its own, the rest what each clip shows and noise; and the flow (n 8 cells cells 2) in px a
    frame."""
    draw = torch.Generator().manual_seed(3)
    velocity = 2 * torch.randn(n, 2, 2, generator=draw)  # clip, half, xy
    left = (torch.arange(cells) < cells // 2).long()
    flow = velocity[:, left][:, None, None].expand(n, 8, cells, cells, 2)
    clock = torch.arange(8.0) - 3.5
    motion = (flow * clock[:, None, None, None]).permute(0, 1, 4, 2, 3)
    content = 20 * torch.randn(n, 1, 8, cells, cells, generator=draw)
    feature = content + torch.cat([motion, torch.randn(n, 8, 6, cells, cells, generator=draw)], 2)
    return feature + noise * torch.randn(feature.shape, generator=draw), flow.contiguous()


def planted_pans(photos: int = 3, code: float = 1.0) -> PanFeatures:
    """Pooled features of pans: channels 0 and 1 are the displacement, the others differ between
    photographs."""
    motions = pan_motions(SIZE) * photos
    owner = torch.arange(photos).repeat_interleave(len(pan_motions(SIZE)))
    path = torch.stack([latent_path(motion, SIZE, 8) for motion in motions]).float()
    draw = torch.Generator().manual_seed(0)
    content = 3 * torch.randn(photos, 1, 6, generator=draw)[owner].expand(-1, 8, -1)
    both = torch.cat([10 * code * path, content], 2)
    return PanFeatures(both + 0.02 * torch.randn(both.shape, generator=draw), tuple(motions), owner, SIZE)


def known_clips(flow: torch.Tensor) -> KnownClips:
    """Clips without a picture, of 16 px a cell, that move as the flow (n 8 h w 2) of planted features
    says."""
    pixels = flow.repeat_interleave(16, 2).repeat_interleave(16, 3)
    return KnownClips(np.zeros((len(flow), 8, 64, 64, 3), np.uint8), pixels.numpy())
