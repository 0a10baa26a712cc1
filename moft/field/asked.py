"""The motion that a request in words means at each place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moft.media.region_text import is_rest

if TYPE_CHECKING:
    from moft.request.checks import Point
    from moft.request.motion import Motion
    from moft.types import ClipSize, Flow, Mask


def middle(named: object, mask: Mask | None, size: ClipSize) -> Point:
    """About what a zoom or a turn in a region goes: the region's own middle, in shorter sides of the picture
    from the picture's, x right, y down.

    named: the region as it was asked for; what others leave is the camera's, and goes about the picture's
        middle, as the whole frame does.
    mask: the same as (h w) or (f h w) in 0…1 at any resolution; its middle over all frames counts.
    size: of the clip."""
    if mask is None or named is None or is_rest(named):
        return 0.0, 0.0
    height, width = mask.shape[-2:]
    weight = mask.reshape(-1, height, width).sum(0)
    x = float(np.average(np.arange(width) + 0.5, weights=weight.sum(0))) / width - 0.5
    y = float(np.average(np.arange(height) + 0.5, weights=weight.sum(1))) / height - 0.5
    return x * size.width / size.side, y * size.height / size.side


def asked_flow(motion: Motion, size: ClipSize, about: Point = (0.0, 0.0)) -> Flow:
    """Content motion from each frame to the next that a request means, (f - 1 h w 2), px, x right, y down.

    about: as of `middle`. Raises RequestError as `Motion.displacement` does."""
    steps = np.diff(np.array(motion.displacement(size)), axis=0)
    scale = np.array(motion.scale(size))
    growth = scale[1:] / scale[:-1]
    turn = np.diff(np.array(motion.angle(size)))
    y, x = np.meshgrid(
        np.arange(size.height) - (size.height - 1) / 2 - about[1] * size.side,
        np.arange(size.width) - (size.width - 1) / 2 - about[0] * size.side,
        indexing="ij",
    )
    from_centre = np.stack([x, y], -1)
    along = np.stack([np.cos(turn), np.sin(turn), -np.sin(turn), np.cos(turn)], -1).reshape(-1, 2, 2)
    moved = np.einsum("hwa,fab->fhwb", from_centre, growth[:, None, None] * along)
    return (steps[:, None, None] + moved - from_centre).astype(np.float32)
