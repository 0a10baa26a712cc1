"""Workers that are known to live by a lock each, which the system frees however they end."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # Windows, where no file can be removed that a process has open
    fcntl = None  # type: ignore[assignment]


class Workers:
    """The workers of one store; a folder holds a file for each. Where the disk fails, OSError is raised."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def one(self) -> Iterator[str]:
        """A worker of a name that no other has, alive as long as the block and its process."""
        name = secrets.token_hex(8)
        self.folder.mkdir(exist_ok=True)
        at = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(at, fcntl.LOCK_EX)
            yield name
        finally:
            os.close(at)
            with contextlib.suppress(OSError):
                (self.folder / name).unlink()

    def is_alive(self, name: str) -> bool:
        """Whether a worker's lock is held; the file of a dead one is taken away."""
        file = self.folder / name
        try:
            at = os.open(file, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            if fcntl is not None:
                fcntl.flock(at, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(at)
        try:
            file.unlink()
        except FileNotFoundError:
            return False
        except PermissionError:
            return fcntl is None
        return False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One process at a time is inside."""
        if fcntl is None:
            yield
            return
        self.folder.mkdir(exist_ok=True)
        at = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(at, fcntl.LOCK_EX)
            yield
        finally:
            os.close(at)
