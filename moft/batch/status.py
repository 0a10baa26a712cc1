"""How far a batch is, and how long the rest may take."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from moft.batch.rows import Row
from moft.batch.store import STATES, Store
from moft.printing import span

LEAST = 3  # jobs that must have ended before anything is said of the rest
RECENT = 200  # jobs that say how long one takes
SURE = 2.0  # standard errors: about 95 %


@dataclass(frozen=True)
class Left:
    """Seconds that the rest takes if its jobs are like those before: about, at least, at most."""

    about: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"about {span(self.about)} left ({span(self.least)} to {span(self.most)})"


def left(seconds: Sequence[float], jobs: int, workers: int) -> Left | None:
    """Of so many jobs, from what as many took each as there are numbers; None where these are too few.

    The range grows with how much jobs differ: of the mean that was found, and of the jobs to come."""
    if len(seconds) < LEAST or not workers:
        return None
    mean = sum(seconds) / len(seconds)
    spread = math.sqrt(sum((value - mean) ** 2 for value in seconds) / (len(seconds) - 1))
    error = SURE * spread * math.sqrt(jobs**2 / len(seconds) + jobs)
    about, apart = jobs * mean / workers, error / workers
    return Left(about, max(0.0, about - apart), about + apart)


@dataclass(frozen=True)
class Status:
    """How far the jobs of some stores are."""

    counts: dict[str, int]
    left: Left | None
    failed: list[Row]  # with those that were set aside

    @property
    def jobs(self) -> int:
        return sum(self.counts.values())

    @property
    def rest(self) -> int:
        return self.counts["queued"] + self.counts["running"]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        about = None if self.left is None else self.left.about
        errors = [{"key": r.key, "state": r.state, "line": r.note, "error": r.error} for r in self.failed]
        return {"jobs": self.jobs, **self.counts, "seconds_left": about, "errors": errors}

    def lines(self) -> list[str]:
        """In words."""
        told = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)
        first = f"{self.jobs} jobs: {told or 'none'}"
        if self.rest and self.left is not None:
            first += f"; {self.left}, if the rest is like what was made last"
        return [first, *(f"{r.state}: {r.key} (line {r.note}): {r.error}" for r in self.failed)]


def status_of(stores: Sequence[Store]) -> Status:
    """Of all their jobs together; as many are made at once as now."""
    counts = dict.fromkeys(STATES, 0)
    for store in stores:
        for state, count in store.counts().items():
            counts[state] += count
    took = [seconds for store in stores for seconds in store.durations(RECENT)]
    failed = [row for store in stores for row in store.rows("failed", "poisoned")]
    rest = counts["queued"] + counts["running"]
    return Status(counts, left(took, rest, counts["running"]), failed)


class Pace:
    """How fast jobs end while one looks on, and so how long the rest may take: by the times between two ends,
    so that workers who hinder each other are counted as they do."""

    def __init__(self, workers: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.workers, self._clock, self._last = workers, clock, clock()
        self._took: deque[float] = deque(maxlen=RECENT)
        self.ended, self.jobs = -1, 0

    def line(self, counts: dict[str, int]) -> str:
        """In words, from the counts of now."""
        self.jobs = sum(counts.values())
        rest = counts["queued"] + counts["running"]
        now, ended = self._clock(), self.jobs - rest
        if self.ended < 0 or ended < self.ended:  # the first look
            self.ended, self._last = ended, now
        elif new := ended - self.ended:
            self._took.extend([(now - self._last) / new] * min(new, RECENT))
            self.ended, self._last = ended, now
        failed = counts["failed"] + counts["poisoned"]
        told = f"{ended} of {self.jobs} jobs" + (f", {failed} failed" if failed else "")
        found = left(self._took, rest, 1) if rest else None
        return told + ("" if found is None else f"; {found}")

    def every(self, seconds: float, say: Callable[[str], object]) -> Callable[[dict[str, int]], None]:
        """Says a line at the first look, and then not oftener than this."""
        due = -math.inf

        def tell(counts: dict[str, int]) -> None:
            nonlocal due
            line = self.line(counts)
            if self._clock() >= due:
                due = self._clock() + seconds
                say(line)

        return tell
