"""`moft app` as a process: how tests start it, wait for it, and end its worker, which outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moft.app.folder import WORKER, Folder


def program(folder: Path, *more: str) -> list[str]:
    """The command that serves a folder and opens no browser."""
    return [sys.executable, "-m", "moft.cli", "app", "--no-browser", "--folder", str(folder), *more]


def free_port() -> int:
    """One that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def until(holds: Callable[[], Any], seconds: float, said: Callable[[], str] = lambda: "it comes") -> None:
    """Ask until it holds; AssertionError, with what is said of it, where that takes longer."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, said()
        time.sleep(0.05)


def worker_of(folder: Path) -> int:
    """The process that works in a folder; 0 before there was one."""
    return int(Folder(folder).note(WORKER) or 0)


def end_worker(folder: Path) -> None:
    """Kill it, if it is still at work."""
    if Folder(folder).is_held(WORKER):
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker_of(folder), signal.SIGKILL)
