"""Other systems' objectives beside MOFT, on the same model, tasks and guided steps, each at a step size found with the same budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from moft.bench import counting, features
from moft.bench.peers import PEERS, TUNING
from moft.bench.runs import Columns, Runs
from moft.bench.task import Task, Way, plain, sample
from moft.feature.reference import from_clip
from moft.steering.entry import steer
from moft.steering.settings import Settings


def from_the_clip(pipe: Any, task: Task, settings: Settings) -> AbstractContextManager[Any]:
    """MOFT from the clip, as it comes."""
    return steer(pipe, from_clip(pipe, task.reference), settings=settings)


WAYS: dict[str, Way] = {"moft": from_the_clip, "synthesised": features.synthesised, **PEERS}


def straight(tasks: Sequence[Task]) -> list[Task]:
    """Those that go along a side of the frame: half of the eight directions."""
    return [task for task in tasks if "-" not in task.name]


def step_size(name: str) -> float:
    """The step size at which a way did best in tuning; the smaller one of two that are alike."""
    return max(TUNING[name], key=lambda size: (TUNING[name][size], -size))


def compared(runs: Runs, tasks: Sequence[Task], ways: Mapping[str, Way] = WAYS) -> dict[str, Columns]:
    """The scores of each way at its own step size, and of plain clips."""
    rows = {"plain": runs.scores("plain", plain, tasks)}
    for name, way in ways.items():
        rows[name] = runs.scores(f"peers/{name}", way, tasks, Settings(step_size=step_size(name)))
    return rows


def work(
    pipe: Any, task: Task, say: Callable[[str], None], ways: Mapping[str, Way] = WAYS
) -> dict[str, dict[str, float]]:
    """FLOPs and peak memory of a run of each for one clip, its reading of the reference included, as ratios to the plain one."""
    one = Task(task.name, task.motion, task.reference, task.prompts[:1], task.seed)
    weights = sum(p.nbytes for p in pipe.unet.parameters())
    found = {}
    for name, way in {"plain": plain, **ways}.items():
        say(f"{name}: FLOPs and memory")

        def run(way: Way = way) -> None:
            with way(pipe, one, Settings()):
                sample(pipe, one)

        found[name] = {"flops": counting.flops(run), "memory": weights + counting.memory(run)}
    return {
        name: {what: round(value / found["plain"][what], 2) for what, value in row.items()}
        for name, row in found.items()
    }
