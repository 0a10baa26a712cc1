"""The folder that an app keeps everything in, and what server and worker know of each other by it.

uploads/u-1f….mp4, u-1f….told   what was given, and what it is
runs/KEY/                       what a run gave: clip.mp4, clip.plain.mp4, clip.json …
looks/                          what was read inside a model
models/                         what the page is told of a model
jobs.sqlite                     what was asked, and what became of it (`moft.batch.store`)
server.lock, worker.lock        held by whoever is at work here; the system frees them with the process
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from moft import plain
from moft.batch.store import Store
from moft.errors import MediaError, RequestError
from moft.media.files import make_folder, replacing

try:
    import fcntl
except ModuleNotFoundError:  # Windows: nobody is told that two serve one folder
    fcntl = None  # type: ignore[assignment]

SERVER, WORKER = "server.lock", "worker.lock"


@dataclass(frozen=True)
class Folder:
    """Where an app keeps everything."""

    root: Path

    @classmethod
    def made(cls, root: Path) -> Folder:
        """One that is there, with all that stands in it. Raises MediaError where the disk does not let it
        be."""
        found = cls(root.resolve())
        for part in (found.uploads, found.runs, found.looks, found.models):
            make_folder(part)
        return found

    @property
    def uploads(self) -> Path:
        """What was given."""
        return self.root / "uploads"

    @property
    def runs(self) -> Path:
        """What came out, a folder a run."""
        return self.root / "runs"

    @property
    def looks(self) -> Path:
        """What was read inside models."""
        return self.root / "looks"

    @property
    def models(self) -> Path:
        """What the page is told of models."""
        return self.root / "models"

    @cached_property
    def jobs(self) -> Store:
        """What was asked, and what became of it."""
        return Store(self.root / "jobs.sqlite")

    # ------------------------------------------------------------ who is at work here

    @contextmanager
    def held(self, name: str, note: str = "") -> Iterator[bool]:
        """Hold a lock, and leave a note in it for who comes after; False where another process holds it."""
        at = os.open(self.root / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(at, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(at, 0)
            os.write(at, note.encode())
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(at)

    def is_held(self, name: str) -> bool:
        """Whether some process holds a lock."""
        if fcntl is None:
            return False
        with suppress(FileNotFoundError):
            at = os.open(self.root / name, os.O_RDONLY)
            try:
                fcntl.flock(at, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            finally:
                os.close(at)
        return False

    def note(self, name: str) -> str:
        """What the holder of a lock left in it."""
        try:
            return (self.root / name).read_text(encoding="utf-8")[:500]
        except (OSError, UnicodeDecodeError):
            return ""


def write_json(path: Path, value: Any) -> None:
    """Write plain JSON values, whole or not at all. Raises MediaError where the disk fails."""
    with replacing(path) as passing:
        passing.write_text(json.dumps(value), encoding="utf-8")


def read_json(path: Path) -> Any:
    """What `write_json` wrote; None where there is none, or none that is whole."""
    try:
        return plain.read(path, "a note of the app", most=2**26)
    except RequestError:
        return None


def no_such(what: str, name: str) -> NotHere:
    """The error for an id that stands for nothing here."""
    return NotHere(f"no {what} {name!r:.100} is here; it was taken away, or never was: load the page again")


class NotHere(MediaError):
    """Something that was named is not in the folder."""
