"""A step size for MOFT and each other system's objective, chosen by motion fidelity on the tuning tasks, with the same budget for each.

    python -m moft.bench.tuning [--only smm] [--step-size 0.3]

What it prints last is `moft.bench.peers.TUNING`; before that, all scores of each step size, the unguided ones first.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from moft.bench.beside import WAYS
from moft.bench.task import STEPS, Task, Way, judged, plain, sample, tuning
from moft.steering.settings import Settings

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
    """Every way at every step size, one step size after the other; "plain" without guidance comes first, at step size 0."""
    before = [sample(pipe, task, steps=steps) for task in tasks]
    runs = [("plain", plain, 0.0), *((name, way, size) for size in step_sizes for name, way in ways.items())]
    for name, way, size in runs:
        rows = []
        for task, unguided in zip(tasks, before, strict=True):
            videos = unguided
            if way is not plain:
                with way(pipe, task, Settings(step_size=size)):
                    videos = sample(pipe, task, steps=steps)
            rows += [judged(task, video, clip) for video, clip in zip(videos, unguided, strict=True)]
        yield Trial(
            name, size, len(rows), {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        )


def table(found: Sequence[Trial]) -> dict[str, dict[float, float]]:
    """Mean fidelity by way and step size, rounded, without the unguided."""
    fidelity: dict[str, dict[float, float]] = {}
    for trial in found:
        if trial.step_size:
            fidelity.setdefault(trial.way, {})[trial.step_size] = round(trial.scores["fidelity"], 3)
    return fidelity


def main(argv: Sequence[str] | None = None) -> None:
    """The command above."""
    from diffusers import DiffusionPipeline

    from moft.models.loading import miniature_path

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", default=miniature_path(), help="a miniature's folder; default: the shipped one"
    )
    parser.add_argument("--only", choices=WAYS, action="append")
    parser.add_argument(
        "--step-size", type=float, action="append", help=f"default: {', '.join(map(str, STEP_SIZES))}"
    )
    args = parser.parse_args(argv)
    pipe = DiffusionPipeline.from_pretrained(args.model, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    found = []
    for trial in trials(
        pipe, {name: WAYS[name] for name in args.only or WAYS}, tuning(), args.step_size or STEP_SIZES
    ):
        found.append(trial)
        print(
            json.dumps({**vars(trial), "scores": {k: round(v, 3) for k, v in trial.scores.items()}}),
            flush=True,
        )
    print(f"TUNING = {table(found)}")


if __name__ == "__main__":
    main()
