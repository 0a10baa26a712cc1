"""The loop of one worker: take a job, make it, keep what it gave, until none is left.

    work("sweep/jobs.sqlite", "sweep")

It runs in a process of its own and shares nothing with others but the store: so it may be killed at any
moment. A job's files lie in a folder of its key, the record last: where that is there, the job was done.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from moft.batch.rows import Claimed
from moft.batch.store import PASSING, Store
from moft.batch.work import Work
from moft.errors import MediaError, MoftError
from moft.memory import is_disk_full, is_out_of_memory
from moft.printing import in_a_line
from moft.runs.sample import ROOM, Before

if TYPE_CHECKING:
    from moft.feature.model import Model
    from moft.runs.sample import Step, Watch

CLIP, RECORD = "clip.mp4", "clip.json"
EVERY = 0.2  # seconds between two notes of how far a job is
PAUSE = 0.5  # seconds between two looks for a job, where none is left


class Runner(Protocol):
    """Makes what a job asks, and gives what the store keeps of it."""

    def __call__(self, job: Claimed, out: Path, watch: Watcher) -> Any: ...


class Gone(MoftError):
    """Raised inside a run whose worker is to end: the job goes back to the queue."""


class Watcher:
    """Between a run and the store: told of every step, it notes how far the run is, and ends it where nobody
    wants it any more.

    alone: whether whoever started this process has ended.
    """

    def __init__(self, store: Store, key: str, alone: Callable[[], bool]) -> None:
        self.store, self.key, self.alone = store, key, alone
        self._noted = 0.0

    def of(self, show: Callable[[Step], dict[str, Any]] | None = None) -> Watch:
        """What `moft.run` takes. show: what else is noted of a step."""

        def watch(step: Step) -> None:
            self.check()
            shown = {} if show is None else show(step)
            now = time.monotonic()
            if now - self._noted >= EVERY or step.index == step.count:
                self._noted = now
                far = {"part": step.part, "index": step.index, "count": step.count, **shown}
                with suppress(MediaError):  # a disk without room for a note is no reason to stop
                    self.store.event(self.key, PASSING, far)

        return watch

    def check(self) -> None:
        """Raise `Cancelled` for a job that nobody wants any more, `Gone` if the worker is to end."""
        from moft.runs.sample import Cancelled

        if not self.store.wanted(self.key):
            raise Cancelled("cancelled")
        if self.alone():
            raise Gone("whoever asked has ended")


class Maker:
    """Makes clips as `moft steer` does, with the model of the job before if that will do, and the plain runs
    of those before."""

    def __init__(self) -> None:
        import torch

        self._threads = torch.get_num_threads()
        self._source: tuple[str, str | None] | None = None
        self._model: Model | None = None
        self.before = Before(ROOM)

    def __call__(self, job: Claimed, out: Path, watch: Watcher) -> dict[str, Any]:
        from moft.media.files import make_folder
        from moft.runs.running import run
        from moft.runs.save import check_output

        wanted = Work.parse(job.job)
        wanted.check_inputs()
        model = self.loaded(wanted.source)
        make_folder(out)
        check_output(out / CLIP, wanted.files, wanted.job.scene.fps)
        found = run(model, wanted.job, watch=watch.of(), before=self.before)
        return told(found.save(out / CLIP))

    def loaded(self, source: tuple[str, str | None]) -> Model:
        """The model of a name, with motion channels of a file or its own (None); the one before is let go
        first."""
        import torch

        from moft.feature.model import load
        from moft.models.loading import settle_threads

        if self._model is None or self._source != source:
            self._model, self.before = None, Before(ROOM)
            torch.set_num_threads(self._threads)
            self._model = load(source[0], channels=source[1])
            self._source = source
            settle_threads(self._model.pipe)
        return self._model


def told(record: dict[str, Any]) -> dict[str, Any]:
    """Of a record what a table of many shows."""
    outcome = [one["steered"] for one in record["outcome"]] if "outcome" in record else []
    steered = "dragged" if "points" in record else "steered"  # as the record of a drag calls it
    memory = [record[part]["peak_memory_mb"] for part in ("plain", steered)]
    return {
        "followed": record["arrived"] if "points" in record else record["followed"],
        "asked": record["asked"],
        "share": [one.get("share") for one in outcome],
        "angle": [one.get("angle") for one in outcome],
        "seconds": {
            "plain": record["plain"]["seconds"],
            "steered": record[steered]["seconds"],
            "guidance": record["guidance_seconds"],
        },
        "peak_memory_mb": max((value for value in memory if value is not None), default=None),
        "tries": len(record["tries"]),
        "seed": record["seed"],
        "frames_digest": record["frames_digest"],
        "notes": record["notes"],
    }


def stands(out: Path) -> dict[str, Any] | None:
    """What is told of a job whose files are there, since its worker ended before it could say so."""
    from moft import plain

    try:
        return told(plain.parse((out / RECORD).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Worker:
    """One of those who share a store.

    Args:
        folder: where jobs' folders are made.
        runner: what makes them.
        retries: how often a job that fails is tried again.
        forever: wait for jobs instead of ending when there are none.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        runner: Runner,
        *,
        retries: int = 0,
        forever: bool = False,
    ) -> None:
        self.store, self.folder, self.runner = store, folder, runner
        self.retries, self.forever = retries, forever
        starter = multiprocessing.parent_process()  # which may be gone by now
        self._parent = os.getppid() if starter is None else starter.pid

    def run(self) -> None:
        """Make jobs until none is left, or whoever started this process has ended."""
        with self.store.worker() as me:
            while not self.alone():
                if (job := self.store.claim(me)) is not None:
                    self.make(job)
                elif self.forever:
                    time.sleep(PAUSE)
                else:
                    return

    def alone(self) -> bool:
        """Whether whoever started this process has ended, killed perhaps."""
        return os.getppid() != self._parent

    def make(self, job: Claimed) -> None:
        """One job, to whatever end: its own errors are kept, and the next one may come. What ends the worker
        itself, a signal or a disk that is full, is raised."""
        from moft.runs.sample import Cancelled

        out = self.folder / job.key
        if (found := stands(out)) is not None:
            self.store.done(job.key, found)
            return
        watch = Watcher(self.store, job.key, self.alone)
        try:
            found = self.runner(job, out, watch)
        except (Cancelled, Gone):
            self.store.stopped(job.key)
        except Exception as error:
            if is_disk_full(error):
                self.store.stopped(job.key)
                raise
            self.store.failed(job.key, why_failed(error), again=job.attempts <= self.retries)
        except BaseException:
            self.store.stopped(job.key)
            raise
        else:
            self.store.done(job.key, found)


def why_failed(error: Exception) -> str:
    """What a job failed of, in a line: an error raised on purpose says it itself."""
    text = in_a_line(error)
    if isinstance(error, MoftError):
        return text
    if is_out_of_memory(error):
        return "out of memory; ask for fewer frames or a smaller size, or for save_memory"
    return f"{type(error).__name__}: {text[:300]}; moft did not foresee this: run the job by itself"


def work(store: str, folder: str, index: int = 0, *, retries: int = 0) -> None:
    """What a process of a batch runs: make jobs until none is left. index: which of several workers."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_device(index % torch.cuda.device_count())
    Worker(Store(store), Path(folder), Maker(), retries=retries).run()
