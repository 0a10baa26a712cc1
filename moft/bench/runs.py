"""Samples the clips of a comparison, each once, and scores them. Clips stay in a folder, so that a run that
was cut off goes on."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from moft.bench.task import GUIDANCE_SCALE, STEPS, Scenes, Task, Way, judged, plain, sample
from moft.media.files import make_folder, staging
from moft.metrics.quality import SHARPNESS, Judge
from moft.provenance import versions
from moft.steering.settings import Settings

Columns = dict[str, list[float]]  # one value a clip, by what `judged` calls it; and seconds, of the processor


@dataclasses.dataclass(frozen=True)
class Runs:
    """The clips of one comparison.

    folder: where they are kept, by way and task. One whose settings or versions were others is sampled again;
        a way whose code has changed since is not noticed.
    say: told of each as it is done.
    judge: of single frames.
    """

    pipe: Any
    folder: Path
    say: Callable[[str], None]
    steps: int = STEPS
    judge: Judge = SHARPNESS

    def scores(self, name: str, way: Way, tasks: Sequence[Task], settings: Settings | None = None) -> Columns:
        """Of every clip, tasks in order and prompts within."""
        found: Columns = {}
        for task in tasks:
            videos, seconds = self.clips(name, way, task, settings or Settings())
            before, _ = self.clips("plain", plain, task, Settings())
            rows = [
                judged(task, video, other, self.judge) for video, other in zip(videos, before, strict=True)
            ]
            for row in rows:
                for key, value in {**row, "seconds": seconds / len(videos)}.items():
                    found.setdefault(key, []).append(round(value, 4))
            fidelity = float(np.mean([row["fidelity"] for row in rows]))
            self.say(f"{name}, {task.name}: fidelity {fidelity:.3f}, {seconds:.0f} s")
        return found

    def clips(
        self,
        name: str,
        way: Callable[[Any, Any, Settings], AbstractContextManager[Any]],
        task: Scenes,
        settings: Settings,
    ) -> tuple[np.ndarray, float]:
        """uint8 (n f h w 3), one a prompt, and the processor's seconds for all of them."""
        path = self.folder / name / f"{task.name}-{task.seed}.npz"
        made = json.dumps(
            {
                "prompts": task.prompts,
                "steps": self.steps,
                "guidance": GUIDANCE_SCALE,
                "settings": changed(settings),
                "versions": versions(),
            },
            sort_keys=True,
        )
        if path.exists():
            with np.load(path) as kept:  # never pickled: numpy refuses unless told otherwise
                if str(kept["made"]) == made:
                    return kept["videos"], float(kept["seconds"])
        started = time.process_time()
        with way(self.pipe, task, settings):
            videos = sample(self.pipe, task, steps=self.steps)
        seconds = time.process_time() - started
        make_folder(self.folder)
        with staging(self.folder) as aside:
            held = aside / path.relative_to(self.folder)
            held.parent.mkdir(parents=True)
            np.savez_compressed(held, videos=videos, seconds=seconds, made=made)
        return videos, seconds


def changed(settings: Settings) -> dict[str, Any]:
    """What is not as it comes."""
    usual = Settings()
    return {
        name: value for name, value in dataclasses.asdict(settings).items() if value != getattr(usual, name)
    }


def table(runs: Runs, ways: Mapping[str, Way], tasks: Sequence[Task], folder: str) -> dict[str, Columns]:
    """The scores of each way; its clips lie in this folder of the runs', but for plain ones, which all tables
    share."""
    return {
        name: runs.scores(name if way is plain else folder + name, way, tasks) for name, way in ways.items()
    }
