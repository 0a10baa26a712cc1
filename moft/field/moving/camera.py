"""The motion of a camera in a step of a clip: the similarity that most of the ground follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from moft.types import Floats

Plane = npt.NDArray[np.complexfloating]  # (h w): x + i y, px, x right, y down

_TRIES, _PLACES, _REFINED = 300, 1500, 8
_NEAR = 2.0  # tolerances, from which a place does not count at all


@dataclass(frozen=True)
class Similarity:
    """What is at z px from the middle of the picture goes by `turn` · z + `shift`, x + i y: `turn` holds the
    growth (real) and the turn (imaginary) of a step."""

    turn: complex
    shift: complex

    def flow(self, height: int, width: int) -> Plane:
        """At each pixel (h w), px."""
        found: Plane = self.turn * places(height, width) + self.shift
        return found

    @property
    def back(self) -> Similarity:
        """Its inverse."""
        return Similarity(1 / (1 + self.turn) - 1, -self.shift / (1 + self.turn))


def places(height: int, width: int) -> Plane:
    """Of the middles of pixels, from that of the picture, px."""
    y, x = np.indices((height, width)) + 0.5
    found: Plane = x - width / 2 + 1j * (y - height / 2)
    return found


def camera_of(flow: Plane, sure: Floats, near: float, edge: float = 2) -> Similarity:
    """The similarity that most of a flow (h w) px follows to within `near` px.

    sure: (h w) in 0…1, how much a place counts; those near the edge count more, where less stands in front
    of the ground. None moves where nothing counts."""
    height, width = flow.shape
    place = places(height, width)
    weight = sure * np.maximum(np.abs(place.real) / width, np.abs(place.imag) / height) ** edge
    which = np.flatnonzero(weight)
    if len(which) < 2:
        return Similarity(0, 0)
    rng = np.random.default_rng(0)
    which = rng.permutation(which)[:_PLACES]
    z, w, weight = place.ravel()[which], flow.ravel()[which], weight.ravel()[which]
    one, other = rng.integers(0, len(which), (2, _TRIES))
    one, other = (at[z[one] != z[other]] for at in (one, other))
    turn = (w[one] - w[other]) / (z[one] - z[other])
    tries = [turn, w[one] - turn * z[one]]
    off = np.abs(tries[0][:, None] * z + tries[1][:, None] - w) / near
    best = int((weight * np.maximum(0, 1 - off**2)).sum(1).argmax())
    found = complex(tries[0][best]), complex(tries[1][best])
    for _ in range(_REFINED):
        off = np.abs(found[0] * z + found[1] - w) / (_NEAR * near)
        found = _fitted(z, w, weight * np.maximum(0, 1 - off**2) ** 2)
    return Similarity(*found)


def _fitted(z: Plane, w: Plane, weight: Floats) -> tuple[complex, complex]:
    """Least squares of w = turn · z + shift."""
    total = max(float(weight.sum()), 1e-9)
    z0, w0 = (weight * z).sum() / total, (weight * w).sum() / total
    spread = max(float((weight * np.abs(z - z0) ** 2).sum()), 1e-9)
    turn = (weight * (z - z0).conj() * (w - w0)).sum() / spread
    return complex(turn), complex(w0 - turn * z0)
