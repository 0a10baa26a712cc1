"""One command, killed again and again."""

from __future__ import annotations

import collections
import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from faults.commands import Command, begin, run

# mostly the one that cannot be heard
SIGNALS = (signal.SIGKILL,) * 6 + (signal.SIGTERM, signal.SIGINT)
PARTS = ".parts"  # of the folders in which a stopped command keeps what it found


class Victim:
    """A command, an older and a newer result of it, and how long it takes."""

    def __init__(self, command: Command, folder: Path) -> None:
        self.command, self.folder, self.tally = command, folder, collections.Counter[str]()
        begin(command, folder)
        self._whole(0)
        self.older = folder.with_name(f"{folder.name}-older")
        shutil.copytree(folder, self.older)
        started = time.monotonic()
        self._whole(1)
        self.seconds = time.monotonic() - started
        self.newer = folder.with_name(f"{folder.name}-newer")
        shutil.copytree(folder, self.newer)

    def once(self, chance: random.Random, again: bool) -> list[str]:
        """Kill one run on top of the older result; what is wrong then. again: let another run end then."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.older, self.folder)
        number = chance.choice(SIGNALS)
        after, within = chance.uniform(0, 1.1 * self.seconds), chance.choice([None, chance.uniform(0, 0.05)])
        status = self._fork(1, after, within, number)
        faults = []
        if number != signal.SIGKILL and status not in (0, 128 + number, -number):  # -number: not begun yet
            faults.append(f"status {status} after signal {number}")
        left = self._left()
        self.tally["with a passing folder"] += bool(left)
        if left and number != signal.SIGKILL:
            faults.append(f"left {left} after signal {number}")
        self._next()
        if self._left():
            faults.append(f"left {self._left()} after the next run")
        if (state := self._state()) is None:
            faults.append("files of two runs, or broken ones")
        self.tally[f"gave the {state} result"] += 1
        if again:
            self._whole(1)
            if self._state() != "newer" or self._left() or list(self.folder.glob(f".*{PARTS}")):
                faults.append("another run did not give what it should")
        return faults

    def _fork(
        self, seed: int, after: float | None = None, within: float | None = None, number: int = 0
    ) -> int:
        """Run the command in a process of its own, to its end or until a signal after so many seconds; with
        `within`, so many seconds after the first passing folder that is there then. Its status."""
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_RDWR), 1)
            if after is not None or not os.environ.get("FAULTS_SHOW"):
                os.dup2(1, 2)
            sys.stdout = sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
            try:
                run(self.command.typed(self.folder, seed))
            except SystemExit as end:
                os._exit(end.code if isinstance(end.code, int) else 1)
            finally:
                os._exit(99)
        if after is not None:
            end = time.monotonic() + after
            while time.monotonic() < end or (within is not None and not self._left()):
                done, status = os.waitpid(child, os.WNOHANG)
                if done:
                    return os.waitstatus_to_exitcode(status)
                time.sleep(0.001)
            time.sleep(within or 0)
            os.kill(child, number)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _whole(self, seed: int) -> None:
        status = self._fork(seed)
        if status:
            raise SystemExit(f"{' '.join(self.command.typed(self.folder, seed))} ended with {status}")

    def _next(self) -> None:
        """What the next run does first in the same folders."""
        from moft.media.files import check_writable

        for folder in {self.folder, *(path for path in self.folder.rglob("*") if path.is_dir())}:
            if folder.exists() and not folder.name.startswith("."):
                check_writable(folder / "another")

    def _left(self) -> list[str]:
        """Files that are no result; what a command keeps to go on from is not among them."""
        found = []
        for at, folders, files in os.walk(self.folder):  # which bears what goes away meanwhile
            folders[:] = [name for name in folders if not name.endswith(PARTS)]
            found += [os.path.join(at, name) for name in (*folders, *files) if name.startswith(".")]
        return [os.path.relpath(name, self.folder) for name in found]

    def _state(self) -> str | None:
        """Which result is there: "older", "newer", or None for neither in whole."""
        of = {"older": self.older, "newer": self.newer}
        for name, kept in of.items():
            if all(_alike(self.folder / file, kept / file) for file in self.command.files):
                return name
        return None


def _alike(one: Path, other: Path) -> bool:
    """The same bytes, or a record or a report that differs in times alone."""
    if one.read_bytes() == other.read_bytes():
        return True
    if one.suffix == ".json":
        return _timeless(json.loads(one.read_text())) == _timeless(json.loads(other.read_text()))
    return one.suffix == ".html" and len(one.read_bytes()) > 0 and _clips(one) == _clips(other)


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        said = {"seconds", "peak_memory_mb", "guidance_seconds", "seconds_ratio", "command"}
        return {key: _timeless(held) for key, held in value.items() if key not in said}
    return [_timeless(held) for held in value] if isinstance(value, list) else value


def _clips(page: Path) -> list[str]:
    """The pictures of a report."""
    return [
        part.split('"')[0] for part in page.read_text(encoding="utf-8").split("data:image/png;base64,")[1:]
    ]
