"""The first frame carried along a path."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def carried(frame: Tensor, path: Sequence[tuple[float, float]]) -> Tensor:
    """One frame (b c 1 h w), put in each of f frames where a path of f places (x right, y down) takes it, in whole cells: (b c f h w).
    What comes in at an edge is the mirror image of what is there."""

    def mirrored(size: int, by: float) -> Tensor:
        turn = max(2 * size - 2, 1)
        at = (torch.arange(size, device=frame.device) - round(by)) % turn
        return torch.minimum(at, turn - at)

    height, width = frame.shape[-2:]
    return torch.cat([frame[..., mirrored(height, y), :][..., mirrored(width, x)] for x, y in path], 2)
