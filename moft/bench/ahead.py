"""Table 1 sampled and scored ahead, by several processes at once; `moft.bench.runs.Runs` finds the scores.

The queue of what to sample is passing: what is kept are clips and scores, so a run that was cut off goes on.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from moft.bench.runs import Runs
from moft.bench.task import Task, Way, held_out, plain, prompts_of
from moft.errors import MoftError

TABLE = "features/"  # folder of Table 1's clips, inside that of all


def table1(all_channels: Way) -> dict[str, Way]:
    """The rows of Table 1; the last steers by every channel."""
    from moft.bench.ways.features import TABLE1

    return {**TABLE1, "ccr": all_channels}


def sample_ahead(
    out: Path,
    say: Callable[[str], None],
    directions: Sequence[str],
    prompts: int,
    workers: int,
    model: str = "miniature",
) -> None:
    """Sample what Table 1 of these tasks is made of into a folder of clips; what is there stays.

    Raises MoftError for what could not be sampled."""
    from moft.batch.driver import drive
    from moft.batch.store import Store
    from moft.bench.ways.features import TABLE1

    asked = {"directions": list(directions), "prompts": prompts}
    count = len(held_out(directions, prompts_of(prompts)))
    ways = (*TABLE1, "ccr")  # of a run that was cut off, fewer pairs have all
    jobs = [{**asked, "way": way, "task": i} for i in range(count) for way in ways]
    said = [-1]

    def tell(counts: dict[str, int]) -> None:
        if counts["done"] != said[0]:
            said[0] = counts["done"]
            say(f"sampled {counts['done']} of {len(jobs)}")

    with tempfile.TemporaryDirectory() as place:
        store = Store(Path(place) / "jobs.sqlite")
        store.add((str(i), json.dumps(job), "") for i, job in enumerate(jobs))
        drive(store, out, tell, workers=workers, target=partial(sample, model=model))
        for row in store.rows("failed", "poisoned"):
            raise MoftError(f"cannot sample {row.job}: {row.error}; run it again")


def sample(store: str, folder: str, index: int = 0, *, retries: int = 0, model: str = "miniature") -> None:
    """What each process runs."""
    from moft.batch.store import Store
    from moft.batch.worker import Worker

    Worker(Store(store), Path(folder), Sampler(Path(folder), model), retries=retries).run()


class Sampler:
    """Samples a task in a way, into the folder of clips, and scores it."""

    def __init__(self, folder: Path, model: str = "miniature", pipe: Any = None) -> None:
        from moft.bench.control.commands import quiet_pipeline
        from moft.bench.ways.layers import layers_of
        from moft.feature.statistics import find_statistics

        pipe = quiet_pipeline(model) if pipe is None else pipe
        own = find_statistics(pipe).layer
        self.runs = Runs(pipe, folder, lambda _: None)
        self.ways = table1(layers_of(pipe, (own,))[own].ways(pipe, (1.0,))["ccr"])
        self._tasks: tuple[str, list[Task]] = "", []

    def __call__(self, job: Any, out: Path, watch: Any) -> None:
        asked = json.loads(job.job)
        way = self.ways[asked["way"]]
        name = asked["way"] if way is plain else TABLE + asked["way"]
        self.runs.scores(name, way, [self._tasks_of(asked)[asked["task"]]])

    def _tasks_of(self, asked: dict[str, Any]) -> list[Task]:
        """Drawn once."""
        of = json.dumps([asked["directions"], asked["prompts"]])
        if self._tasks[0] != of:
            self._tasks = of, held_out(tuple(asked["directions"]), prompts_of(asked["prompts"]))
        return self._tasks[1]
