"""How many missed requests does `--retry` mend, and after how many tries? Held-out prompts and seeds.

    moft bench retry [--tries 4] [--only "up and back"] [-o results.json]

A tenth of the side and back, which the miniature often misses, is asked of every prompt. Whatever was missed
is tried again as `moft.runs.outcome.remedies` says, until it is followed; of each try: how many it was made
for, and how many were followed in it.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import torch

import moft
from moft.bench.task import CLIP, PROMPTS
from moft.request.motion import Motion
from moft.runs.outcome import Placed, Remedy, judge, lay_out, remedies

REQUESTS = {
    f"{name} and back": [Motion(path=((0, 0), (x, y), (0, 0)))]
    for name, (x, y) in {"left": (-0.1, 0), "right": (0.1, 0), "up": (0, -0.1), "down": (0, 0.1)}.items()
}


def followed(
    pipe: Any, placed: list[Placed], cases: list[tuple[str, int]], settings: moft.Settings
) -> list[bool]:
    """Of each (prompt, seed), whether all requests were."""
    motions, masks = [_motion(one) for one in placed], [one.mask for one in placed]
    generators = [torch.Generator().manual_seed(seed) for _, seed in cases]
    with moft.steer(pipe, *motions, regions=masks, settings=settings):
        frames = pipe(
            [prompt for prompt, _ in cases],
            num_frames=CLIP.frames,
            height=CLIP.height,
            width=CLIP.width,
            generator=generators,
            num_inference_steps=25,
            guidance_scale=7.5,
            output_type="np",
        ).frames
    videos = (frames * 255).round().astype(np.uint8)
    goals = list(zip(masks, motions, strict=True))
    return [all(judge(video, mask, motion).followed for mask, motion in goals) for video in videos]


def _motion(one: Placed) -> Motion:
    assert isinstance(one.request, Motion)  # nothing else is asked here
    return one.request


def tried(pipe: Any, requests: list[Motion], seed: int, tries: int) -> dict[str, Any]:
    """Runs, how many were missed, and of each try its words, for how many it was and how many were
    followed."""
    placed, usual = lay_out(requests, CLIP, print), moft.Settings()
    cases = [(prompt, seed + i) for i, prompt in enumerate(PROMPTS)]
    left = [case for case, done in zip(cases, followed(pipe, placed, cases, usual), strict=True) if not done]
    result: dict[str, Any] = {"runs": len(cases), "missed": len(left), "tries": []}
    for remedy in islice(remedies(usual, 0, requests), tries if left else 0):
        again = [(prompt, number + remedy.seed) for prompt, number in left]
        done = followed(pipe, placed, again, remedy.settings)
        result["tries"].append({"change": _words(remedy), "of": len(left), "followed": sum(done)})
        left = [case for case, fine in zip(left, done, strict=True) if not fine]
        if not left:
            break
    return result


def _words(remedy: Remedy) -> str:
    return "another seed" if remedy.seed else remedy.words
