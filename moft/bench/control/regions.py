"""How well does steering regions of the frame do what was asked, and what becomes of the rest?

Halves, two requests in one run, objects; unguided beside each. Prompts and seeds are those of `directions`.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import cv2
import numpy as np

import moft
from moft.bench.control.asked import SPEED, Runs
from moft.bench.task import CLIP, PROMPTS
from moft.bench.task import clips as sample
from moft.known.renderer import SIZE
from moft.known.shapes import COLOURS
from moft.media.mask import read_regions
from moft.metrics.flow import dense_flow
from moft.metrics.motion import MeasuredMotion, judged
from moft.miniature.probe import nearest_colours
from moft.request.motion import Motion

OPPOSITES = {"left": "right", "right": "left", "up": "down", "down": "up"}


def region(runs: Runs) -> dict[str, Any]:
    """A half steered: direction inside as asked, motion outside changed by less than a third of that
    inside."""
    prompts, rows = list(PROMPTS[:4]), []
    with moft.record(runs.pipe) as recording:
        plain = sample(runs.pipe, prompts, runs.seed)
    for side, name in itertools.product(("left", "right"), ("left", "right", "up", "down")):
        mask = np.zeros((SIZE, SIZE), np.float32)
        mask[:, : SIZE // 2] = side == "left"
        mask[:, SIZE // 2 :] = side == "right"
        motion = Motion(name, speed=SPEED)
        videos = runs.steered(prompts, runs.seed, motion, regions=[mask], plain=recording)
        for video, before in zip(videos, plain, strict=True):
            rows.append(_judged(moft.measure(video, mask), moft.measure(before, mask), motion))
    return _summary(rows)


def both(runs: Runs) -> dict[str, Any]:
    """Two requests in one run, each judged in its own region: halves that go apart; the camera against the
    middle."""
    found: dict[str, Any] = {}
    for kind, (first, second) in {
        "halves": ("box:0,0,50%,100%", "rest"),
        "camera": ("box:25%,25%,50%,50%", None),
    }.items():
        rows = []
        for name, opposite in OPPOSITES.items():
            wanted = (Motion(name, speed=SPEED, region=first), Motion(opposite, speed=SPEED, region=second))
            masks = read_regions([motion.region for motion in wanted], CLIP)
            videos = runs.steered(list(PROMPTS), runs.seed, *wanted)
            for video, before in zip(videos, runs.plain, strict=True):
                done, base = (
                    [
                        moft.followed(moft.measure(clip, mask), motion, CLIP)
                        for motion, mask in zip(wanted, masks, strict=True)
                    ]
                    for clip in (video, before)
                )
                rows.append((all(done), *done, all(base)))
        names = ("both", "first", "second", "unguided")
        found[f"{kind}_runs"] = len(rows)
        found |= {
            f"{kind}_{n}": np.mean(column) for n, column in zip(names, zip(*rows, strict=True), strict=True)
        }
    return found


ROUND = tuple(
    Motion(way, region=box)
    for way in ("zoom in 3%", "zoom out 3%", "turn clockwise 4deg", "turn counterclockwise 4deg")
    for box in ("box:5%,5%,60%,60%", "box:35%,35%,60%,60%")
)


def about(runs: Runs) -> dict[str, Any]:
    """What zooms or turns in a part of the frame, about its middle, for every prompt, what surrounds it kept:
    followed there, of how much of the rate, and the mean motion that comes with it."""
    rows = []
    with moft.record(runs.pipe) as recording:
        plain = sample(runs.pipe, list(PROMPTS), runs.seed)
    for motion in ROUND:
        (mask,) = read_regions([motion.region], CLIP)
        videos = runs.steered(list(PROMPTS), runs.seed, motion, plain=recording)
        for video, before in zip(videos, plain, strict=True):
            found, base = moft.measure(video, mask), moft.measure(before, mask)
            verdict = judged(found, motion, CLIP)
            rows.append(
                (verdict.followed, moft.followed(base, motion, CLIP), verdict.share, found.speed, base.speed)
            )
    done, unguided, share, speed, before_px = (np.array(column) for column in zip(*rows, strict=True))
    return {
        "runs": len(rows),
        "followed": done.mean(),
        "unguided": unguided.mean(),
        "share": np.median(share),
        "shift_px": speed.mean(),
        "unguided_shift_px": before_px.mean(),
    }


def thing(runs: Runs, rounds: int = 2) -> dict[str, Any]:
    """The same for an object, which is told by its colour: the region is where the plain run shows it,
    with 8 px of room."""
    prompts, rows, missing = [p for p in PROMPTS if " over " in p], [], 0
    for turn in range(rounds):
        first = runs.seed + 1000 + turn * len(prompts)
        for i, prompt in enumerate(prompts):  # one by one, since each has a region of its own
            with moft.record(runs.pipe) as recording:
                (before,) = sample(runs.pipe, [prompt], first + i)
            there = _object(before, prompt)
            if not there.any((1, 2)).all():
                missing += 1
                continue
            seen = np.asarray(there.any(0), np.float32)
            mask = np.asarray(cv2.dilate(seen, np.ones((17, 17))), np.float32)
            for name in ("left", "right", "up", "down"):
                motion = Motion(name, speed=SPEED)
                (video,) = runs.steered([prompt], first + i, motion, regions=[mask], plain=recording)
                rows.append(
                    _judged(_object_motion(video, prompt, mask), _object_motion(before, prompt, mask), motion)
                )
    return {**_summary(rows), "without_object": missing}


def _object(video: np.ndarray, prompt: str) -> np.ndarray:
    """(f h w) bool: the pixels of the colour of the object that the prompt names, less a border of one
    pixel."""
    colour = list(COLOURS).index(prompt.split()[1])
    seen = [(nearest_colours(frame / 255) == colour).astype(np.uint8) for frame in video]
    return np.stack([cv2.erode(frame, np.ones((3, 3), np.uint8)) for frame in seen]).astype(bool)


def _object_motion(video: np.ndarray, prompt: str, mask: np.ndarray) -> MeasuredMotion:
    """As `moft.measure`, but inside is the mean flow of the object's own pixels in each frame, wherever they
    are."""
    there = _object(video, prompt)[:-1]
    found = moft.measure(video, mask)
    if not there.any((1, 2)).all():
        return dataclasses.replace(found, inside=(0.0, 0.0), speed=0.0)  # the object is gone
    steps = [flow[pixels].mean(0) for flow, pixels in zip(dense_flow(video), there, strict=True)]
    x, y = np.mean(steps, 0).tolist()
    return dataclasses.replace(found, inside=(x, y), speed=float(np.hypot(x, y)))


def _judged(
    found: MeasuredMotion, before: MeasuredMotion, motion: Motion
) -> tuple[bool, bool, bool, float, float]:
    """Followed inside; outside changed by less than a third; followed without steering; the changes inside,
    outside."""
    assert found.outside is not None and before.outside is not None
    inside = float(np.linalg.norm(np.subtract(found.inside, before.inside)))
    outside = float(np.linalg.norm(np.subtract(found.outside, before.outside)))
    return (
        moft.followed(found, motion, CLIP),
        outside < inside / 3,
        moft.followed(before, motion, CLIP),
        inside,
        outside,
    )


def _summary(rows: list[tuple[bool, bool, bool, float, float]]) -> dict[str, Any]:
    inside_ok, outside_ok, base, inside, outside = (np.array(column) for column in zip(*rows, strict=True))
    return {
        "runs": len(rows),
        "both": (inside_ok & outside_ok).mean(),
        "inside": inside_ok.mean(),
        "outside": outside_ok.mean(),
        "unguided": base.mean(),
        "inside_px": inside.mean(),
        "outside_px": outside.mean(),
    }
