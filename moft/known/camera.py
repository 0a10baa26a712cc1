"""A clip as a camera sees it that goes along with what moves in it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def along(video: Tensor, velocity: Tensor, back: bool = False) -> Tensor:
    """Pictures (b f h w k) as a camera sees them that goes along with each clip's velocity (b 2) px a frame
    and is in place midway, bilinear, edges repeated; `back`: what was seen so, where it was."""
    b, f, h, w, _ = video.shape
    clock = (torch.arange(f) - (f - 1) / 2) * (-1 if back else 1)
    y, x = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
    at = torch.stack([x, y], -1) + velocity[:, None, None, None] * clock[:, None, None, None]
    grid = (at / torch.tensor([w, h]) * 2 - 1).flatten(0, 1)
    pictures = video.flatten(0, 1).permute(0, 3, 1, 2)
    seen = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    return seen.permute(0, 2, 3, 1).unflatten(0, (b, f))
