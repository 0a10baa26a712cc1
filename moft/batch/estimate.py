"""What a batch may take, before it runs: one job is tried in few steps, and the rest reckoned by it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from moft.batch.manifest import read_lines
from moft.batch.work import Work

if TYPE_CHECKING:
    from pathlib import Path

    from moft.feature.model import Model
    from moft.runs.job import Scene

FEW, MORE = 5, 10  # steps of the two trials


@dataclass(frozen=True)
class Estimate:
    """Of all jobs, by one that was tried. It is a guess: other requests cost otherwise, and so does a machine
    at other work."""

    jobs: int
    seconds: float  # of all jobs, one after the other, without loading models
    loading: float  # seconds of the model that was tried
    memory_mb: float | None  # most of one worker, of the process or on the accelerator

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def estimated(model: Model, jobs: Iterable[Work], loading: float = 0.0) -> Estimate | None:
    """Runs the first job twice, in 5 and in 10 steps, so that what each step takes is told from what each run
    takes; steps of other sizes cost as many times as much as they have pixels. A plain run counts once for
    all jobs of its scene. None without jobs."""
    count, first, plain, rest = 0, None, Amount(), Amount()
    scenes: set[Scene] = set()
    for wanted in jobs:
        first, scene = first or wanted, replace(wanted.job.scene, fps=None)
        size, base = scene.size or model.size(), first.job.scene.size or model.size()
        share = size.frames * size.height * size.width / (base.frames * base.height * base.width)
        count, retries = count + 1, wanted.job.retries  # at most
        plain.add(share * (retries + (scene not in scenes)), scene.steps)
        rest.add(share * (retries + 1), scene.steps)
        scenes.add(scene)
    if first is None:
        return None
    few, more = (_tried(model, first, number) for number in (FEW, MORE))
    seconds = plain.seconds(few[0], more[0]) + rest.seconds(few[1], more[1])
    return Estimate(count, seconds, loading, more[2])


@dataclass
class Amount:
    """How much there is to do."""

    runs: float = 0.0
    steps: float = 0.0

    def add(self, runs: float, steps: int) -> None:
        """So many runs of so many steps."""
        self.runs, self.steps = self.runs + runs, self.steps + runs * steps

    def seconds(self, few: float, more: float) -> float:
        """All of it takes, if a run of `FEW` steps and one of `MORE` take so many seconds."""
        a_step = max(more - few, 0.0) / (MORE - FEW)
        return a_step * self.steps + max(few - FEW * a_step, 0.0) * self.runs


def _tried(model: Model, wanted: Work, steps: int) -> tuple[float, float, float | None]:
    """Seconds of the plain run and of the rest, and most memory in MB, of a job in other steps."""
    from moft.runs.running import run

    job = replace(wanted.job, scene=replace(wanted.job.scene, steps=steps), retries=0)
    started = time.perf_counter()
    best = run(model, job).best
    whole, plain = time.perf_counter() - started, best.plain.seconds
    found = [clip.peak_memory_mb for clip in (best.plain, best.steered)]
    return plain, whole - plain, max((mb for mb in found if mb is not None), default=None)


def estimate(path: Path, defaults: dict[str, Any] | None) -> dict[str, Any] | None:
    """Of the jobs of a manifest, by the first of them; plain JSON, for `apart`. None where there are none."""
    from moft.feature.model import load
    from moft.models.loading import settle_threads

    jobs = (line for _, line in read_lines(path, defaults) if isinstance(line, Work))
    first = next(jobs, None)
    if first is None:
        return None
    started = time.perf_counter()
    model = load(first.model, channels=first.channels)
    model.pipe.set_progress_bar_config(disable=True)
    settle_threads(model.pipe)
    loading = time.perf_counter() - started
    found = estimated(model, chain([first], jobs), loading)
    return None if found is None else found.to_json()
