"""Is the motion of a clip followed place by place and over time? Clips of known motion, of held-out
photographs, and real ones, whose motion is what optical flow finds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import moft
from moft.bench.control.clips import REAL, real_clip
from moft.bench.task import CLIP, PROMPTS, SEED, TUNING_PROMPTS, TUNING_SEED
from moft.bench.task import clips as sample
from moft.known.filmed import KINDS, Filmed, filmed
from moft.known.photographs import held_out_photographs, training_photographs
from moft.media.writing import write_video
from moft.metrics.agreement import agreement, as_asked
from moft.metrics.coherence import kept, left_over
from moft.metrics.step import sure_flows
from moft.request.like import Like

WAYS: dict[str, Callable[[str], Like]] = {
    "flow": Like,
    "moft": partial(Like, by="moft"),
    "per position": partial(Like, per_position=True),
}
NAMES = (*KINDS, *REAL)
_A_TIME = 4  # prompts that follow one clip together


def measured(
    pipe: Any,
    kinds: list[str],
    ways: list[str],
    prompts: int,
    settings: moft.Settings,
    tuning: bool,
    tell: Callable[[str, dict[str, Any]], None],
) -> dict[str, Any]:
    """Rows by kind and way, unguided beside them; each clip is followed by `_A_TIME` prompts."""
    seed, words = (TUNING_SEED, TUNING_PROMPTS) if tuning else (SEED, PROMPTS)
    photos = list(training_photographs().values()) if tuning else held_out_photographs()
    rows: dict[str, Any] = {}
    for kind in kinds:
        clips: dict[str, list[tuple[np.ndarray, Filmed]]] = {name: [] for name in ("unguided", *ways)}
        for start in range(0, prompts, _A_TIME):
            scenes = [words[i % len(words)] for i in range(start, min(start + _A_TIME, prompts))]
            turn = [photos[(start // _A_TIME + i) % len(photos)] for i in range(2)]
            shown, first = _shown(kind, turn, seed + start), seed + start
            clips["unguided"] += [(video, shown) for video in sample(pipe, scenes, first)]
            for way in ways:
                videos = _followed(pipe, scenes, first, shown, way, settings)
                clips[way] += [(video, shown) for video in videos]
        for way, found in clips.items():
            rows[f"{kind}, {way}"] = row = row_of([(video, shown.steps) for video, shown in found])
            tell(f"{kind}, {way}", row)
    return rows


def _shown(kind: str, photos: list[np.ndarray], seed: int) -> Filmed:
    if kind not in REAL:
        return filmed(kind, photos, CLIP, seed)
    video = real_clip(kind)
    steps = np.stack([flow for flow, _ in sure_flows(video)])
    return Filmed(video, steps, steps, np.zeros((0, *video.shape[:3]), bool))


def _followed(
    pipe: Any, prompts: list[str], seed: int, shown: Filmed, way: str, settings: moft.Settings
) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        name = str(Path(folder) / "clip.mp4")
        write_video(name, shown.video)
        with moft.steer(pipe, WAYS[way](name), settings=settings):
            return sample(pipe, prompts, seed)


def row_of(clips: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """Of clips uint8 (f h w 3), each with the motion asked of it, (f-1 h w 2) px: means, and of the share the
    median."""
    found = [agreement(video, steps) for video, steps in clips]
    courses = [one.course for one in found if one.course is not None]
    return {
        "runs": len(clips),
        "cosine": round(float(np.mean([one.cosine for one in found])), 3),
        "share": round(float(np.median([one.share for one in found])), 3),
        "course": round(float(np.mean(courses)), 3) if courses else None,
        "error_px": round(float(np.mean([one.error for one in found])), 3),
        "followed": round(float(np.mean([as_asked(one).followed for one in found])), 3),
        "points_kept": round(float(np.mean([kept(video) for video, _ in clips])), 3),
        "left_over": round(float(np.mean([left_over(video) for video, _ in clips])), 4),
    }
