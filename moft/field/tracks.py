"""Points that are followed over a clip, and the dense field that they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moft.errors import RequestError
from moft.field.field import Field

if TYPE_CHECKING:
    from moft.types import ClipSize, Flags, Floats

CELLS = 64  # of the field, along the longer side
MOST_POINTS, MOST_FRAMES, MOST_PLACES = 2**14, 2**10, 2**20  # the last are points times frames
FURTHEST = 1e6  # px, of a point
_NEAREST, _WIDEST = 0.04, 0.15  # shorter sides: how far a point speaks for its surroundings
_SLOPE = 0.03  # of a point's reach squared: how little a slope must rest on to be believed
_ASKED = 256  # points whose nearest one tells how close they stand


def check_count(points: int, frames: int) -> None:
    """Raise RequestError for more tracks than a field is made of."""
    if points > MOST_POINTS or frames > MOST_FRAMES or points * frames > MOST_PLACES:
        raise RequestError(
            f"expected at most {MOST_POINTS} points in {MOST_FRAMES} frames and {MOST_PLACES} places, got "
            f"{points} in {frames}; leave some out"
        )


@dataclass(frozen=True, eq=False)
class Tracks:
    """Points followed over the frames of a clip.

    points: (n f 2) px, x right, y down, (0, 0) the centre of the first pixel; n ≥ 1, f ≥ 2.
    visible: (n f), whether the point is seen there; what is not seen may hold any numbers.

    Raises RequestError for other shapes, too many points, none that is seen in two frames after each other,
    and places of visible points that are not finite or beyond `FURTHEST`.
    """

    points: Floats
    visible: Flags

    def __post_init__(self) -> None:
        shape = self.points.shape
        if len(shape) != 3 or shape[2] != 2 or shape[0] < 1 or shape[1] < 2:
            raise RequestError(f"expected points (n f 2), n ≥ 1 and f ≥ 2, got {shape}")
        check_count(*shape[:2])
        if self.visible.shape != shape[:2]:
            raise RequestError(
                f"expected a visibility for each point and frame {shape[:2]}, got {self.visible.shape}"
            )
        seen = self.points[self.visible]
        if not (np.abs(seen) <= FURTHEST).all():  # refuses NaN too
            raise RequestError(
                f"expected visible points within {FURTHEST:g} px, got others; say that they are not visible"
            )
        if not (self.visible[:, 1:] & self.visible[:, :-1]).any():
            raise RequestError(
                "expected a point that is visible in two frames after each other, got none; "
                "give its place in each frame"
            )

    @property
    def frames(self) -> int:
        """How many."""
        return self.points.shape[1]

    def check_inside(self, size: ClipSize) -> None:
        """Raise RequestError unless they are px of a picture of this size: not most of them outside, nor all
        of them shares of it."""
        x, y = self.points[self.visible].T
        inside = (x >= -0.5) & (x < size.width) & (y >= -0.5) & (y < size.height)
        if min(size.height, size.width) > 4 and max(x.max(), y.max()) <= 1 and min(x.min(), y.min()) >= 0:
            raise RequestError(
                "expected points in px, got all within 0…1; multiply x by the width and y by the height"
            )
        if inside.mean() < 0.5:
            raise RequestError(
                f"expected points inside a picture of {size.width} x {size.height} px, got most outside; say "
                "which picture they are of: moft field FILE --size WIDTHxHEIGHT --save field.safetensors"
            )


def field_of_tracks(tracks: Floats, visible: Flags, size: ClipSize) -> Field:
    """The field that points (n f 2) px of a clip of this size mean, visible or not (n f).

    The motion at a place is the line (u = a + b · way from the place) that fits the steps of the visible
    points best, each weighted by a Gaussian of its distance. So pans, zooms and turns come out as they are,
    between and beside the points, which a mean of the neighbours would flatten; and points that disagree are
    averaged, where radial functions, bound to meet each of them, would overshoot. Where there are too few
    points for a line it becomes their mean. The weight is that of the nearest points, at most 1.

    Raises RequestError as `Tracks` does, for points that are not in the picture, and for another number of
    frames.
    """
    found = Tracks(np.asarray(tracks, float), np.asarray(visible, bool))
    if found.frames != size.frames:
        raise RequestError(f"expected points of {size.frames} frames, got {found.frames}; name their number")
    found.check_inside(size)
    seen = found.visible[:, 1:] & found.visible[:, :-1]
    points = np.where(found.visible[..., None], found.points, 0.0) / size.side
    steps, at = np.diff(points, axis=1), points[:, :-1]
    reach = _reach(found, size)
    factor = CELLS / max(size.height, size.width)
    rows, columns = (_middles(n, max(round(n * factor), 1)) / size.side for n in (size.height, size.width))
    fitted = [
        _fitted(at[seen[:, i], i], steps[seen[:, i], i], rows, columns, reach) for i in range(size.frames - 1)
    ]
    return Field.of_steps(np.stack([step for step, _ in fitted]), np.stack([sure for _, sure in fitted]))


def _middles(extent: int, count: int) -> Floats:
    """px of the middles of so many cells over an extent."""
    return (np.arange(count) + 0.5) * extent / count - 0.5


def _reach(tracks: Tracks, size: ClipSize) -> float:
    """How far a point speaks for its surroundings, in shorter sides: as far as to the next one, in the frame
    in which most are seen."""
    most = int(tracks.visible.sum(0).argmax())
    points = tracks.points[tracks.visible[:, most], most] / size.side
    if len(points) < 2:
        return _WIDEST
    asked = points[:: -(-len(points) // _ASKED)]
    apart = np.linalg.norm(asked[:, None] - points, axis=-1)
    nearest = np.partition(apart, 1, axis=1)[:, 1]  # the nearest is the point itself
    return float(np.median(nearest).clip(_NEAREST, _WIDEST))


def _fitted(at: Floats, step: Floats, rows: Floats, columns: Floats, reach: float) -> tuple[Floats, Floats]:
    """The motion (h w 2) at cells, and its weight (h w), of points (n 2) that make steps (n 2); all in
    shorter sides."""
    ys, xs = (
        [np.exp(-(way**2) / (2 * reach**2)) * way**power for power in range(3)]
        for way in (at[:, 1] - rows[:, None], at[:, 0] - columns[:, None])
    )

    def moment(x: int, y: int, value: Floats | float = 1.0) -> Floats:
        """Σ of Gaussian · wayˣ · wayʸ · value over the points, (h w)."""
        summed: Floats = (ys[y] * value) @ xs[x].T
        return summed

    total, slope = moment(0, 0), _SLOPE * reach**2
    left = np.stack(
        [
            np.stack([total + 1e-9, moment(1, 0), moment(0, 1)], -1),
            np.stack([moment(1, 0), moment(2, 0) + slope * total + 1e-9, moment(1, 1)], -1),
            np.stack([moment(0, 1), moment(1, 1), moment(0, 2) + slope * total + 1e-9], -1),
        ],
        -2,
    )
    right = np.stack(
        [np.stack([moment(x, y, u) for u in step.T], -1) for x, y in ((0, 0), (1, 0), (0, 1))], -2
    )
    found = np.linalg.solve(left, right)[..., 0, :]
    return found.astype(np.float32), total.clip(0, 1).astype(np.float32)  # half the memory, for many frames
