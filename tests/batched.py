"""Small jobs, as a manifest and a store have them, and workers that make nothing of them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import moft
from moft.batch.rows import Claimed
from moft.batch.store import Store
from moft.batch.work import Work
from moft.batch.worker import Watcher, Worker

SMALL = {"steps": 3, "size": {"frames": 4, "height": 32, "width": 32}, "settings": {"steps": [0, 1]}}


def small(**changes: Any) -> dict[str, Any]:
    """A job of a few frames and steps, as in a manifest."""
    return {"prompt": "red cells", "requests": [{"direction": "left"}], **SMALL, **changes}


def row(model: moft.Model, **changes: Any) -> tuple[str, str, str]:
    """What `Store.add` takes."""
    return Work.from_json(small(**changes)).ready(model, {}).row(model)


def nothing(store: str, folder: str, index: int, *, retries: int) -> None:
    """A worker's process that makes nothing, and whose jobs say by their notes how they end: "fails" or
    "kills"."""

    def make(job: Claimed, out: Path, watch: Watcher) -> dict[str, Any]:
        if job.note == "kills":
            os.kill(os.getpid(), signal.SIGKILL)
        if job.note == "fails":
            raise moft.MoftError("it was told to")
        return {"worker": index}

    Worker(Store(store), Path(folder), make, retries=retries).run()


def hopeless(store: str, folder: str, index: int, *, retries: int) -> None:
    """One that dies before it takes a job."""
    os._exit(7)


def refusing(store: str, folder: str, index: int, *, retries: int) -> None:
    """One that says why it cannot go on."""
    raise moft.MediaError("the disk is full")


def gives(value: Any) -> Any:
    return {"given": value}


def refuses() -> None:
    raise moft.RequestError("expected more")


def dies() -> None:
    os._exit(9)


class Told:
    """Makes nothing, in an actor of Ray: fails, kills its process, or kills it the first time, as the job's
    note says."""

    def __call__(self, job: Claimed, out: Path, watch: Any) -> dict[str, Any]:
        first = not out.exists()
        out.mkdir(exist_ok=True)
        if job.note == "kills" or (job.note == "kills once" and first):
            os._exit(1)
        if job.note == "fails":
            raise moft.MoftError("it was told to")
        return {}


class Slow:
    """Makes nothing, for a while, and leaves a line for each time that it made a job."""

    def __call__(self, job: Claimed, out: Path, watch: Any) -> dict[str, Any]:
        time.sleep(0.2)
        out.mkdir(exist_ok=True)
        with open(out / "made", "a") as file:
            file.write(f"{os.getppid()}\n")
        return {"by": os.getppid()}
