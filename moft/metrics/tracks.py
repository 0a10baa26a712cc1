"""Where points of the picture go: tracks, followed through a clip by optical flow or by any other tracker.

A tracker is whatever takes a clip and returns `Tracks`; the one here needs no weights. Positions are (x, y)
in px, x right, y down, (0, 0) the centre of the first pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from moft.errors import RequestError
from moft.metrics.flow import dense_flow
from moft.metrics.step import agree

if TYPE_CHECKING:
    from moft.types import Flags, Floats, Video

ACROSS = 32  # tracks along the shorter side of the picture
THRESHOLDS = (1, 2, 4, 8, 16)  # px in a picture of 256 x 256, of TAP-Vid


@dataclass(frozen=True)
class Tracks:
    """n points through f >= 2 frames of a picture.

    A tracker that loses a point still says where it might be, and that it is not seen there. CoTracker's
    answer (1 f n 2), (1 f n) becomes `Tracks(points[0].swapaxes(0, 1), seen[0].T, height, width)`.
    Raises RequestError where the shapes disagree or a number is not finite.
    """

    points: Floats  # (n, f, 2) px, x right, y down
    seen: Flags  # (n, f) whether the point is visible and still itself
    height: int  # px of the picture
    width: int

    def __post_init__(self) -> None:
        points, told = np.asarray(self.points, np.float64), np.asarray(self.seen)
        if not np.isin(told, (0, 1)).all():
            raise RequestError(
                "expected seen as true or false for each point and frame; received other numbers, "
                "probabilities perhaps; compare them with a threshold first, such as seen > 0.5"
            )
        seen = told.astype(bool)
        if points.ndim != 3 or points.shape[2] != 2 or points.shape[1] < 2 or seen.shape != points.shape[:2]:
            raise RequestError(
                "expected points (n, frames >= 2, 2) and seen (n, frames); "
                f"received {points.shape} and {seen.shape}; put the points first, then the frames"
            )
        if min(self.height, self.width) < 1 or not np.isfinite(points).all():
            raise RequestError(
                "expected finite points in a picture of 1 x 1 px or more; received "
                f"{int((~np.isfinite(points)).sum())} that are not, {self.height} x {self.width} px; "
                "mark lost points as not seen instead"
            )
        object.__setattr__(self, "points", points)  # the way past `frozen`: fields are kept in canonical form
        object.__setattr__(self, "seen", seen)

    @property
    def steps(self) -> Floats:
        """(n, f - 1, 2) from each frame to the next, in shorter sides of the picture, so that sizes
        compare."""
        return np.diff(self.points, axis=1) / min(self.height, self.width)

    @property
    def known(self) -> Flags:
        """(n, f - 1) whether a step starts and ends at a point that is seen."""
        return self.seen[:, 1:] & self.seen[:, :-1]


class Tracker(Protocol):
    """Follows points of its choice, evenly spread over the first frame, through uint8 (f h w 3), RGB."""

    def __call__(self, video: Video, /) -> Tracks: ...


def flow_tracks(video: Video, across: int = ACROSS) -> Tracks:
    """Points of a regular grid in the first frame, carried along by chained flow (`follow`). A `Tracker`.

    video: uint8 (f >= 2, h >= 16, w >= 16, 3). across: points along the shorter side, >= 1.
    Raises RequestError for other videos and numbers.
    """
    if across < 1:
        raise RequestError(f"expected across >= 1 points; received {across}; {ACROSS} is usual")
    if len(video) < 2:
        dense_flow(video)  # refuses it, and says why
    height, width = video.shape[1:3]
    return follow(video, _grid(height, width, across))


def follow(video: Video, points: Floats) -> Tracks:
    """Points (n, 2) px of the first frame, carried along by chained optical flow (`dense_flow`).

    video: uint8 (f >= 2, h >= 16, w >= 16, 3).
    A point counts as seen until the flow back does not return it (`moft.metrics.step.agree`) or it leaves the
    picture; then never again, since a chain cannot tell whether it has met its point again. From there on
    it goes with whatever flows at the nearest place. One pair of frames is in memory at a time. Raises
    RequestError for other videos and points.
    """
    at = np.asarray(points, np.float64)
    if at.ndim != 2 or at.shape[1] != 2:
        raise RequestError(
            f"expected points (n, 2); received {at.shape}; give those of the first frame alone"
        )
    height, width = video.shape[1:3]
    path, seen = [at], [np.ones(len(at), bool)]
    for i in range(len(video) - 1):
        pair = video[i : i + 2]
        step = field_at(dense_flow(pair)[0], at)
        at = at + step
        back = field_at(dense_flow(pair[::-1])[0], at)
        inside = ((at >= -0.5) & (at < (width - 0.5, height - 0.5))).all(axis=-1)
        path.append(at)
        seen.append(seen[-1] & inside & agree(step, back, min(height, width)))
    return Tracks(np.stack(path, 1), np.stack(seen, 1), height, width)


class TapVid(NamedTuple):
    """How well tracks follow the truth, each a share in 0…1, 1 perfect (Doersch et al., TAP-Vid, Sec. 3.2).

    position: points that are truly visible and found within a threshold (delta avg), mean over the
        thresholds.
    occlusion: points whose visibility is told right (OA).
    jaccard: true positives among those, the missed and the false ones (AJ), mean over the thresholds.
    """

    position: float
    occlusion: float
    jaccard: float


def tap_vid(tracks: Tracks, true: Tracks) -> TapVid:
    """Tracks against the true ones of the same points, in all frames but the first, where the points are
    given.

    Distances are those in a picture of 256 x 256 px, compared with 1, 2, 4, 8 and 16 px. Where nothing is
    truly visible, position is 1, and jaccard too if nothing is said to be. Raises RequestError for other
    counts.
    """
    if tracks.points.shape != true.points.shape:
        raise RequestError(
            "expected tracks of the same points and frames; "
            f"received {tracks.points.shape} and {true.points.shape}; track the same points"
        )
    seen, there = tracks.seen[:, 1:], true.seen[:, 1:]
    scale = 256 / np.array([true.width, true.height])
    apart = np.linalg.norm((tracks.points - true.points)[:, 1:] * scale, axis=-1)
    close = [apart < threshold for threshold in THRESHOLDS]
    return TapVid(
        position=float(np.mean([_share(near & there, there) for near in close])),
        occlusion=float(np.mean(seen == there)) if seen.size else 1.0,
        jaccard=float(np.mean([_jaccard(near & there, seen, there) for near in close])),
    )


def _grid(height: int, width: int, across: int) -> Floats:
    """(n, 2) centres of cells that fill the picture, about square, row after row."""
    gap = min(height, width) / across
    rows, columns = (
        (np.arange(count) + 0.5) * side / count - 0.5
        for side in (height, width)
        for count in [max(1, round(side / gap))]
    )
    return np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)


def field_at(field: Floats, points: Floats) -> Floats:
    """A field (h, w, 2) between its pixels, bilinear, at points (n, 2) px: (n, 2); outside as at the nearest
    edge."""
    last = np.array(field.shape[1::-1]) - 1
    at = np.clip(points, 0, last)
    low = np.minimum(at.astype(int), np.maximum(last - 1, 0))
    high = np.minimum(low + 1, last)
    (x, y), (x0, y0), (x1, y1) = (at - low).T[..., None], low.T, high.T
    top = field[y0, x0] * (1 - x) + field[y0, x1] * x
    bottom = field[y1, x0] * (1 - x) + field[y1, x1] * x
    return top * (1 - y) + bottom * y


def _jaccard(right: Flags, seen: Flags, there: Flags) -> float:
    """Found in the wrong place is both a miss and a false alarm, so it counts twice below."""
    return _ratio((right & seen).sum(), there.sum() + (seen & ~right).sum())


def _share(part: Flags, whole: Flags) -> float:
    return _ratio(part.sum(), whole.sum())


def _ratio(part: float, whole: float) -> float:
    """1 where there is nothing to miss."""
    return float(part / whole) if whole else 1.0
