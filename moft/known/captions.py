"""What a clip of the renderer shows, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from moft.request.motion import DIRECTIONS

Named = tuple[str, str, tuple[float, float]]  # an object's colour, shape and velocity
_NAMES = [name.replace("-", " ") for name in DIRECTIONS]  # every 45 degrees from the right


def caption(scene: str, objects: Sequence[Named], motion: tuple[float, float, float] | None = None) -> str:
    """A clip's caption, such as "a red ball over blue cells".

    motion: the scene's velocity (x, y) px a frame and its zoom factor a frame; with it, the words for its
        motion and for those of the objects are added.
    """
    tell = motion is not None
    things = [
        f"a {colour} {shape}" + (f" {motion_words(*v)}" if tell else "") for colour, shape, v in objects
    ]
    words = " and ".join(things) + (" over " if things else "") + scene
    return words if motion is None else f"{words} {motion_words(*motion)}"


def motion_words(vx: float, vy: float, zoom: float = 1.0) -> str:
    """A velocity (x, y) px a frame, or a zoom factor a frame if it is not 1, in words."""
    if abs(zoom - 1) > 1e-6:
        return "zooming in" if zoom > 1 else "zooming out"
    speed = math.hypot(vx, vy)
    if speed < 0.25:
        return "still"
    return f"moving {way(vx, vy)} {'slow' if speed < 1.5 else 'fast' if speed > 2.75 else ''}".strip()


def way(vx: float, vy: float) -> str:
    """The nearest of the eight directions, y down."""
    return _NAMES[round(math.degrees(math.atan2(vy, vx)) / 45) % 8]
