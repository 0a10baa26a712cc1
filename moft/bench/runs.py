"""Samples the clips of a comparison, each once, and scores them. Clips and scores stay in a folder, so that a
run that was cut off goes on; scores alone will do, since of those that are there no clip is sampled."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from moft import plain as plainly
from moft.bench.task import GUIDANCE_SCALE, STEPS, Scenes, Task, Way, judged, plain, sample
from moft.feature.statistics import find_statistics, statistics_path
from moft.media.files import make_folder, staging
from moft.metrics.quality import SHARPNESS, Judge
from moft.provenance import versions
from moft.steering.objective import EARLY, STEP, UPDATES
from moft.steering.settings import Settings

# All ways that are compared are asked as hard as in the release.
RELEASE = Settings(EARLY, UPDATES, STEP, keep_spread=False, warp_noise=0)
SCORES = "scores.jsonl"  # beside the folders of clips
Columns = dict[str, list[float]]  # one value a clip, by what `judged` calls it; and seconds, of the processor


@dataclasses.dataclass(frozen=True)
class Runs:
    """The clips of one comparison.

    folder: where they are kept, by way and task. One whose model, settings or versions were others is sampled
        again; a way whose code has changed since is not noticed.
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
            for key, values in self._scored(name, way, task, settings or RELEASE).items():
                found.setdefault(key, []).extend(values)
        return found

    def _scored(self, name: str, way: Way, task: Task, settings: Settings) -> Columns:
        """Of one task's clips: as they were noted, or else now."""
        key = [name, task.name, task.seed, self.judge.name, self._made(task, settings)]
        for line in self._noted():
            if isinstance(line, dict) and line.get("of") == key:
                return dict(line["scores"])
        videos, seconds = self.clips(name, way, task, settings)
        before, _ = self.clips("plain", plain, task, RELEASE)
        found: Columns = {}
        for video, other in zip(videos, before, strict=True):
            for column, value in {
                **judged(task, video, other, self.judge),
                "seconds": seconds / len(videos),
            }.items():
                found.setdefault(column, []).append(round(value, 4))
        with open(self.folder / SCORES, "a", encoding="utf-8") as file:  # one write: others write there, too
            file.write(json.dumps({"of": key, "scores": found}) + "\n")
        self.say(f"{name}, {task.name}: fidelity {np.mean(found['fidelity']):.3f}, {seconds:.0f} s")
        return found

    def _noted(self) -> Iterator[Any]:
        """What is noted of scores; of a line that was cut off nothing."""
        path = self.folder / SCORES
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            with suppress(ValueError):
                yield plainly.parse(line)

    def _made(self, task: Scenes, settings: Settings) -> str:
        """All that clips are made by, beside the way."""
        told = {
            "prompts": task.prompts,
            "steps": self.steps,
            "guidance": GUIDANCE_SCALE,
            "settings": changed(settings),
            "versions": versions(),
            "model": self._model,
        }
        return json.dumps(told, sort_keys=True)

    @cached_property
    def _model(self) -> str:
        """Digest of its parts' weights, and of its motion channels if any are known."""
        told = hashlib.sha256()
        for name, part in sorted(self.pipe.components.items()):
            for key, value in part.state_dict().items() if isinstance(part, torch.nn.Module) else ():
                told.update(f"{name} {key}".encode())
                told.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        if statistics_path(self.pipe).exists():
            told.update(find_statistics(self.pipe).digest.encode())
        return told.hexdigest()

    def clips(
        self,
        name: str,
        way: Callable[[Any, Any, Settings], AbstractContextManager[Any]],
        task: Scenes,
        settings: Settings,
    ) -> tuple[np.ndarray, float]:
        """uint8 (n f h w 3), one a prompt, and the processor's seconds for all of them."""
        path = self.folder / name / f"{task.name}-{task.seed}.npz"
        made = self._made(task, settings)
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
