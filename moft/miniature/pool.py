"""A pool of rendered examples to draw from, a clock, and a log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch


class Pool:
    """Rows made by a costly function, each drawn about `reuse` times before it is replaced.

    Starts with few rows and grows to `size`, so that training begins at once; `make` may be exchanged at any
    time.
    """

    def __init__(
        self, make: Callable[[int], dict[str, torch.Tensor]], size: int, reuse: int, seed: int
    ) -> None:
        self.make, self.size, self.reuse, self.oldest, self.debt = make, size, reuse, 0, 0.0
        self.generator = torch.Generator().manual_seed(seed)
        self.rows = make(64)
        for _ in range(min(size, 768) // 64 - 1):
            self._add(make(64))

    def __len__(self) -> int:
        return len(next(iter(self.rows.values())))

    def _add(self, fresh: dict[str, torch.Tensor]) -> None:
        if len(self) < self.size:
            self.rows = {name: torch.cat([rows, fresh[name]]) for name, rows in self.rows.items()}
            return
        for name, rows in self.rows.items():
            rows[self.oldest : self.oldest + 64] = fresh[name]
        self.oldest = (self.oldest + 64) % (len(self) // 64 * 64)

    def draw(self, n: int) -> dict[str, torch.Tensor]:
        """n rows at random; now and then 64 new ones are made."""
        self.debt += n / self.reuse
        while self.debt >= 64:
            self.debt -= 64
            self._add(self.make(64))
        at = torch.randint(len(self), (n,), generator=self.generator)
        return {name: rows[at] for name, rows in self.rows.items()}


def until(minutes: float) -> Iterator[float]:
    """Shares of the time that have passed, until it is over."""
    start = time.monotonic()
    while (share := (time.monotonic() - start) / (60 * minutes)) < 1:
        yield share


class Log:
    """One JSON object a line, printed and appended."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, **entry: object) -> None:
        line = json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in entry.items()})
        print(line, flush=True)
        with self.path.open("a") as file:
            file.write(line + "\n")
