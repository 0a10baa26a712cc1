"""Training's examples to draw from, and its log."""

from __future__ import annotations

import collections
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

Rows = dict[str, Tensor]  # by name; the first axis is the example
BLOCK = 32  # rows made at once


class Pool:
    """Rows made by a costly function, each drawn about `reuse` times before it is replaced.

    make: n rows of block number k; the same for the same number. It may be exchanged at any time. begin: rows
    that are there for the first draw; from there the pool grows to `size`.
    """

    def __init__(self, make: Callable[[int, int], Rows], size: int, reuse: float, begin: int = BLOCK) -> None:
        self.make, self.reuse, self.begin = make, reuse, min(size, begin)
        self.blocks: collections.deque[Rows] = collections.deque(maxlen=max(1, size // BLOCK))
        self.made, self.debt = 0, 0.0

    def __len__(self) -> int:
        return BLOCK * len(self.blocks)

    def draw(self, n: int) -> Rows:
        """n rows at random, by torch's own generator; now and then a new block is made."""
        self.debt += n / self.reuse
        while len(self) < self.begin or self.debt >= BLOCK:
            self.debt -= BLOCK if len(self) >= self.begin else 0
            self.blocks.append(self.make(BLOCK, self.made))
            self.made += 1
        at = [(self.blocks[i // BLOCK], i % BLOCK) for i in torch.randint(len(self), (n,)).tolist()]
        return {name: torch.stack([block[name][i] for block, i in at]) for name in self.blocks[0]}

    def state(self) -> dict[str, Any]:
        """All that the next draws depend on, but for `make` and torch's generator."""
        return {"blocks": list(self.blocks), "made": self.made, "debt": self.debt}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.made, self.debt = state["made"], state["debt"]
        self.blocks.clear()
        self.blocks.extend(state["blocks"])


class Log:
    """One JSON object a line, printed and appended."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, **entry: object) -> None:
        line = json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in entry.items()})
        print(line, flush=True)
        with self.path.open("a") as file:
            file.write(line + "\n")
