"""A step size for each objective, chosen by motion fidelity on the tuning tasks, with one budget for all.

    moft bench tuning [--only smm] [--step-size 0.3]

What it prints last is `moft.bench.ways.beside.TUNING`; before that, all scores of each step size, the
unguided first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from moft.bench.runs import RELEASE
from moft.bench.task import STEPS, Task, Way, judged, plain, sample, tuning
from moft.bench.ways.beside import WAYS

STEP_SIZES = (0.1, 0.3, 0.6)  # around `Settings.step_size`


@dataclass(frozen=True)
class Trial:
    """What came of one step size: means over the clips of all tasks."""

    way: str
    step_size: float
    clips: int
    scores: dict[str, float]  # as `moft.bench.task.judged` has them


def trials(
    pipe: Any,
    ways: Mapping[str, Way],
    tasks: Sequence[Task],
    step_sizes: Sequence[float] = STEP_SIZES,
    *,
    steps: int = STEPS,
) -> Iterator[Trial]:
    """Every way at every step size, one step size after the other.

    "plain" without guidance comes first, at step size 0."""
    before = [sample(pipe, task, steps=steps) for task in tasks]
    runs = [("plain", plain, 0.0), *((name, way, size) for size in step_sizes for name, way in ways.items())]
    for name, way, size in runs:
        rows = []
        for task, unguided in zip(tasks, before, strict=True):
            videos = unguided
            if way is not plain:
                with way(pipe, task, replace(RELEASE, step_size=size)):
                    videos = sample(pipe, task, steps=steps)
            rows += [judged(task, video, clip) for video, clip in zip(videos, unguided, strict=True)]
        yield Trial(
            name, size, len(rows), {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        )


def table(done: Sequence[Trial]) -> dict[str, dict[float, float]]:
    """Mean fidelity by way and step size, rounded, without the unguided."""
    fidelity: dict[str, dict[float, float]] = {}
    for trial in done:
        if trial.step_size:
            fidelity.setdefault(trial.way, {})[trial.step_size] = round(trial.scores["fidelity"], 3)
    return fidelity


def tuned(
    pipe: Any, names: Sequence[str], step_sizes: Sequence[float], say: Callable[[str], object]
) -> dict[str, dict[float, float]]:
    """The table of these ways on the tuning tasks; `say` hears all scores of each step size as they come."""
    done = []
    for trial in trials(pipe, {name: WAYS[name] for name in names}, tuning(), step_sizes):
        done.append(trial)
        scores = {name: round(value, 3) for name, value in trial.scores.items()}
        say(json.dumps({**vars(trial), "scores": scores}))
    return table(done)
