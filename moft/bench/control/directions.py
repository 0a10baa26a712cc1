"""How well does steering the whole frame do what was asked? Directions, speeds, clips, stillness.

The photographs are held out. Settings were tuned on other prompts and seeds; training captions may hold the
same words.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from scipy.stats import spearmanr

import moft
from moft.bench.control.asked import SPEED, Runs
from moft.bench.task import CLIP, PROMPTS
from moft.bench.task import clips as sample
from moft.known.pans import pan
from moft.known.photographs import held_out_photographs
from moft.request.motion import DIRECTIONS, Motion


def cosine(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Of two velocities, -1…1."""
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9))


def direction(runs: Runs, rounds: int = 2) -> dict[str, Any]:
    """Mean motion within 45° of each of 8 directions and at least 0.3 of the speed."""
    rows = []
    for turn, name in itertools.product(range(rounds), DIRECTIONS):
        motion, first = Motion(name, speed=SPEED), runs.seed + turn * len(PROMPTS)
        videos = runs.steered(list(PROMPTS), first, motion)
        clips = runs.plain if turn == 0 else sample(runs.pipe, list(PROMPTS), first)
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


def speed(runs: Runs) -> dict[str, Any]:
    """Asked against measured speed, along what was asked: rank correlation, and relative error in the
    median."""
    prompts, asked, found = list(PROMPTS[:4]), [], []
    for wanted, name in itertools.product((0.5, 1.0, 1.5, 2.0, 2.5), ("left", "right", "up", "down")):
        motion = Motion(name, speed=f"{wanted}px")
        for video in runs.steered(prompts, runs.seed, motion):
            asked.append(wanted)
            found.append(float(np.dot(moft.measure(video).inside, motion.velocity(CLIP)) / wanted))
    error = np.abs(np.array(found) / asked - 1)
    return {
        "runs": len(asked),
        "spearman": spearmanr(asked, found).statistic,
        "median_error": np.median(error),
        "unguided_px": np.mean([moft.measure(v).speed for v in runs.plain[:4]]),
        **{
            f"asked_{a}px": np.median([f for f, b in zip(found, asked, strict=True) if b == a])
            for a in sorted(set(asked))
        },
    }


def like(runs: Runs) -> dict[str, Any]:
    """Cosine of the mean motion, output against a panned held-out photograph."""
    rng, cosines, base, shares = np.random.default_rng(runs.seed), [], [], []
    for photo, name in itertools.product(held_out_photographs(), DIRECTIONS):
        reference = pan(photo, Motion(name, speed=SPEED), CLIP, rng.uniform(0, 1, 2), rng.uniform(1.5, 2.5))
        truth = moft.measure(reference).inside
        videos = runs.steered(list(PROMPTS[:2]), runs.seed, moft.from_clip(runs.pipe, reference))
        found = [moft.measure(v).inside for v in videos]
        cosines += [cosine(f, truth) for f in found]
        shares += [np.dot(f, truth) / np.dot(truth, truth) for f in found]
        base += [cosine(moft.measure(v).inside, truth) for v in runs.plain[:2]]
    return {
        "runs": len(cosines),
        "cosine": np.mean(cosines),
        "of_its_speed": np.median(shares),
        "unguided": np.mean(base),
    }


def still(runs: Runs, rounds: int = 6) -> dict[str, Any]:
    """Mean speed at most 0.25 of the plain run's, over the plain runs that move at all (1 px a frame)."""
    before, after = [], []
    for turn in range(rounds):
        clips = sample(runs.pipe, list(PROMPTS), runs.seed + turn * len(PROMPTS)) if turn else runs.plain
        videos = runs.steered(list(PROMPTS), runs.seed + turn * len(PROMPTS), Motion("still"))
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
