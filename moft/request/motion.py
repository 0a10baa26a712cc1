"""What motion is wanted: small request objects and their JSON forms. `Motion` says it, `Like` shows it by a
clip, `Along` by a field, `Drag` by points.

Directions name where the PICTURE CONTENT goes: x right, y down, degrees 0 right, 90 down, 180 left, 270 up.
Camera right = picture left: ask for "left" to get what a camera panning right would see.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from numbers import Integral
from typing import Any

from moft.request.checks import (
    REGION,
    STEPS,
    STRENGTH,
    Point,
    Share,
    aside,
    check_text,
    number,
    positions,
    refuse,
    share,
    strength,
)
from moft.request.said import like_others, said
from moft.request.speed import speed_of, with_speed, without_frame
from moft.types import ClipSize, Several

DIRECTIONS: dict[str, float] = {  # name -> degrees in which the picture content moves
    "right": 0.0,
    "down-right": 45.0,
    "down": 90.0,
    "down-left": 135.0,
    "left": 180.0,
    "up-left": 225.0,
    "up": 270.0,
    "up-right": 315.0,
}

EASES: dict[
    str, Callable[[float], float]
] = {  # name -> share of the way done by a share of the time, both 0…1
    "in": lambda t: t * t,  # starts slowly
    "out": lambda t: t * (2 - t),  # ends slowly
    "in-out": lambda t: t * t * (3 - 2 * t),
}

_EVEN = 0.05  # of the largest step: a path whose steps differ by less is straight and steady
_MAX_PATH = 1000  # shorter sides; keeps every displacement a finite number of pixels
ZOOMS = {"zoom in": 1, "zoom out": -1}  # name -> which way the scale goes
TURNS = {"turn clockwise": 1, "turn counterclockwise": -1}
_STILL = "still"
_NAMES = {name.replace("-", " "): name for name in (*DIRECTIONS, *ZOOMS, *TURNS, _STILL)}
_KNOWN = ", ".join(_NAMES.values()) + ", or degrees (0 right, 90 down)"


@dataclass(frozen=True)
class Motion:
    """One wanted motion of the picture content; camera right = picture left.

    direction: a name in `DIRECTIONS`, "zoom in", "zoom out", "turn clockwise", "turn counterclockwise",
        "still", or degrees (number or numeric string).
        Case, spaces, hyphens and underscores do not matter; kept as canonical name or degrees in [0, 360).
        A speed may stand behind it, "left 2px", also as `moft measure` prints it, "left, 1.43 px a frame".
    speed: "1.5px" per frame, "2%" of the shorter side per frame, or a number in [0, 1], that fraction of the
        shorter side per frame; None is `DEFAULT_SPEED`. For zooms: how far the picture's edge midpoint along
        the shorter side moves outward per frame. It lies half a side from the centre, so the scale factor per
        frame is 1 + 2 * fraction; "zoom out" is "zoom in" played backwards. For turns: how far that point
        goes round, by 2 * fraction radians per frame, or "3deg". Both go about the middle of the region
        that is named, else of the picture.
    path: instead of direction and speed: cumulative displacement at evenly spaced moments of the clip, two or
        more (x, y) in fractions of the shorter side, the first (0, 0).
    region: where it counts: a mask picture, a folder or video of masks, "box:x,y,w,h", "polygon:x,y;x,y;x,y"
        or "rest" (`moft.media.region_text`), kept as text. None: the whole frame, or beside other requests
        what they leave.
    strength: how hard to steer, >= 0.
    ease: a name in `EASES`: how it starts and ends. None: evenly.
    span: (start, end), the share of the clip in 0…1 during which it moves; before and after it stands still.
        None: all of it. `speed` is the mean speed WHILE it moves: half a span goes half as far, and an ease
        goes as far as none, at a peak of 2 ("in", "out") or 1.5 times ("in-out") the speed. A path is run
        through in the span.
    steps: (start, end), the share of the denoising steps in 0…1 in which it is asked; None: as
        `Settings.steps`.

    Raises RequestError for what is unknown, contradictory, not finite, or out of range.
    """

    direction: str | float | None = said(
        None,
        "left, up-right, zoom in, turn clockwise, still, ..., or degrees: 0 right, 90 down; 'left 2px' names "
        "the speed too.",
    )
    speed: str | float | None = said(
        None,
        "Mean while it moves, per frame: 1.5px, or 2% of the shorter side; of turns 3deg, too.",
        unit="px or sides a frame",
    )
    path: Several[Point] | None = said(
        None,
        "Follow these points instead: '0,0 -0.3,0 0,0', in shorter sides from where it starts.",
        unit="shorter sides",
    )
    region: str | None = like_others(None, REGION)
    strength: float = like_others(1.0, STRENGTH)
    ease: str | None = said(
        None, "in (starts slowly), out (ends slowly) or in-out.", choices=lambda: tuple(EASES)
    )
    span: Share | None = said(
        None,
        "Part of the clip in which it moves: 0.25,0.75.",
        unit="share of the clip",
        least=0,
        most=1,
    )
    steps: Share | None = like_others(None, STEPS)

    def __post_init__(self) -> None:
        if (self.direction is None) == (self.path is None):
            received = "neither" if self.path is None else "both"
            refuse("a direction or a path", received, f"give exactly one; directions: {_KNOWN}")
        put = object.__setattr__  # the way past `frozen`: fields are kept in canonical form
        check_text("region", self.region)
        put(self, "strength", strength(self.strength))
        put(self, "steps", share("steps", self.steps))
        put(self, "span", share("span", self.span))
        if self.ease is not None and not (isinstance(self.ease, str) and self.ease in EASES):
            refuse(f"an ease among {', '.join(EASES)}", self.ease, "leave it out to move evenly")
        if self.path is not None:
            put(self, "path", _path(self.path))
        if self.direction is not None:
            direction, speed = with_speed(self.direction)
            if speed is not None and self.speed is not None:
                refuse("one speed", f"{self.direction} and speed {self.speed}", "leave one of them out")
            put(self, "direction", _direction(direction))
            put(self, "speed", self.speed if speed is None else speed)
        if self.direction == _STILL and self.timed:
            refuse('no ease and no span beside "still"', self.ease or self.span, "leave both out")
        if self.speed is not None:
            value, unit = speed_of(self.speed)
            if unit == "deg" and not self.turns:
                refuse("degrees a frame for turns alone", self.speed, "write 1.5px, or 2%")
            if self.path is not None or (self.direction == _STILL and value):
                refuse('no speed beside a path or "still"', self.speed, "leave speed out")
            put(self, "speed", without_frame(self.speed) if isinstance(self.speed, str) else value)

    @classmethod
    def from_text(cls, text: str, **others: Any) -> Motion:
        """`cls(text, **others)`: a direction with or without a speed behind it.

        Raises RequestError as the class itself does."""
        return cls(text, **others)

    @property
    def timed(self) -> bool:
        """Whether it does not move evenly all the time: by `ease` or `span`."""
        return self.ease is not None or self.span is not None

    @property
    def turns(self) -> bool:
        """Whether it goes round the middle."""
        return self.direction in TURNS

    @property
    def zooms(self) -> bool:
        """Whether it grows or shrinks about the middle."""
        return self.direction in ZOOMS

    @property
    def bends(self) -> bool:
        """Whether its way or its speed changes on the way."""
        if self.path is None:
            return self.timed
        steps = [(bx - ax, by - ay) for (ax, ay), (bx, by) in pairwise(self.path)]
        apart = max(abs(a - b) for step in steps for a, b in zip(step, steps[0], strict=True))
        return self.timed or apart > _EVEN * max(abs(side) for step in steps for side in step)

    @property
    def steady(self) -> bool:
        """Whether it goes straight, or zooms, at one speed: it neither turns, bends nor stays still."""
        return not (self.turns or self.bends or self.direction == "still")

    def same(self, other: object) -> bool:
        """Whether both ask for the same motion, wherever and however hard."""
        return isinstance(other, Motion) and self._content() == other._content()

    def _content(self) -> tuple[object, ...]:
        name = str(self.direction)
        return self.path, self.ease, self.span, DIRECTIONS.get(name, self.direction), speed_of(self.speed)

    def displacement(self, size: ClipSize) -> list[Point]:
        """Where the content is at each frame of a clip relative to frame 0: `size.frames` pairs (x, y) in px.

        All zeros for "still", zooms and turns. Raises RequestError unless the size is whole numbers >= 1.
        """
        frames, short = size.frames, _shorter_side(size)
        if self.path is not None:
            start, end = self.span or (0.0, 1.0)
            whole = max(frames - 1, 1) * (end - start)
            places = [_along(self.path, i / whole) for i in self._elapsed(frames)]
            steps = (abs(b - a) for here, there in pairwise(places) for a, b in zip(here, there, strict=True))
            if (fastest := max(steps, default=0.0)) > 1:
                refuse(
                    f"a path in shorter sides, at most one of them, {short} px, from one frame to the next",
                    f"one that goes {fastest:.3g} sides in {frames} frames",
                    f"it is not in px: divide px by {short}",
                )
            return [(x * short, y * short) for x, y in places]
        if self.direction == _STILL or self.direction in ZOOMS or self.turns:
            return [(0.0, 0.0)] * frames
        angle = math.radians(DIRECTIONS.get(str(self.direction), number(self.direction)))
        x, y = round(math.cos(angle), 15), round(math.sin(angle), 15)  # "down" shall not drift 6e-17 px aside
        step = self._fraction(short) * short
        return [(x * step * i, y * step * i) for i in self._elapsed(frames)]

    def scale(self, size: ClipSize) -> list[float]:
        """Zoom factor of the picture at each frame of a clip relative to frame 0: `size.frames` numbers > 0.

        Above 1 is zoomed in; 1.0 for everything but zooms. Raises RequestError like `displacement`.
        """
        short = _shorter_side(size)
        sign = ZOOMS.get(str(self.direction), 0)
        if not sign:
            return [1.0] * size.frames
        return [(1 + 2 * self._fraction(short)) ** (sign * i) for i in self._elapsed(size.frames)]

    def angle(self, size: ClipSize) -> list[float]:
        """How far the picture is turned at each frame of a clip relative to frame 0: `size.frames` radians,
        clockwise. 0.0 for everything but turns. Raises RequestError like `displacement`."""
        short, sign = _shorter_side(size), TURNS.get(str(self.direction), 0)
        if not sign:
            return [0.0] * size.frames
        value, unit = speed_of(self.speed)
        step = math.radians(value) if unit == "deg" else 2 * self._fraction(short)
        return [sign * step * i for i in self._elapsed(size.frames)]

    def velocity(self, size: ClipSize) -> Point:
        """Mean (x, y) px per frame between the first and the last frame of a clip; (0, 0) for a single frame.

        Raises RequestError like `displacement`.
        """
        x, y = self.displacement(size)[-1]
        steps = max(size.frames - 1, 1)
        return x / steps, y / steps

    def to_json(self) -> dict[str, Any]:
        """The request as plain JSON values, without the fields that were left out."""
        data = json.loads(json.dumps(asdict(self)))  # turns tuples into lists
        return {key: value for key, value in data.items() if value is not None}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Motion:
        """The inverse of `to_json`. Raises RequestError for unknown keys and bad values."""
        known = [field.name for field in fields(cls)]
        if not isinstance(data, dict) or not set(data) <= set(known):
            refuse(f"a JSON object with keys among {', '.join(known)}", data, "rename or remove the others")
        return cls(**data)

    def __str__(self) -> str:
        if self.path is not None:
            text = f"path of {len(self.path)} points"
        else:
            value, unit = speed_of(self.speed)
            pace = (
                f" at {value:g}{unit} a frame" if unit in ("px", "deg") else f" at {100 * value:g}% a frame"
            )
            text = f"{self.direction:g}°" if isinstance(self.direction, float) else str(self.direction)
            text += "" if self.direction == _STILL else pace
        if self.span:
            text += f", from {100 * self.span[0]:g}% to {100 * self.span[1]:g}% of the clip"
        return text + (f", ease {self.ease}" if self.ease else "") + aside(self)

    def _elapsed(self, frames: int) -> list[float]:
        """How many frames' worth of motion are done at each frame: its number, but for `span` and `ease`."""
        if not self.timed:
            return [float(i) for i in range(frames)]
        start, end = self.span or (0.0, 1.0)
        last, eased = max(frames - 1, 1), EASES.get(self.ease or "", float)
        shares = (min(max((i / last - start) / (end - start), 0.0), 1.0) for i in range(frames))
        return [last * (end - start) * eased(share) for share in shares]

    def _fraction(self, short: int) -> float:
        value, unit = speed_of(self.speed)
        fraction = value / short if unit == "px" else value
        if fraction > 1:
            refuse(f"speed at most the shorter side, {short} px, per frame", self.speed, "slow down")
        return fraction


def _direction(value: object) -> str | float:
    if isinstance(value, str):
        value = value.strip().removesuffix("°")
        _refuse_bare(value)
    name = " ".join(re.split(r"[-_\s]+", value.strip().lower())) if isinstance(value, str) else ""
    name = re.sub(r"^(turning|roll|rolling) ", "turn ", name)
    degrees = number(value)
    if name not in _NAMES and math.isnan(degrees):
        refuse("a direction", value, f"use one of {_KNOWN}")
    return _NAMES.get(name, degrees % 360 % 360)  # twice: -1e-20 % 360 rounds up to 360.0


def _refuse_bare(text: str) -> None:
    """Raise RequestError for a number without a unit behind a direction's name."""
    name, _, number_ = text.strip().rpartition(" ")
    known = " ".join(re.split(r"[-_,\s]+", name.strip(" ,").lower())) in _NAMES
    if known and not math.isnan(number(number_)):
        remedy = f'write "{name.strip(" ,")} {number_}px" for px a frame, or % of the shorter side'
        refuse("a unit behind the speed", text, remedy)


def _path(value: Any) -> tuple[Point, ...]:
    points = positions(value)
    near = all(abs(x) <= _MAX_PATH and abs(y) <= _MAX_PATH for x, y in points)
    if len(points) < 2 or points[0] != (0, 0) or not near:
        remedy = "give fractions of the shorter side such as [[0, 0], [-0.3, 0], [0, 0]]"
        refuse(f"a path of two or more (x, y) from (0, 0), each within {_MAX_PATH}", value, remedy)
    return points


def _along(path: Sequence[Point], share: float) -> Point:
    """Where a path is at a share of its time, linear between its evenly spaced points."""
    at = share * (len(path) - 1)
    k = min(int(at), len(path) - 2)
    (x0, y0), (x1, y1), part = path[k], path[k + 1], at - k
    return x0 + part * (x1 - x0), y0 + part * (y1 - y0)


def _shorter_side(size: ClipSize) -> int:
    for name, value in asdict(size).items():
        if not isinstance(value, Integral) or value < 1:
            refuse(f"{name} as a whole number >= 1", value, "take it from the clip's shape")
    return size.side
