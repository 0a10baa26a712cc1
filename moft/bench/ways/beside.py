"""Other systems' objectives beside MOFT: on the same model, tasks and guided steps, tuned alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from moft.bench.runs import RELEASE, Columns, Runs
from moft.bench.task import Task, Way, plain, sample
from moft.bench.ways import features, others
from moft.bench.ways.peers import (
    CleanDifferences,
    FirstFrameFeatures,
    SpaceTimeMeans,
    TemporalAttention,
    way,
)
from moft.diagnosis import counting
from moft.feature.reference import from_clip
from moft.steering.entry import steer
from moft.steering.settings import Settings


def from_the_clip(pipe: Any, task: Task, settings: Settings) -> AbstractContextManager[Any]:
    """MOFT from the clip, as it comes."""
    return steer(pipe, from_clip(pipe, task.reference), settings=settings)


PEERS: dict[str, Way] = {
    "smm": way(SpaceTimeMeans),
    "motionclone": way(TemporalAttention),
    "sg_i2v": way(FirstFrameFeatures),
    "flowmotion": way(CleanDifferences),
    "release": others.release,
    "ditflow_moft": others.ditflow_moft,
}
WAYS: dict[str, Way] = {"moft": from_the_clip, "synthesised": features.synthesised, **PEERS}

# Mean fidelity over the 8 tuning clips by step size: `moft bench tuning`. Unguided 0.305.
TUNING: dict[str, dict[float, float]] = {
    "moft": {0.1: 0.899, 0.3: 0.948, 0.6: 0.945},
    "synthesised": {0.1: 0.923, 0.3: 0.94, 0.6: 0.949},
    "smm": {0.1: 0.874, 0.3: 0.879, 0.6: 0.762},
    "motionclone": {0.1: 0.73, 0.3: 0.781, 0.6: 0.686},
    "sg_i2v": {0.1: 0.701, 0.3: 0.763, 0.6: 0.653},
    "flowmotion": {0.1: 0.803, 0.3: 0.87, 0.6: 0.875},
    "release": {0.1: 0.852, 0.3: 0.939, 0.6: 0.915},
    "ditflow_moft": {0.1: 0.897, 0.3: 0.924, 0.6: 0.914},
}


def straight(tasks: Sequence[Task]) -> list[Task]:
    """Those that go along a side of the frame: half of the eight directions."""
    return [task for task in tasks if "-" not in task.name]


def step_size(name: str) -> float:
    """The step size at which a way did best in tuning; the smaller one of two that are alike."""
    return max(TUNING[name], key=lambda size: (TUNING[name][size], -size))


def compared(runs: Runs, tasks: Sequence[Task], ways: Mapping[str, Way] = WAYS) -> dict[str, Columns]:
    """The scores of each way at its own step size, and of plain clips."""
    rows = {"plain": runs.scores("plain", plain, tasks)}
    for name, steering in ways.items():
        rows[name] = runs.scores(
            f"peers/{name}", steering, tasks, replace(RELEASE, step_size=step_size(name))
        )
    return rows


def work(
    pipe: Any, task: Task, say: Callable[[str], None], ways: Mapping[str, Way] = WAYS
) -> dict[str, dict[str, float]]:
    """FLOPs and peak memory of a run of each for one clip, as ratios to the plain one.

    The reading of the reference is included."""
    one = Task(task.name, task.motion, task.reference, task.prompts[:1], task.seed)
    weights = sum(p.nbytes for p in pipe.unet.parameters())
    spent = {}
    for name, steering in {"plain": plain, **ways}.items():
        say(f"{name}: FLOPs and memory")

        def run(steering: Way = steering) -> None:
            with steering(pipe, one, RELEASE):
                sample(pipe, one)

        spent[name] = {"flops": counting.flops(run), "memory": weights + counting.memory(run)}
    return {
        name: {what: round(value / spent["plain"][what], 2) for what, value in row.items()}
        for name, row in spent.items()
    }
