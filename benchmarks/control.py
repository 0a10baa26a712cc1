"""How well does steering the miniature do what was asked? Directions, speeds, clips, regions, stillness; unguided beside each.

    python benchmarks/control.py [--only direction] [-o results.json]

The photographs are held out. Settings were tuned on other prompts and seeds; training captions may hold the same words.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from diffusers import DiffusionPipeline
from scipy.stats import spearmanr

import moft
from moft.bench.task import CLIP, PROMPTS
from moft.bench.task import clips as sample
from moft.known.pans import pan
from moft.known.photographs import held_out_photographs
from moft.known.renderer import SIZE
from moft.known.shapes import COLOURS
from moft.media.mask import read_regions
from moft.metrics.flow import dense_flow
from moft.metrics.motion import MeasuredMotion
from moft.miniature.probe import nearest_colours
from moft.request.motion import DIRECTIONS, Motion

OPPOSITES = {"left": "right", "right": "left", "up": "down", "down": "up"}
SPEED = "2px"
SETTINGS = moft.Settings()  # --fused, --gradient-steps


def steered(pipe: Any, prompts: list[str], seed: int, *wanted: Any, **options: Any) -> np.ndarray:
    with moft.steer(pipe, *wanted, **{"settings": SETTINGS, **options}):
        return sample(pipe, prompts, seed)


def cosine(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9))


def direction(pipe: Any, plain: np.ndarray, seed: int, rounds: int = 2) -> dict[str, Any]:
    """Mean motion within 45° of each of 8 directions and at least 0.3 of the speed."""
    rows = []
    for turn, name in itertools.product(range(rounds), DIRECTIONS):
        motion, first = Motion(name, speed=SPEED), seed + turn * len(PROMPTS)
        videos = steered(pipe, list(PROMPTS), first, motion)
        clips = plain if turn == 0 else sample(pipe, list(PROMPTS), first)
        for steered_video, plain_video in zip(videos, clips, strict=True):
            found, before = moft.measure(steered_video), moft.measure(plain_video)
            rows.append(
                (
                    moft.followed(found, motion, CLIP),
                    moft.followed(before, motion, CLIP),
                    cosine(found.inside, motion.velocity(CLIP)),
                    found.speed,
                )
            )
    done, base, angles, speeds = zip(*rows, strict=True)
    return {
        "runs": len(rows),
        "followed": np.mean(done),
        "unguided": np.mean(base),
        "cosine": np.mean(angles),
        "speed_px": np.mean(speeds),
        "asked_px": 2.0,
    }


def speed(pipe: Any, plain: np.ndarray, seed: int) -> dict[str, Any]:
    """Asked against measured speed, along what was asked: rank correlation, and relative error in the median."""
    prompts, asked, found = list(PROMPTS[:4]), [], []
    for wanted, name in itertools.product((0.5, 1.0, 1.5, 2.0, 2.5), ("left", "right", "up", "down")):
        motion = Motion(name, speed=f"{wanted}px")
        for video in steered(pipe, prompts, seed, motion):
            asked.append(wanted)
            found.append(float(np.dot(moft.measure(video).inside, motion.velocity(CLIP)) / wanted))
    error = np.abs(np.array(found) / asked - 1)
    return {
        "runs": len(asked),
        "spearman": spearmanr(asked, found).statistic,
        "median_error": np.median(error),
        "unguided_px": np.mean([moft.measure(v).speed for v in plain[:4]]),
        **{
            f"asked_{a}px": np.median([f for f, b in zip(found, asked, strict=True) if b == a])
            for a in sorted(set(asked))
        },
    }


def like(pipe: Any, plain: np.ndarray, seed: int) -> dict[str, Any]:
    """Cosine of the mean motion, output against a panned held-out photograph."""
    rng, cosines, base, shares = np.random.default_rng(seed), [], [], []
    for photo, name in itertools.product(held_out_photographs(), DIRECTIONS):
        reference = pan(photo, Motion(name, speed=SPEED), CLIP, rng.uniform(0, 1, 2), rng.uniform(1.5, 2.5))
        truth = moft.measure(reference).inside
        videos = steered(pipe, list(PROMPTS[:2]), seed, moft.from_clip(pipe, reference))
        found = [moft.measure(v).inside for v in videos]
        cosines += [cosine(f, truth) for f in found]
        shares += [np.dot(f, truth) / np.dot(truth, truth) for f in found]
        base += [cosine(moft.measure(v).inside, truth) for v in plain[:2]]
    return {
        "runs": len(cosines),
        "cosine": np.mean(cosines),
        "of_its_speed": np.median(shares),
        "unguided": np.mean(base),
    }


def region(pipe: Any, plain: np.ndarray, seed: int) -> dict[str, Any]:
    """A half steered: direction inside as asked, motion outside changed by less than a third of that inside."""
    prompts, rows = list(PROMPTS[:4]), []
    with moft.record(pipe) as recording:
        plain = sample(pipe, prompts, seed)
    for side, name in itertools.product(("left", "right"), ("left", "right", "up", "down")):
        mask = np.zeros((SIZE, SIZE), np.float32)
        mask[:, : SIZE // 2] = side == "left"
        mask[:, SIZE // 2 :] = side == "right"
        motion = Motion(name, speed=SPEED)
        videos = steered(pipe, prompts, seed, motion, regions=[mask], plain=recording)
        for video, before in zip(videos, plain, strict=True):
            rows.append(_judged(moft.measure(video, mask), moft.measure(before, mask), motion))
    return _summary(rows)


def both(pipe: Any, plain: np.ndarray, seed: int) -> dict[str, Any]:
    """Two requests in one run, each judged in its own region: halves that go apart; the camera against the middle."""
    found: dict[str, Any] = {}
    for kind, (first, second) in {
        "halves": ("box:0,0,50%,100%", "rest"),
        "camera": ("box:25%,25%,50%,50%", None),
    }.items():
        rows = []
        for name, opposite in OPPOSITES.items():
            wanted = (Motion(name, speed=SPEED, region=first), Motion(opposite, speed=SPEED, region=second))
            masks = read_regions([motion.region for motion in wanted], CLIP)
            videos = steered(pipe, list(PROMPTS), seed, *wanted)
            for video, before in zip(videos, plain, strict=True):
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


def thing(pipe: Any, plain: np.ndarray, seed: int, rounds: int = 2) -> dict[str, Any]:
    """The same for an object, which is told by its colour: the region is where the plain run shows it, with 8 px of room."""
    prompts, rows, missing = [p for p in PROMPTS if " over " in p], [], 0
    for turn in range(rounds):
        first = seed + 1000 + turn * len(prompts)
        for i, prompt in enumerate(prompts):  # one by one, since each has a region of its own
            with moft.record(pipe) as recording:
                (before,) = sample(pipe, [prompt], first + i)
            there = _object(before, prompt)
            if not there.any((1, 2)).all():
                missing += 1
                continue
            mask = cv2.dilate(there.any(0).astype(np.float32), np.ones((17, 17)))
            for name in ("left", "right", "up", "down"):
                motion = Motion(name, speed=SPEED)
                (video,) = steered(pipe, [prompt], first + i, motion, regions=[mask], plain=recording)
                rows.append(
                    _judged(_object_motion(video, prompt, mask), _object_motion(before, prompt, mask), motion)
                )
    return {**_summary(rows), "without_object": missing}


def _object(video: np.ndarray, prompt: str) -> np.ndarray:
    """(f h w) bool: the pixels of the colour of the object that the prompt names, less a border of one pixel."""
    colour = list(COLOURS).index(prompt.split()[1])
    seen = [(nearest_colours(frame / 255) == colour).astype(np.uint8) for frame in video]
    return np.stack([cv2.erode(frame, np.ones((3, 3), np.uint8)) for frame in seen]).astype(bool)


def _object_motion(video: np.ndarray, prompt: str, mask: np.ndarray) -> MeasuredMotion:
    """As `moft.measure`, but inside is the mean flow of the object's own pixels in each frame, wherever they are."""
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
    """Followed inside; outside changed by less than a third; followed without steering; the changes inside, outside."""
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


def still(pipe: Any, plain: np.ndarray, seed: int, rounds: int = 6) -> dict[str, Any]:
    """Mean speed at most 0.25 of the plain run's, over the plain runs that move at all (1 px a frame)."""
    before, after = [], []
    for turn in range(rounds):
        clips = sample(pipe, list(PROMPTS), seed + turn * len(PROMPTS)) if turn else plain
        videos = steered(pipe, list(PROMPTS), seed + turn * len(PROMPTS), Motion("still"))
        before += [moft.measure(v).mean_speed for v in clips]
        after += [moft.measure(v).mean_speed for v in videos]
    speeds, stopped = np.array(before), np.array(after) <= 0.25 * np.array(before)
    moving = speeds >= 1
    return {
        "runs": moving.sum(),
        "stopped": stopped[moving].mean(),
        "plain_px": speeds[moving].mean(),
        "steered_px": np.array(after)[moving].mean(),
        "all_runs": len(speeds),
        "all_stopped": stopped.mean(),
    }


MEASURES: dict[str, Callable[[Any, np.ndarray, int], dict[str, Any]]] = {
    "direction": direction,
    "speed": speed,
    "like": like,
    "region": region,
    "both": both,
    "thing": thing,
    "still": still,
}


def main() -> None:
    global SETTINGS
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", default=moft.miniature_path(), help="a miniature's folder; default: the shipped one"
    )
    parser.add_argument("--only", choices=MEASURES, action="append")
    parser.add_argument("--fused", action="store_true", help="with Settings(fused=True)")
    parser.add_argument(
        "--gradient-steps", type=int, default=SETTINGS.gradient_steps, help="with Settings(gradient_steps=…)"
    )
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("-o", "--output")
    args = parser.parse_args()
    SETTINGS = moft.Settings(fused=args.fused, gradient_steps=args.gradient_steps)
    pipe = DiffusionPipeline.from_pretrained(args.model, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    plain = sample(pipe, list(PROMPTS), args.seed)
    results = {}
    for name in args.only or MEASURES:
        started = time.perf_counter()
        found = MEASURES[name](pipe, plain, args.seed)
        results[name] = {k: round(float(v), 3) for k, v in found.items()}
        print(
            json.dumps({name: results[name], "seconds": round(time.perf_counter() - started, 1)}), flush=True
        )
    if args.output:
        with open(args.output, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
