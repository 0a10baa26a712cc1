"""What moves in a clip otherwise than its ground: found by its motion alone.

The ground is what follows the camera's motion, a similarity in each step (`moft.field.moving.camera`). What
does not (`moft.field.moving.apart`) is cut up where its motion breaks off, and followed from frame to frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.field.moving.apart import Step, evidence, led, steps_of
from moft.field.moving.camera import Plane, Similarity
from moft.field.moving.outlines import outlined
from moft.field.moving.patches import OPEN, apart, patch_of, rounded, shared
from moft.field.shown import LEAST_FOUND
from moft.metrics.flow import check_video

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moft.types import Flags, Floats, Flow, Mask, Video

LEAST = 0.005  # of the picture; smaller ones are none
_BREAK = 0.6  # of the motion, changed over the 32nd part of the side, is an end of what moves together
_SAME = 0.3  # of two regions, in one frame and led there from the last, that both cover
_AWAY = 3  # frames for which one may not be seen
_KNOWN = 0.1  # evidence from which something is known of a place
_CLEAR = 0.4  # of 1: evidence that one moves at all, on average over it; or else
_SURELY, _MUCH = (
    0.5,
    1 / 80,
)  # evidence of so much in so much of the picture: a large one may be plain elsewhere


@dataclass(frozen=True, eq=False)
class Mover:
    """A part of a clip that moves otherwise than its ground.

    mask: (f h w) in 0…1, where it is.
    steps: (f-1 2) px, its mean motion from each frame to the next as the picture shows it, x right, y down;
        where it is not seen, the mean of the others.
    against: (f-1 2) px, the same against the ground behind it.
    share: 0…1 of the picture, on average over the frames.
    box: (x, y, width, height) px that hold it in all frames.
    """

    mask: Mask
    steps: Floats
    against: Floats
    share: float
    box: tuple[float, float, float, float]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, without the mask."""
        return {
            "where": list(self.box),
            "share": self.share,
            "inside": self.steps.mean(0).tolist(),
            "against": self.against.mean(0).tolist(),
            "per_frame": self.steps.tolist(),
        }


@dataclass(frozen=True, eq=False)
class Parted:
    """A clip taken apart.

    ground: how the camera moves it in each step, (f-1 h w 2) px. movers: what else moves, largest first.
    found: 0…1 of what is not plain, that is found again in the next frame; little at cuts and in noise, of
    which nothing is told.
    """

    ground: Flow
    movers: tuple[Mover, ...]
    found: float

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, without masks; of the ground the means over the picture, px a frame."""
        per_frame = self.ground.mean((1, 2)).astype(float)
        ground = {"inside": per_frame.mean(0).tolist(), "per_frame": per_frame.tolist()}
        return {"ground": ground, "movers": [mover.to_json() for mover in self.movers]}


@dataclass
class _Track:
    """Where one mover was seen, by frame, and where it is led in the frame at hand; (h w) each."""

    seen: dict[int, Flags] = field(default_factory=dict)
    now: Flags | None = None  # None: lost


def movers(video: Video) -> list[Mover]:
    """What moves in a clip uint8 (f h w 3) otherwise than its ground, largest first; none where only the
    camera moves.

    Raises RequestError for what is no clip."""
    return list(parted(video).movers)


def parted(video: Video) -> Parted:
    """The ground's motion and the movers of a clip uint8 (f h w 3). Raises RequestError for what is no
    clip."""
    check_video(video)
    steps, shape = steps_of(video), video.shape[1:3]
    found = float(np.mean([step.found for step in steps]))
    masks = _masks(steps) if found >= LEAST_FOUND else []
    return Parted(_ground(steps, shape), tuple(_mover(mask, steps, shape) for mask in masks), found)


def _masks(steps: Sequence[Step]) -> list[Flags]:
    """Where each mover is, (f h w)."""
    score, motion = evidence(steps)
    tracks = _tracks([_pieces(*one) for one in zip(score, motion, strict=True)], steps)
    masks = [np.stack([track.seen.get(i, _none(score)) for i in range(len(score))]) for track in tracks]
    masks = [outlined(mask, steps) for mask in masks if _counts(mask, score)]
    masks.sort(key=np.count_nonzero, reverse=True)
    return _distinct([mask for mask in masks if mask.mean() >= LEAST and _told(mask, steps)])


def _distinct(masks: Sequence[Flags]) -> list[Flags]:
    """Without those that lie for the most part in a larger one, which comes before them."""
    found: list[Flags] = []
    for mask in masks:
        if all((mask & larger).sum() < mask.sum() / 2 for larger in found):
            found.append(mask)
    return found


def _told(mask: Flags, steps: Sequence[Step]) -> bool:
    """Whether anything is sure of how it moves."""
    return any((where & step.forth.sure).any() for where, step in zip(mask, steps, strict=False))


def _none(score: Floats) -> Flags:
    return np.zeros(score.shape[1:], bool)


def _pieces(score: Floats, motion: Plane) -> list[Flags]:
    """What moves together in a frame, by evidence (h w) and by how it moves otherwise (h w): its regions."""
    least = LEAST / 2 * score.size
    moves, breaks = patch_of(score, 0), _breaks(motion)
    found = []
    for whole in apart(moves, least):
        cores = apart(whole & ~breaks, least)
        found += [whole] if len(cores) < 2 else shared(whole, cores)
    return [rounded(piece, ~moves & (score > OPEN)) for piece in found]


def _breaks(motion: Plane) -> Flags:
    """Where a motion (h w), NaN where it is not known, is another one nearby."""
    reach = max(1, round(min(motion.shape) / 64))
    found = np.zeros(motion.shape, bool)
    for axis in (0, 1):
        one, other = (np.roll(motion, by, axis) for by in (-reach, reach))
        with np.errstate(invalid="ignore"):
            found |= np.abs(one - other) > _BREAK * np.maximum(np.abs(one), np.abs(other))
    return found


def _tracks(frames: Sequence[Sequence[Flags]], steps: Sequence[Step]) -> list[_Track]:
    """The regions of each frame joined over time: those that cover each other once led along the flow."""
    tracks: list[_Track] = []
    for i, pieces in enumerate(frames):
        if i:
            _lead(tracks, steps[i - 1], i)
        free = dict(enumerate(pieces))
        pairs = [
            (_alike(track.now, piece), track, k)
            for track in tracks
            for k, piece in free.items()
            if track.now is not None
        ]
        for alike, track, k in sorted(pairs, key=lambda pair: -pair[0]):
            if alike >= _SAME and k in free and i not in track.seen:
                track.seen[i] = track.now = free.pop(k)
        tracks += [_Track({i: piece}, piece) for piece in free.values()]
    return tracks


def _lead(tracks: Sequence[_Track], step: Step, frame: int) -> None:
    for track in tracks:
        if track.now is not None:
            lost = frame - max(track.seen) > _AWAY
            track.now = None if lost else led(track.now.astype(np.float32), step.back.flow) > 0.5


def _alike(one: Flags, other: Flags) -> float:
    """0…1: what both cover of what either does."""
    return float((one & other).sum() / max((one | other).sum(), 1))


def _counts(mask: Flags, score: Floats) -> bool:
    """Whether a region (f h w) is large enough, seen for long enough, and clearly moves."""
    seen = int(mask.any((1, 2)).sum())
    if seen < min(len(mask), 3) or mask.mean() < LEAST:
        return False
    known = score[mask & (np.abs(score) > _KNOWN)]
    much = (mask & (score > _SURELY)).mean() >= _MUCH
    return bool(much or (known.size and known.mean() >= _CLEAR))


def _mover(mask: Flags, steps: Sequence[Step], shape: tuple[int, int]) -> Mover:
    import cv2

    height, width = shape
    scale = np.array([width / mask.shape[2], height / mask.shape[1]])
    motions = np.array([_medians(where, step) for where, step in zip(mask, steps, strict=False)])
    motions = np.where(np.isnan(motions), np.nanmean(motions, 0), motions)
    own, against = (np.stack([motion.real, motion.imag], -1) * scale for motion in motions.T)
    whole = np.stack(
        [cv2.resize(one.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) for one in mask]
    )
    rows, columns = (np.flatnonzero((whole > 0.5).any(axes)) for axes in ((0, 2), (0, 1)))
    corner, extent = (columns[0], rows[0]), (columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0])
    box = (float(corner[0]), float(corner[1]), float(extent[0]), float(extent[1]))
    return Mover(whole, own, against, float(mask.mean()), box)


def _medians(where: Flags, step: Step) -> tuple[complex, complex]:
    """Of a region's motion and of that against the ground, by what is sure of it; NaN where nothing is."""
    sure = where & step.forth.sure
    if not sure.any():
        return complex("nan"), complex("nan")
    flow, against = (value[sure] for value in (step.forth.flow, step.forth.apart))
    return _median(flow), _median(against)


def _median(motion: Plane) -> complex:
    return complex(np.median(motion.real), np.median(motion.imag))


def _ground(steps: Sequence[Step], shape: tuple[int, int]) -> Flow:
    """(f-1 h w 2) px of a picture of this shape."""
    larger = min(shape) / min(steps[0].forth.flow.shape)
    flows = [Similarity(step.camera.turn, larger * step.camera.shift).flow(*shape) for step in steps]
    return np.stack([np.stack([flow.real, flow.imag], -1) for flow in flows]).astype(np.float32)
