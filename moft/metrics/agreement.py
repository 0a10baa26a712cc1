"""How far a clip moves as a field says, over space and time."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.metrics.flow import dense_flow, refuse
from moft.metrics.motion import MIN_CORRELATION, MIN_SHARE, Verdict

if TYPE_CHECKING:
    from moft.types import Floats, Flow, Video

CELLS = 4  # rows and columns of places that are compared


@dataclass(frozen=True)
class Agreement:
    """Two fields of steps compared, as means over `CELLS` × `CELLS` places of the picture.

    cosine: −1…1, over places, frames and both axes.
    share: how much of the wanted field the found one holds along it; 1 is all, below 0 goes against it.
    course: −1…1, cosine of the means over the picture, over time; None where the wanted mean never moves.
    error: px, the mean end-point error of a place in a frame.
    by_place: (rows, columns) share of what was wanted of each place; None where it wanted nothing.
    by_frame: the same of each step.
    """

    cosine: float
    share: float
    course: float | None
    error: float
    by_place: tuple[tuple[float | None, ...], ...]
    by_frame: tuple[float | None, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def agreement(video: Video, wanted: Flow, weight: Floats | None = None) -> Agreement:
    """How far a clip uint8 (f h w 3) moves as wanted, by its dense flow.

    wanted: (f-1 h w 2) px of the clip from each frame to the next, of as many places as there are. weight:
        (f-1 h w) ≥ 0 of the same places, how much each counts; None: all alike.
    Raises RequestError for other shapes, and for a field in which nothing counts.
    """
    found = dense_flow(video)
    sure = np.ones(wanted.shape[:3]) if weight is None else weight
    if wanted.shape != (len(found), *wanted.shape[1:3], 2) or sure.shape != wanted.shape[:3]:
        expected = f"steps ({len(found)} h w 2) and weights ({len(found)} h w)"
        refuse(expected, f"{wanted.shape} and {sure.shape}", "resample them to the clip's frames")
    sides = found.shape[1:3]
    wanted, sure = places(wanted, *sides), places(sure[..., None], *sides)[..., 0]
    cells = [_cells(value * sure[..., None]) for value in (found, wanted)]
    counts = _cells(sure[..., None])
    if not counts.any():
        refuse("a field that counts somewhere", "weights of 0 everywhere", "choose another part of the clip")
    shown, asked = (value / np.maximum(counts, 1e-9) for value in cells)
    return _compared(shown, asked, counts / counts.max())


def as_asked(found: Agreement) -> Verdict:
    """Whether a field counts as followed: as paths do (`moft.metrics.motion.followed`), by the cosine over
    all places and frames, and by the share."""
    angle = math.degrees(math.acos(min(max(found.cosine, -1.0), 1.0)))
    return Verdict(found.cosine >= MIN_CORRELATION and found.share >= MIN_SHARE, found.share, angle)


def _compared(shown: Floats, asked: Floats, counts: Floats) -> Agreement:
    """Of places (f-1 n n 2), by how much each counts (f-1 n n 1)."""
    product, power = counts * shown * asked, counts * asked**2
    length = math.sqrt(float(power.sum()) * float((counts * shown**2).sum()))
    means = [(counts * value).sum((1, 2)) / np.maximum(counts.sum((1, 2)), 1e-9) for value in (shown, asked)]
    course = float((means[0] * means[1]).sum())
    way = math.sqrt(float((means[0] ** 2).sum()) * float((means[1] ** 2).sum()))
    apart = np.linalg.norm(shown - asked, axis=-1, keepdims=True)
    return Agreement(
        cosine=float(product.sum()) / length if length > 0 else 0.0,
        share=_share(product.sum(), power.sum(), 0) or 0.0,
        course=course / way if way > 0 and np.abs(means[1]).max() >= 0.05 * np.abs(asked).max() else None,
        error=float((counts * apart).sum() / counts.sum()),
        by_place=tuple(
            tuple(_share(p, w, power.sum() / counts[0].size) for p, w in zip(ps, ws, strict=True))
            for ps, ws in zip(product.sum((0, 3)), power.sum((0, 3)), strict=True)
        ),
        by_frame=tuple(
            _share(p, w, power.sum() / len(power))
            for p, w in zip(product.sum((1, 2, 3)), power.sum((1, 2, 3)), strict=True)
        ),
    )


def _share(product: float, power: float, usual: float) -> float | None:
    """None where much less is wanted than elsewhere."""
    return float(product / power) if power > _LITTLE * usual else None


_LITTLE = 0.01  # of the mean of the squared field


def _cells(value: Floats) -> Floats:
    """Means (f n n k) over the places of (f h w k)."""
    return places(value, CELLS, CELLS)


def places(value: Floats, height: int, width: int) -> Floats:
    """(f h w k) at other numbers of rows and columns, as means over areas or what lies between."""
    if value.shape[1:3] == (height, width):
        return value
    rows, columns = areas(height, value.shape[1]), areas(width, value.shape[2])
    found: Floats = np.einsum("ih,jw,fhwk->fijk", rows, columns, value, optimize=True)
    return found


def areas(count: int, given: int) -> Floats:
    """Weights (count given) of cells along an axis among those given: of each by how much it covers, or where
    there are more than given, by what lies between the middles of two."""
    places = np.arange(given)
    if count > given:
        middles = ((np.arange(count) + 0.5) * given / count - 0.5).clip(0, given - 1)
        return np.maximum(0, 1 - np.abs(middles[:, None] - places))
    ends = np.arange(count + 1) * given / count
    covered = np.minimum(ends[1:, None], places + 1) - np.maximum(ends[:-1, None], places)
    return np.maximum(covered, 0) * count / given
