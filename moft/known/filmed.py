"""Photographs filmed in every way that a clip to follow may move, and how everything in them does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.types import Floats, Flow, Picture, Video

SPEED = 1 / 32  # shorter sides a frame: 2 px of 64
ZOOM, ROLL = 0.06, 0.08  # a frame: of the scale, and radians
_FINE = 4  # px of a picture that is drawn for one of the clip


@dataclass(frozen=True)
class Moves:
    """Where a layer is at each frame, against its mean: shift (f 2) in shorter sides, the logarithm of its
    scale (f,), and its turn (f,) in radians clockwise, about the middle of the frame."""

    shift: Floats
    growth: Floats
    turn: Floats


@dataclass(frozen=True, eq=False)
class Filmed:
    """A clip uint8 (f h w 3), and the motion of what each pixel shows to the next frame, (f-1 h w 2) px."""

    video: Video
    steps: Flow


def filmed(kind: str, photos: Sequence[Picture], size: ClipSize, seed: int = 0) -> Filmed:
    """A clip of one of `KINDS`, of square size, of two photographs uint8 (h w 3), the second an object's; the
    seed decides which way they go and what of them is seen."""
    rng = np.random.default_rng(seed)
    scene, thing = KINDS[kind](np.linspace(-0.5, 0.5, size.frames) * (size.frames - 1), rng)
    pictures = [_cut(photo, size.side, rng) for photo in photos[:2]]
    video, steps = _film(pictures[0], scene, size)
    if thing is not None:
        over, along = _film(pictures[-1], thing, size)
        there = _disc(thing, size)
        video = np.where(there[..., None], over, video)
        steps = np.where(there[:-1, ..., None], along, steps)
    return Filmed(video, steps)


def _heading(rng: np.random.Generator) -> Floats:
    angle = rng.uniform(0, 2 * np.pi)
    return SPEED * np.array([np.cos(angle), np.sin(angle)])


def _along(way: Floats, course: Floats) -> Moves:
    course = course - course.mean()
    return Moves(course[:, None] * way, np.zeros_like(course), np.zeros_like(course))


def _back(clock: Floats) -> Floats:
    return -np.abs(clock)


def _shaken(clock: Floats, rng: np.random.Generator) -> Moves:
    steps = rng.normal(0, SPEED / np.sqrt(2), (len(clock), 2)).cumsum(0)
    return Moves(steps - steps.mean(0), np.zeros_like(clock), np.zeros_like(clock))


def _spun(clock: Floats, growth: float, turn: float) -> Moves:
    return Moves(np.zeros((len(clock), 2)), growth * clock, turn * clock)


Layers = tuple[Moves, Moves | None]
KINDS: dict[str, Callable[[Floats, np.random.Generator], Layers]] = {
    "pan": lambda t, rng: (_along(_heading(rng), t), None),
    "zoom": lambda t, rng: (_spun(t, rng.choice([-1, 1]) * np.log1p(ZOOM), 0), None),
    "roll": lambda t, rng: (_spun(t, 0, rng.choice([-1, 1]) * ROLL), None),
    "object": lambda t, rng: (_spun(t, 0, 0), _along(_heading(rng), t)),
    "against": lambda t, rng: (lambda way: (_along(-way / 2, t), _along(way, t)))(_heading(rng)),
    "there and back": lambda t, rng: (_along(_heading(rng), _back(t)), None),
    "accelerating": lambda t, rng: (_along(_heading(rng), (t - t[0]) ** 2 / (t[-1] - t[0])), None),
    "shake": lambda t, rng: (_shaken(t, rng), None),
}


def _cut(photo: Picture, side: int, rng: np.random.Generator) -> Picture:
    """A square of a photograph, drawn so large that a clip of this side never sees its edge for long."""
    import cv2

    height, width = photo.shape[:2]
    extent = round(rng.uniform(0.7, 1) * min(height, width))
    top, left = rng.integers(0, height - extent + 1), rng.integers(0, width - extent + 1)
    target = 2 * _FINE * side
    way = cv2.INTER_AREA if extent > target else cv2.INTER_CUBIC
    part = photo[top : top + extent, left : left + extent]
    return np.asarray(cv2.resize(part, (target, target), interpolation=way), np.uint8)


def _film(picture: Picture, moves: Moves, size: ClipSize) -> tuple[Video, Flow]:
    """A picture whose middle moves so: (f h w 3), and the flow of every pixel, (f-1 h w 2) px."""
    import cv2

    place, fine = _places(size.height, size.width), _places(_FINE * size.height, _FINE * size.width)
    frames, rest = [], []
    for i in range(size.frames):
        seen = _at_rest(fine / _FINE, moves, i, size.side) * _FINE + picture.shape[0] / 2 - 0.5
        x, y = seen.astype(np.float32).transpose(2, 0, 1)
        drawn = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        frames.append(cv2.resize(drawn, (size.width, size.height), interpolation=cv2.INTER_AREA))
        rest.append(_at_rest(place, moves, i, size.side))
    steps = [_moved(rest[i], moves, i + 1, size.side) - place for i in range(size.frames - 1)]
    return np.stack(frames).astype(np.uint8), np.stack(steps).astype(np.float32)


def _places(height: int, width: int) -> Floats:
    """Of the middles of pixels, (h w 2) px from that of the frame."""
    y, x = np.indices((height, width)) + 0.5
    return np.stack([x - width / 2, y - height / 2], -1)


def _at_rest(place: Floats, moves: Moves, frame: int, side: int) -> Floats:
    """Where what is at places (… 2) px from the middle is on average."""
    away = place - side * moves.shift[frame]
    return _turned(away, -moves.turn[frame]) / np.exp(moves.growth[frame])


def _moved(rest: Floats, moves: Moves, frame: int, side: int) -> Floats:
    """The inverse of `_at_rest`."""
    return _turned(rest * np.exp(moves.growth[frame]), moves.turn[frame]) + side * moves.shift[frame]


def _turned(place: Floats, angle: float) -> Floats:
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return place @ turn


def _disc(moves: Moves, size: ClipSize) -> np.ndarray:
    """Where an object is, a disc of nearly half the side: (f h w)."""
    place = _places(size.height, size.width)
    away = [np.linalg.norm(_at_rest(place, moves, i, size.side), axis=-1) for i in range(size.frames)]
    return np.stack(away) < 0.22 * size.side
