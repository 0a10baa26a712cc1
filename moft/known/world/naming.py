"""Captions of the world's clips: "a red ball and a blue star over green stripes", and how they move.

All words are those of `moft.known.captions`. What they cannot say, such as turning, is left unsaid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from moft.known import captions


def motion_words(kind: str, vx: float, vy: float, growth: float = 0.0) -> str:
    """Words for a path of a kind (`moves.PROFILES`), with its heading and peak speed in px a frame.

    growth: of the scale's logarithm over the whole clip; above a tenth it is what is named.
    """
    if abs(growth) > 0.1:
        return captions.motion_words(0, 0, math.exp(growth))
    said = captions.motion_words(vx, vy)
    if said == "still":
        return said
    if kind in ("reversing", "swinging"):
        return f"moving {captions.way(vx, vy)} and {captions.way(-vx, -vy)}"
    if kind in ("turning off", "arc"):
        return ""
    pace = {"speeding up": "slow fast", "slowing down": "fast slow"}.get(kind)
    return f"moving {captions.way(vx, vy)} {pace}" if pace else said


def caption(things: Sequence[str], before: Sequence[str], scene: str, moving: str) -> str:
    """ "a red ball and a blue star over red bars over green stripes moving left"."""
    layers = ([" and ".join(things)] if things else []) + [*before, scene]
    return f"{' over '.join(layers)} {moving}".strip()
