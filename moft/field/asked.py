"""The motion that a request in words means at each place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from moft.request.motion import Motion
    from moft.types import ClipSize, Flow


def asked_flow(motion: Motion, size: ClipSize) -> Flow:
    """Content motion from each frame to the next that a request means, (f - 1 h w 2), px, x right, y down.

    Raises RequestError as `Motion.displacement` does."""
    steps = np.diff(np.array(motion.displacement(size)), axis=0)
    scale = np.array(motion.scale(size))
    growth = scale[1:] / scale[:-1]
    turn = np.diff(np.array(motion.angle(size)))
    y, x = np.meshgrid(
        np.arange(size.height) - (size.height - 1) / 2,
        np.arange(size.width) - (size.width - 1) / 2,
        indexing="ij",
    )
    from_centre = np.stack([x, y], -1)
    along = np.stack([np.cos(turn), np.sin(turn), -np.sin(turn), np.cos(turn)], -1).reshape(-1, 2, 2)
    moved = np.einsum("hwa,fab->fhwb", from_centre, growth[:, None, None] * along)
    return (steps[:, None, None] + moved - from_centre).astype(np.float32)
