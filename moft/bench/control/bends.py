"""How well is a motion in words followed that turns back, eases or waits? Judged by places and over time."""

from __future__ import annotations

from typing import Any

import numpy as np

from moft.bench.control.asked import Runs
from moft.bench.task import CLIP, PROMPTS
from moft.field.field import Field
from moft.metrics.agreement import agreement, as_asked
from moft.metrics.coherence import kept, left_over
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
    """Each of `BENDS` for every prompt: means, the share in the median; unguided beside."""
    rows: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"": [], "unguided_": []}
    for motion in BENDS.values():
        steps = Field.of_motion(motion, CLIP).steps * CLIP.side
        videos = runs.steered(list(PROMPTS), runs.seed, motion)
        rows[""] += [(video, steps) for video in videos]
        rows["unguided_"] += [(video, steps) for video in runs.plain]
    result: dict[str, Any] = {"runs": len(rows[""])}
    for name, clips in rows.items():
        found = [agreement(video, steps) for video, steps in clips]
        back = found[: len(BACK) * len(PROMPTS)]
        result |= {
            f"{name}followed": np.mean([as_asked(one).followed for one in found]),
            f"{name}back_followed": np.mean([as_asked(one).followed for one in back]),
            f"{name}cosine": np.mean([one.cosine for one in found]),
            f"{name}share": np.median([one.share for one in found]),
            f"{name}kept": np.mean([kept(video) for video, _ in clips]),
            f"{name}left_over": np.mean([left_over(video) for video, _ in clips]),
        }
    return result
