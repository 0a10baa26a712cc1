"""Photographs filmed in every way that a clip to follow may move, and how everything in them does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.types import Flags, Floats, Flow, Picture, Video

SPEED = 1 / 32  # shorter sides a frame: 2 px of 64
ZOOM, ROLL = 0.06, 0.08  # a frame: of the scale, and radians
# A picture is drawn so many times as large as the clip, and of clips of large sides not as large.
_MOST_FINE, _DRAWN = 4, 512


@dataclass(frozen=True)
class Moves:
    """Where a layer is at each frame, against its mean: shift (f 2) in shorter sides, the logarithm of its
    scale (f,), and its turn (f,) in radians clockwise, about the middle of the frame."""

    shift: Floats
    growth: Floats
    turn: Floats


@dataclass(frozen=True)
class Thing:
    """An object before the scene, a disc: how it moves, where its middle is on average, (x, y) from that of
    the frame, and its radius, in shorter sides."""

    moves: Moves
    at: tuple[float, float] = (0, 0)
    radius: float = 0.22


@dataclass(frozen=True, eq=False)
class Filmed:
    """A clip uint8 (f h w 3), the motion of what each pixel shows to the next frame, (f-1 h w 2) px, that of
    the scene alone, seen or not, and where each object is seen, (n f h w)."""

    video: Video
    steps: Flow
    scene: Flow
    things: Flags


def filmed(kind: str, photos: Sequence[Picture], size: ClipSize, seed: int = 0) -> Filmed:
    """A clip of one of `KINDS` or `CROWDS`, of square size, of two photographs uint8 (h w 3), the second that
    of objects; the seed decides which way they go and what of them is seen."""
    rng = np.random.default_rng(seed)
    clock = np.linspace(-0.5, 0.5, size.frames) * (size.frames - 1)
    scene, things = {**KINDS, **CROWDS}[kind](clock, rng)
    return _filmed(scene, things, photos, size, rng)


def _filmed(
    scene: Moves, things: Sequence[Thing], photos: Sequence[Picture], size: ClipSize, rng: np.random.Generator
) -> Filmed:
    """Two photographs, the second that of objects, cut at random and moved so."""
    pictures = [_cut(photo, size.side, rng) for photo in photos[:2]]
    video, ground = _film(pictures[0], scene, size)
    steps, seen = ground, np.zeros((len(things), *video.shape[:3]), bool)
    for i, thing in enumerate(things):
        over, along = _film(pictures[-1], thing.moves, size)
        there = _disc(thing, size)
        video = np.where(there[..., None], over, video)
        steps = np.where(there[:-1, ..., None], along, steps)
        seen[:i] &= ~there
        seen[i] = there
    return Filmed(video, steps, ground, seen)


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


Layers = tuple[Moves, tuple[Thing, ...]]  # the scene's moves, and its objects
KINDS: dict[str, Callable[[Floats, np.random.Generator], Layers]] = {
    "pan": lambda t, rng: (_along(_heading(rng), t), ()),
    "zoom": lambda t, rng: (_spun(t, rng.choice([-1, 1]) * np.log1p(ZOOM), 0), ()),
    "roll": lambda t, rng: (_spun(t, 0, rng.choice([-1, 1]) * ROLL), ()),
    "object": lambda t, rng: (_spun(t, 0, 0), (Thing(_along(_heading(rng), t)),)),
    "against": lambda t, rng: (lambda way: (_along(-way / 2, t), (Thing(_along(way, t)),)))(_heading(rng)),
    "there and back": lambda t, rng: (_along(_heading(rng), _back(t)), ()),
    "accelerating": lambda t, rng: (_along(_heading(rng), (t - t[0]) ** 2 / (t[-1] - t[0])), ()),
    "shake": lambda t, rng: (_shaken(t, rng), ()),
}


def _two(way: Floats, scene: Moves, clock: Floats) -> Layers:
    """Two objects side by side that go two ways."""
    ways, sides = (way, -way), ((-0.25, 0.0), (0.25, 0.0))
    return scene, tuple(Thing(_along(w, clock), at, 0.17) for w, at in zip(ways, sides, strict=True))


CROWDS: dict[str, Callable[[Floats, np.random.Generator], Layers]] = {
    "object over a zoom": lambda t, rng: (
        _spun(t, rng.choice([-1, 1]) * np.log1p(ZOOM), 0),
        (Thing(_along(_heading(rng), t)),),
    ),
    "object over a roll": lambda t, rng: (
        _spun(t, 0, rng.choice([-1, 1]) * ROLL),
        (Thing(_along(_heading(rng), t)),),
    ),
    "two objects": lambda t, rng: _two(_heading(rng), _spun(t, 0, 0), t),
    "two objects over a pan": lambda t, rng: _two(_heading(rng), _along(_heading(rng) / 2, t), t),
}


def _cut(photo: Picture, side: int, rng: np.random.Generator) -> Picture:
    """A square of a photograph, drawn so large that a clip of this side never sees its edge for long."""
    import cv2

    height, width = photo.shape[:2]
    extent = round(rng.uniform(0.7, 1) * min(height, width))
    top, left = rng.integers(0, height - extent + 1), rng.integers(0, width - extent + 1)
    target = 2 * _fine(side) * side
    way = cv2.INTER_AREA if extent > target else cv2.INTER_CUBIC
    part = photo[top : top + extent, left : left + extent]
    return np.asarray(cv2.resize(part, (target, target), interpolation=way), np.uint8)


def _fine(side: int) -> int:
    return max(1, min(_MOST_FINE, _DRAWN // side))


def _film(picture: Picture, moves: Moves, size: ClipSize) -> tuple[Video, Flow]:
    """A picture whose middle moves so: (f h w 3), and the flow of every pixel, (f-1 h w 2) px."""
    import cv2

    more = _fine(size.side)
    place, fine = _places(size.height, size.width), _places(more * size.height, more * size.width)
    frames, rest = [], []
    for i in range(size.frames):
        seen = _at_rest(fine / more, moves, i, size.side) * more + picture.shape[0] / 2 - 0.5
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


def _disc(thing: Thing, size: ClipSize) -> Flags:
    """Where an object is: (f h w)."""
    place = _places(size.height, size.width) - size.side * np.array(thing.at)
    away = [np.linalg.norm(_at_rest(place, thing.moves, i, size.side), axis=-1) for i in range(size.frames)]
    return np.stack(away) < thing.radius * size.side


def journey(photos: Sequence[Picture], size: ClipSize, seed: int) -> Filmed:
    """A clip like those of `filmed`, whose camera and, in every other one, an object go any way: straight,
    faster and slower, back, round a bend, shaking (`moft.known.world.moves.PROFILES`), up to twice `SPEED`;
    some cameras also zoom and roll."""
    rng = np.random.default_rng(seed)
    scene = _wandering(rng, size.frames)
    if rng.random() < 0.4:
        clock = np.linspace(-0.5, 0.5, size.frames) * (size.frames - 1)
        rates = rng.uniform(-1, 1, 2) * (ZOOM, ROLL)
        scene = replace(scene, growth=rates[0] * clock, turn=rates[1] * clock)
    things: tuple[Thing, ...] = ()
    if rng.random() < 0.5:
        at = rng.uniform(-0.25, 0.25, 2)
        things = (Thing(_wandering(rng, size.frames), (at[0], at[1]), rng.uniform(0.15, 0.3)),)
    order = rng.permutation(len(photos))
    return _filmed(scene, things, [photos[i] for i in order], size, rng)


def _wandering(rng: np.random.Generator, frames: int) -> Moves:
    """One of the world's paths in any direction, some of them still."""
    from moft.known.world.moves import PROFILES, Dice, profiles

    path = profiles(Dice(int(rng.integers(2**31))), 1, frames)[0, rng.integers(len(PROFILES))].numpy()
    along = _heading(rng) * rng.choice([0.0, 1.0], p=[0.1, 0.9]) * rng.uniform(0.15, 2) * (frames - 1)
    across = np.array([-along[1], along[0]])
    shift = path[:, :1] * along + path[:, 1:] * across
    return Moves(shift - shift.mean(0), np.zeros(frames), np.zeros(frames))
