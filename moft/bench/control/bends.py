"""How well is a motion in words followed that turns back, eases or waits? Judged by places and over time."""

from __future__ import annotations

from typing import Any

import numpy as np

from moft.bench.control.asked import Runs
from moft.bench.control.fields import row_of
from moft.bench.task import CLIP, PROMPTS
from moft.field.field import Field
from moft.request.motion import Motion

_FAR = 0.11  # shorter sides: 7 px of 64, at 2 px a frame
BACK = {
    f"{name} and back": Motion(path=((0, 0), (_FAR * x, _FAR * y), (0, 0)))
    for name, (x, y) in {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}.items()
}
BENDS = BACK | {
    "starting slowly": Motion("right 2px", ease="in"),
    "ending slowly": Motion("up 2px", ease="out"),
    "second half": Motion("down 2px", span=(0.5, 1)),
    "round a corner": Motion(path=((0, 0), (-_FAR, 0), (-_FAR, -_FAR))),
}


def bend(runs: Runs) -> dict[str, Any]:
    """Each of `BENDS` for every prompt; unguided beside."""
    asked = {name: Field.of_motion(motion, CLIP).steps * CLIP.side for name, motion in BENDS.items()}
    steered, plain = dict[str, list[tuple[np.ndarray, np.ndarray]]](), list[tuple[np.ndarray, np.ndarray]]()
    for name, motion in BENDS.items():
        videos = runs.steered(list(PROMPTS), runs.seed, motion)
        steered[name] = [(video, asked[name]) for video in videos]
        plain += [(video, asked[name]) for video in runs.plain]
    whole = row_of([clip for clips in steered.values() for clip in clips])
    back = row_of([clip for name in BACK for clip in steered[name]])
    unguided = {f"unguided_{name}": value for name, value in row_of(plain).items()}
    return {**whole, "back_followed": back["followed"], **unguided}
