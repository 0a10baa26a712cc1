"""How well is a clip's motion read off its MOFT? Pans of held-out photographs in eight directions at 2 px a frame.

    python benchmarks/reading.py                # a table in Markdown; --tuning for the photographs that the way was chosen on

Read are the means over the frame; the velocity that they show is found by least squares on the model's response. No clip is sampled.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from moft.bench.task import CLIP, SPEED
from moft.feature.definition import motion_feature, pool
from moft.feature.read import both_ways, noised_features
from moft.feature.reference import from_clip
from moft.feature.statistics import find_statistics
from moft.known.pans import pan
from moft.known.photographs import held_out_photographs, training_photographs
from moft.models.loading import load_pipeline
from moft.models.tap import Tap
from moft.request.motion import DIRECTIONS, Motion

PLACES, BATCH = 4, 16  # pans of a photograph in each direction; clips read at once


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tuning", action="store_true", help="Training photographs instead.")
    photos = list(training_photographs().values()) if parser.parse_args().tuning else held_out_photographs()
    pipe = load_pipeline("miniature")
    known = find_statistics(pipe)
    tap, rng = Tap(pipe, known.layer, known.timestep), np.random.default_rng(5)
    motions = [Motion(name, speed=SPEED) for name in DIRECTIONS for _ in range(PLACES * len(photos))]
    clips = np.stack(
        [
            pan(photos[i % len(photos)], motion, CLIP, rng.uniform(0, 1, 2), rng.uniform(1.5, 2.5))
            for i, motion in enumerate(motions)
        ]
    )
    asked = torch.tensor([motion.velocity(CLIP) for motion in motions])

    def velocities(means: Tensor) -> Tensor:
        """(n f k) to (n 2), px a frame."""
        clock = torch.arange(CLIP.frames) - (CLIP.frames - 1) / 2
        return torch.einsum("f,nfa->na", clock, known.displacement(means)) / clock.square().sum() * CLIP.side

    def read(how: Callable[..., Tensor], seed: int) -> Tensor:
        parts = [
            pool(motion_feature(how(tap, clips[i : i + BATCH], known.timestep, "", seed + i), known.channels))
            for i in range(0, len(clips), BATCH)
        ]
        return velocities(torch.cat(parts))

    once = [read(noised_features, 1000 * i) for i in range(4)]
    twice = [read(both_ways, 1000 * i) for i in range(2)]
    found = {
        "once": once[0],
        "twice, two draws of noise": sum(once[:2]) / 2,
        "four times, four draws": sum(once) / 4,
        "both ways": twice[0],
        "both ways, two draws": sum(twice) / 2,
        "both ways, calibrated (`from_clip`)": velocities(
            torch.stack([from_clip(pipe, clip).value[..., 0, 0] for clip in clips])
        ),
    }
    print(
        f"{len(clips)} clips\n\n| read | cosine with the true velocity | clips below 0.9 | length over the true one, median | clips within a quarter of that |"
    )
    print("|---|---|---|---|---|")
    for name, velocity in found.items():
        cosine = torch.cosine_similarity(velocity, asked)
        length = velocity.norm(dim=1) / asked.norm(dim=1)
        alike = ((length / length.median() - 1).abs() < 0.25).float().mean()
        print(
            f"| {name} | {cosine.mean():.3f} | {100 * (cosine < 0.9).float().mean():.0f} % | {length.median():.2f} | {100 * alike:.0f} % |"
        )


if __name__ == "__main__":
    main()
