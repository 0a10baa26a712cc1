"""Workers on this machine: as many processes as asked, started anew when they die, until no job is left."""

from __future__ import annotations

import json
import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from moft.batch.store import ALLOWED, Store
from moft.batch.worker import work
from moft.errors import MediaError, MoftError

STORE = "jobs.sqlite"  # in the folder of a batch
LOOK = 0.5  # seconds between two looks at how far it is
GRACE = 5.0  # seconds that workers have to end
FRUITLESS = 3  # workers in a row that died and left no job behind
REFUSED = 2  # status of a worker that says why no other need be tried
_SPAWN = multiprocessing.get_context("spawn")  # threads and accelerators do not survive a fork
Tell = Callable[[dict[str, int]], object]  # is handed `Store.counts` again and again


def store_in(folder: Path, shard: tuple[int, int] = (1, 1)) -> Path:
    """Where the jobs of a batch, or of one part of several, are kept."""
    i, n = shard
    return folder / (STORE if n == 1 else f"jobs-{i}-of-{n}.sqlite")


def stores_in(folder: Path) -> list[Path]:
    """All of them. Raises MediaError where none is."""
    found = sorted(folder.glob("jobs*.sqlite"))
    if not found:
        raise MediaError(
            f"no jobs in {folder}: expected what `moft batch` keeps there, got nothing; check the folder"
        )
    return found


# ---------------------------------------------------------------- a process for what is heavy


def apart(function: Callable[..., Any], *given: Any) -> Any:
    """What a function gives, plain JSON, called in a process of its own: what it loads is let go.

    Raises MoftError with the words of one that it raises, and for a process that died."""
    ours, theirs = _SPAWN.Pipe(duplex=False)
    process = _SPAWN.Process(target=_called, args=(theirs, function, given))
    process.start()
    theirs.close()
    try:
        told = json.loads(ours.recv_bytes())
    except EOFError:
        process.join()
        raise MoftError(
            f"a process of moft died ({_ending(process.exitcode)}); is there memory enough for the model?"
        ) from None
    except BaseException:
        process.terminate()
        raise
    process.join()
    if "error" in told:
        raise MoftError(told["error"])
    return told["gave"]


def _called(pipe: Any, function: Callable[..., Any], given: tuple[Any, ...]) -> None:
    try:
        told = {"gave": function(*given)}
    except MoftError as error:
        told = {"error": str(error)}
    pipe.send_bytes(json.dumps(told).encode())


def _ending(status: int | None) -> str:
    return f"signal {-status}" if status is not None and status < 0 else f"status {status}"


# ---------------------------------------------------------------- workers


def drive(
    store: Store,
    folder: Path,
    tell: Tell,
    *,
    workers: int = 1,
    retries: int = 0,
    allowed: int = ALLOWED,
    target: Callable[..., None] = work,
) -> None:
    """Have the jobs of a store made by processes of this machine, to the last.

    tell: is handed the counts about twice a second. allowed: workers that may die of a job. target: what a
    process runs, as `moft.batch.worker.work`.
    Raises MoftError if workers cannot even begin; jobs that were running then are queued again. So they are
    if a signal ends this.
    """
    store.take_back(allowed=None)  # of a batch that was cut off
    team = _Team(target, (str(store.path), str(folder)), {"retries": retries})
    fruitless, ended = 0, -1
    try:
        while True:
            counts = store.counts()
            tell(counts)
            done = sum(counts.values()) - counts["queued"] - counts["running"]
            if not counts["queued"] and not counts["running"]:
                return team.rest()
            team.fill(min(workers, counts["queued"] + len(team.processes)))
            died = team.wait(LOOK)
            store.settle()
            back = store.take_back(allowed=allowed)
            fruitless = 0 if back or done != ended else fruitless + died
            ended = done
            if team.refused or fruitless >= FRUITLESS:
                raise MoftError(
                    "workers could not go on: expected them to make jobs, got what is said above; mend it, "
                    "and go on with --resume"
                )
    finally:
        team.end()
        store.take_back(allowed=None)


class _Team:
    """Processes that run the same."""

    def __init__(self, target: Callable[..., None], given: tuple[str, ...], named: dict[str, Any]) -> None:
        self.target, self.given, self.named = target, given, named
        self.processes: dict[int, Any] = {}  # by number, from 0
        self.refused = False  # one ended with a status that says that none can go on

    def fill(self, count: int) -> None:
        """Start as many as are missing."""
        for number in range(count):
            if number not in self.processes:
                process = _SPAWN.Process(
                    target=_member, args=(self.target, (*self.given, number), self.named)
                )
                process.start()
                self.processes[number] = process

    def wait(self, seconds: float) -> int:
        """For one of them to end, so long at most; how many died."""
        wait([process.sentinel for process in self.processes.values()], timeout=seconds)
        over = {number: p for number, p in self.processes.items() if p.exitcode is not None}
        for number in over:
            self.processes.pop(number).join()
        self.refused = self.refused or any(p.exitcode == REFUSED for p in over.values())
        return sum(p.exitcode != 0 for p in over.values())

    def rest(self) -> None:
        """No job is left: they end by themselves."""
        for process in self.processes.values():
            process.join(GRACE)

    def end(self) -> None:
        """All of them, at once."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.join(GRACE)
            if process.exitcode is None:
                process.kill()
                process.join()


def _member(target: Callable[..., None], given: tuple[Any, ...], named: dict[str, Any]) -> None:
    """A worker's process: what ends it is said in one line."""
    from moft.printing import in_a_line, say

    try:
        target(*given, **named)
    except KeyboardInterrupt:
        sys.exit(130)
    except MoftError as error:
        say(f"error: {in_a_line(error)}")
        sys.exit(REFUSED)
