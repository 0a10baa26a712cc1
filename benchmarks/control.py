"""How well does steering the miniature do what was asked? Directions, clips, regions, stillness; unguided beside each.

    python benchmarks/control.py [--only direction] [-o results.json]

The photographs are held out. Settings were tuned on other prompts and seeds; training captions may hold the same words.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers import AnimateDiffPipeline

import moft
from moft.miniature.clips import FRAMES, SIZE
from moft.miniature.probe import held_out_photographs
from moft.motion import DIRECTIONS, Motion
from moft.reference import pan
from moft.tap import ClipSize

PROMPTS = (
    "red stripes", "a blue ball over orange noise", "green cells", "a yellow star over purple checks",
    "white noise", "a black square over green stripes", "grey checks", "a purple cross over yellow cells",
)  # fmt: skip
SPEED = "2px"
CLIP = ClipSize(FRAMES, SIZE, SIZE)


def sample(pipe: Any, prompts: list[str], seed: int) -> np.ndarray:
    """(n f h w 3) uint8, one clip a prompt; seeds count up from `seed`."""
    generators = [torch.Generator().manual_seed(seed + i) for i in range(len(prompts))]
    frames = pipe(prompts, num_frames=FRAMES, height=SIZE, width=SIZE, generator=generators, num_inference_steps=25,
                  guidance_scale=7.5, output_type="np").frames  # fmt: skip
    return (frames * 255).round().astype(np.uint8)


def steered(pipe: Any, prompts: list[str], seed: int, *wanted: Any, **options: Any) -> np.ndarray:
    with moft.steer(pipe, *wanted, **options):
        return sample(pipe, prompts, seed)


def cosine(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9))


def direction(pipe: Any, plain: np.ndarray, seed: int) -> dict[str, Any]:
    """Bar 2: mean motion within 45° of each of 8 directions and at least 0.3 of the speed."""
    rows = []
    for name in DIRECTIONS:
        motion = Motion(name, speed=SPEED)
        videos = steered(pipe, list(PROMPTS), seed, motion)
        for steered_video, plain_video in zip(videos, plain, strict=True):
            found, before = moft.measure(steered_video), moft.measure(plain_video)
            rows.append((moft.followed(found, motion, *_size()), moft.followed(before, motion, *_size()),
                         cosine(found.inside, motion.velocity(*_size())), found.speed))  # fmt: skip
    done, base, angles, speeds = zip(*rows, strict=True)
    return {"runs": len(rows), "followed": np.mean(done), "unguided": np.mean(base), "cosine": np.mean(angles),
            "speed_px": np.mean(speeds), "asked_px": 2.0}  # fmt: skip


def like(pipe: Any, plain: np.ndarray, seed: int) -> dict[str, Any]:
    """Bar 3: cosine of the mean motion, output against a panned held-out photograph."""
    rng, cosines, base = np.random.default_rng(seed), [], []
    for photo, name in itertools.product(held_out_photographs(), DIRECTIONS):
        reference = pan(photo, Motion(name, speed=SPEED), CLIP, rng.uniform(0, 1, 2), rng.uniform(1.5, 2.5))
        truth = moft.measure(reference).inside
        videos = steered(pipe, list(PROMPTS[:2]), seed, moft.from_clip(pipe, reference))
        cosines += [cosine(moft.measure(v).inside, truth) for v in videos]
        base += [cosine(moft.measure(v).inside, truth) for v in plain[:2]]
    return {"runs": len(cosines), "cosine": np.mean(cosines), "unguided": np.mean(base)}


def region(pipe: Any, plain: np.ndarray, seed: int) -> dict[str, Any]:
    """Bar 4: a half steered: direction inside as asked, motion outside changed by less than a third of that inside."""
    rows = []
    for side, name in itertools.product(("left", "right"), ("left", "right", "up", "down")):
        mask = np.zeros((SIZE, SIZE), np.float32)
        mask[:, : SIZE // 2] = side == "left"
        mask[:, SIZE // 2 :] = side == "right"
        motion = Motion(name, speed=SPEED)
        videos = steered(pipe, list(PROMPTS[:4]), seed, motion, regions=[mask])
        for video, plain_video in zip(videos, plain[:4], strict=True):
            found, before = moft.measure(video, mask), moft.measure(plain_video, mask)
            inside = np.linalg.norm(np.subtract(found.inside, before.inside))
            outside = np.linalg.norm(np.subtract(found.outside, before.outside))
            rows.append((moft.followed(found, motion, *_size()), outside < inside / 3,
                         moft.followed(before, motion, *_size())))  # fmt: skip
    inside_ok, outside_ok, base = (np.array(column) for column in zip(*rows, strict=True))
    return {"runs": len(rows), "both": (inside_ok & outside_ok).mean(), "inside": inside_ok.mean(),
            "outside": outside_ok.mean(), "unguided": base.mean()}  # fmt: skip


def still(pipe: Any, plain: np.ndarray, seed: int, rounds: int = 3) -> dict[str, Any]:
    """Bar 5: mean speed at most 0.25 of the plain run's, over the plain runs that move at all (1 px a frame)."""
    before, after = [], []
    for turn in range(rounds):
        clips = sample(pipe, list(PROMPTS), seed + turn * len(PROMPTS)) if turn else plain
        videos = steered(pipe, list(PROMPTS), seed + turn * len(PROMPTS), Motion("still"))
        before += [moft.measure(v).mean_speed for v in clips]
        after += [moft.measure(v).mean_speed for v in videos]
    speeds, stopped = np.array(before), np.array(after) <= 0.25 * np.array(before)
    moving = speeds >= 1
    return {"runs": moving.sum(), "stopped": stopped[moving].mean(), "plain_px": speeds[moving].mean(),
            "steered_px": np.array(after)[moving].mean(), "all_runs": len(speeds), "all_stopped": stopped.mean()}  # fmt: skip


def _size() -> tuple[int, int, int]:
    return CLIP.frames, CLIP.height, CLIP.width


MEASURES: dict[str, Callable[[Any, np.ndarray, int], dict[str, Any]]] = {
    "direction": direction, "like": like, "region": region, "still": still,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=moft.miniature_path())
    parser.add_argument("--only", choices=MEASURES, action="append")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("-o", "--output")
    args = parser.parse_args()
    pipe = AnimateDiffPipeline.from_pretrained(args.model, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    plain = sample(pipe, list(PROMPTS), args.seed)
    results = {}
    for name in args.only or MEASURES:
        started = time.perf_counter()
        found = MEASURES[name](pipe, plain, args.seed)
        results[name] = {k: round(float(v), 3) for k, v in found.items()}
        print(json.dumps({name: results[name], "seconds": round(time.perf_counter() - started, 1)}), flush=True)
    if args.output:
        with open(args.output, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
