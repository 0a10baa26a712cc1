"""How well is a clip's motion read off its MOFT? Pans of photographs in eight directions.

    moft bench reading    # a table in Markdown; --tuning for the photographs that the way was chosen on

Read are the means over the frame; the velocity that they show is found by least squares on the model's
response. No clip is sampled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moft.bench.task import CLIP, SPEED
from moft.feature.definition import motion_feature, pool
from moft.feature.read import both_ways, noised_features
from moft.feature.reference import from_clip
from moft.feature.statistics import Statistics, find_statistics
from moft.known.pans import pan
from moft.models.tap import Tap
from moft.request.motion import DIRECTIONS, Motion

HEAD = (
    "| read | cosine with the true velocity | clips below 0.9 | length over the true one, median "
    "| clips within a quarter of that |"
)
PLACES, BATCH = 4, 16  # pans of a photograph in each direction; clips read at once


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads the velocities of clips uint8 (n f h w 3) off a model."""

    tap: Tap
    known: Statistics
    clips: np.ndarray

    def velocities(self, means: Tensor) -> Tensor:
        """(n f k) to (n 2), px a frame."""
        clock = torch.arange(CLIP.frames) - (CLIP.frames - 1) / 2
        displacement = self.known.displacement(means)
        return torch.einsum("f,nfa->na", clock, displacement) / clock.square().sum() * CLIP.side

    def read(self, how: Callable[..., Tensor], seed: int) -> Tensor:
        """Velocities (n 2) as this way of reading features shows them."""
        parts = []
        for i in range(0, len(self.clips), BATCH):
            features = how(self.tap, self.clips[i : i + BATCH], self.known.timestep, "", seed + i)
            parts.append(pool(motion_feature(features, self.known.channels)))
        return self.velocities(torch.cat(parts))

    def ways(self) -> dict[str, Tensor]:
        """The velocities by each way of reading."""
        once = [self.read(noised_features, 1000 * i) for i in range(4)]
        twice = [self.read(both_ways, 1000 * i) for i in range(2)]
        values = [from_clip(self.tap.pipe, clip).value[..., 0, 0] for clip in self.clips]
        return {
            "once": once[0],
            "twice, two draws of noise": (once[0] + once[1]) / 2,
            "four times, four draws": (once[0] + once[1] + once[2] + once[3]) / 4,
            "both ways": twice[0],
            "both ways, two draws": (twice[0] + twice[1]) / 2,
            "both ways, calibrated (`from_clip`)": self.velocities(torch.stack(values)),
        }


def table(pipe: Any, photos: Sequence[np.ndarray]) -> str:
    """How well velocities are read off pans of these photographs (h w 3), in Markdown."""
    known = find_statistics(pipe)
    rng = np.random.default_rng(5)
    motions = [Motion(name, speed=SPEED) for name in DIRECTIONS for _ in range(PLACES * len(photos))]
    clips = [
        pan(photos[i % len(photos)], motion, CLIP, rng.uniform(0, 1, 2), rng.uniform(1.5, 2.5))
        for i, motion in enumerate(motions)
    ]
    true = torch.tensor([motion.velocity(CLIP) for motion in motions])
    reader = Reader(Tap(pipe, known.layer, known.timestep), known, np.stack(clips))
    rows = [_row(name, velocity, true) for name, velocity in reader.ways().items()]
    return "\n".join([f"{len(clips)} clips", "", HEAD, "|---|---|---|---|---|", *rows])


def _row(name: str, velocity: Tensor, true: Tensor) -> str:
    cosine = torch.cosine_similarity(velocity, true)
    length = velocity.norm(dim=1) / true.norm(dim=1)
    alike = ((length / length.median() - 1).abs() < 0.25).float().mean()
    below = 100 * (cosine < 0.9).float().mean()
    return f"| {name} | {cosine.mean():.3f} | {below:.0f} % | {length.median():.2f} | {100 * alike:.0f} % |"
