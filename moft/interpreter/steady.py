"""Holding a moving clip still: the few velocities at which most of it goes, and the clip seen by a camera that goes along.

Velocities are (… 2) in px a frame, x right, y down. Knows no model.
"""

from __future__ import annotations

import torch
from torch import Tensor

_FEWEST = 0.02  # of the readings; what fewer agree on is no velocity of its own
_MOST = 1024  # readings that are compared with each other


def main_velocities(found: Tensor, side: int, count: int = 4) -> Tensor:
    """The velocities at which most readings agree, the commonest first: each the mean of the largest ball of readings that
    are left, whose radius is 1/80 of the shorter side and an eighth of its own length, since fast is read less exactly.

    Args:
        found: (n 2) in px a frame; side: the clip's shorter side, px.
    Returns:
        (count 2); where fewer stand out, the first again.
    """
    left = found[:: max(1, len(found) // _MOST)]
    least, centres = _FEWEST * len(left), list[Tensor]()
    while len(centres) < count and len(left) and len(left) >= least:
        inside = torch.cdist(left, left) < _radius(left, side)[:, None]
        centre = left[inside[int(inside.sum(1).argmax())]].mean(0)
        centres.append(centre)
        left = left[(left - centre).norm(dim=-1) > _radius(centre, side)]
    return torch.stack(centres + centres[:1] * (count - len(centres)))


def _radius(velocity: Tensor, side: int) -> Tensor:
    return side / 80 + velocity.norm(dim=-1) / 8
