"""What the measures of control share: the runs, and how a steered clip is sampled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import moft
from moft.bench.task import PROMPTS
from moft.bench.task import clips as sample

SPEED = "2px"


@dataclass(frozen=True, eq=False)
class Runs:
    """Clips of one model, from one seed on, under one set of settings."""

    pipe: Any
    seed: int = 100  # held out; settings were tuned on others
    settings: moft.Settings = field(default_factory=moft.Settings)
    plain: np.ndarray = field(init=False)  # uint8 (n f h w 3), one a prompt, unguided

    def __post_init__(self) -> None:
        object.__setattr__(self, "plain", sample(self.pipe, list(PROMPTS), self.seed))

    def steered(self, prompts: list[str], seed: int, *requests: Any, **options: Any) -> np.ndarray:
        """Clips uint8 (n f h w 3), one a prompt, steered by these requests; options are those of
        `moft.steer`."""
        return steered(self.pipe, prompts, seed, *requests, **{"settings": self.settings, **options})


def steered(pipe: Any, prompts: list[str], seed: int, *requests: Any, **options: Any) -> np.ndarray:
    """The same of a pipeline, as settings come; seeds count up from `seed`."""
    with moft.steer(pipe, *requests, **options):
        return sample(pipe, prompts, seed)
