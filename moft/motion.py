"""What motion is wanted: small request objects and their JSON forms. `Motion` says it, `Like` shows it by a clip, `Drag` by points.

Directions name where the PICTURE CONTENT goes: x right, y down, degrees 0 right, 90 down, 180 left, 270 up.
Camera right = picture left: ask for "left" to get what a camera panning right would see.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from typing import Any, NoReturn

from .errors import RequestError

__all__ = ["DEFAULT_SPEED", "DIRECTIONS", "EASES", "Drag", "Like", "Motion", "Point", "Trajectory"]

Point = tuple[float, float]
Share = tuple[float, float]
Trajectory = Sequence[Point]  # px; see `Drag`

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
DEFAULT_SPEED = 0.03  # fraction of the shorter image side per frame

EASES: dict[
    str, Callable[[float], float]
] = {  # name -> share of the way done by a share of the time, both 0…1
    "in": lambda t: t * t,  # starts slowly
    "out": lambda t: t * (2 - t),  # ends slowly
    "in-out": lambda t: t * t * (3 - 2 * t),
}

_MAX_PATH = 1000  # shorter sides; keeps every displacement a finite number of pixels
_ZOOMS = {"zoom in": 1, "zoom out": -1}
_STILL = "still"
_NAMES = {name.replace("-", " "): name for name in (*DIRECTIONS, *_ZOOMS, _STILL)}
_KNOWN = ", ".join(_NAMES.values()) + ", or degrees (0 right, 90 down)"


@dataclass(frozen=True)
class Motion:
    """One wanted motion of the picture content; camera right = picture left.

    direction: a name in `DIRECTIONS`, "zoom in", "zoom out", "still", or degrees (number or numeric string).
        Case, spaces, hyphens and underscores do not matter; kept as canonical name or degrees in [0, 360).
    speed: "1.5px" per frame, "2%" of the shorter side per frame, or a number in [0, 1], that fraction of the
        shorter side per frame; None is `DEFAULT_SPEED`. For zooms: how far the picture's edge midpoint along
        the shorter side moves outward per frame. It lies half a side from the centre, so the scale factor per
        frame is 1 + 2 * fraction; "zoom out" is "zoom in" played backwards.
    path: instead of direction and speed: cumulative displacement at evenly spaced moments of the clip, two or
        more (x, y) in fractions of the shorter side, the first (0, 0).
    region: where it counts: a mask picture, a folder or video of masks, "box:x,y,w,h", "polygon:x,y;x,y;x,y" or
        "rest" (`moft.region`), kept as text. None: the whole frame, or beside other requests what they leave.
    strength: how hard to steer, >= 0.
    ease: a name in `EASES`: how it starts and ends. None: evenly.
    span: (start, end), the share of the clip in 0…1 during which it moves; before and after it stands still.
        None: all of it. `speed` is the mean speed WHILE it moves: half a span goes half as far, and an ease goes as
        far as none, at a peak of 2 ("in", "out") or 1.5 times ("in-out") the speed. A path is run through in the span.
    steps: (start, end), the share of the denoising steps in 0…1 in which it is asked; None: as `Settings.steps`.

    Raises RequestError for what is unknown, contradictory, not finite, or out of range.
    """

    direction: str | float | None = None
    speed: str | float | None = None
    path: tuple[Point, ...] | None = None
    region: str | None = None
    strength: float = 1.0
    ease: str | None = None
    span: Share | None = None
    steps: Share | None = None

    def __post_init__(self) -> None:
        if (self.direction is None) == (self.path is None):
            received = "neither" if self.path is None else "both"
            _refuse("a direction or a path", received, f"give exactly one; directions: {_KNOWN}")
        put = object.__setattr__  # the way past `frozen`: fields are kept in canonical form
        _check_text("region", self.region)
        put(self, "strength", _strength(self.strength))
        put(self, "steps", _share("steps", self.steps))
        put(self, "span", _share("span", self.span))
        if self.ease is not None and not (isinstance(self.ease, str) and self.ease in EASES):
            _refuse(f"an ease among {', '.join(EASES)}", self.ease, "leave it out to move evenly")
        if self.path is not None:
            put(self, "path", _path(self.path))
        if self.direction is not None:
            put(self, "direction", _direction(self.direction))
        if self.direction == _STILL and self.timed:
            _refuse('no ease and no span beside "still"', self.ease or self.span, "leave both out")
        if self.speed is not None:
            value, _ = _speed(self.speed)
            if self.path is not None or (self.direction == _STILL and value):
                _refuse('no speed beside a path or "still"', self.speed, "leave speed out")
            put(self, "speed", self.speed.strip() if isinstance(self.speed, str) else value)

    @classmethod
    def from_text(cls, text: str, **others: Any) -> Motion:
        """A direction with or without a speed behind it, "left" or "zoom in 2%"; `others` are further fields.

        Raises RequestError as the class itself does."""
        found = re.fullmatch(r"(.*\S)\s+(\S+(?:px|%))\s*", text, re.IGNORECASE | re.DOTALL)
        if found is None:
            return cls(text, **others)
        if others.get("speed") is not None:
            _refuse("one speed", f"{text} and speed {others['speed']}", "leave one of them out")
        return cls(found[1], **{**others, "speed": found[2]})

    @property
    def timed(self) -> bool:
        """Whether it does not move evenly all the time: by `ease` or `span`."""
        return self.ease is not None or self.span is not None

    def same(self, other: object) -> bool:
        """Whether both ask for the same motion, wherever and however hard."""
        return isinstance(other, Motion) and self._content() == other._content()

    def _content(self) -> tuple[object, ...]:
        name = str(self.direction)
        return self.path, self.ease, self.span, DIRECTIONS.get(name, self.direction), _speed(self.speed)

    def displacement(self, frames: int, height: int, width: int) -> list[Point]:
        """Where the content is at each frame relative to frame 0: `frames` pairs (x, y) in px.

        All zeros for "still" and zooms. Raises RequestError unless all arguments are whole numbers >= 1.
        """
        short = _shorter_side(frames, height, width)
        if self.path is not None:
            start, end = self.span or (0.0, 1.0)
            whole = max(frames - 1, 1) * (end - start)
            return [
                (x * short, y * short)
                for x, y in (_along(self.path, i / whole) for i in self._elapsed(frames))
            ]
        if self.direction == _STILL or self.direction in _ZOOMS:
            return [(0.0, 0.0)] * frames
        angle = math.radians(DIRECTIONS.get(str(self.direction), _number(self.direction)))
        x, y = round(math.cos(angle), 15), round(math.sin(angle), 15)  # "down" shall not drift 6e-17 px aside
        step = self._fraction(short) * short
        return [(x * step * i, y * step * i) for i in self._elapsed(frames)]

    def scale(self, frames: int, height: int, width: int) -> list[float]:
        """Zoom factor of the picture at each frame relative to frame 0: `frames` numbers > 0.

        Above 1 is zoomed in; 1.0 for everything but zooms. Raises RequestError like `displacement`.
        """
        short = _shorter_side(frames, height, width)
        sign = _ZOOMS.get(str(self.direction), 0)
        return [(1 + 2 * self._fraction(short)) ** (sign * i) for i in self._elapsed(frames)]

    def velocity(self, frames: int, height: int, width: int) -> Point:
        """Mean (x, y) px per frame between the first and the last frame; (0, 0) for a single frame."""
        x, y = self.displacement(frames, height, width)[-1]
        steps = max(frames - 1, 1)
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
            _refuse(f"a JSON object with keys among {', '.join(known)}", data, "rename or remove the others")
        return cls(**data)

    def __str__(self) -> str:
        if self.path is not None:
            text = f"path of {len(self.path)} points"
        else:
            value, unit = _speed(self.speed)
            pace = f" at {value:g}px a frame" if unit == "px" else f" at {100 * value:g}% a frame"
            text = f"{self.direction:g}°" if isinstance(self.direction, float) else str(self.direction)
            text += "" if self.direction == _STILL else pace
        if self.span:
            text += f", from {100 * self.span[0]:g}% to {100 * self.span[1]:g}% of the clip"
        return text + (f", ease {self.ease}" if self.ease else "") + _aside(self)

    def _elapsed(self, frames: int) -> list[float]:
        """How many frames' worth of motion are done at each frame: its number, but for `span` and `ease`."""
        if not self.timed:
            return [float(i) for i in range(frames)]
        start, end = self.span or (0.0, 1.0)
        last, eased = max(frames - 1, 1), EASES.get(self.ease or "", float)
        shares = (min(max((i / last - start) / (end - start), 0.0), 1.0) for i in range(frames))
        return [last * (end - start) * eased(share) for share in shares]

    def _fraction(self, short: int) -> float:
        value, unit = _speed(self.speed)
        fraction = value / short if unit == "px" else value
        if fraction > 1:
            _refuse(f"speed at most the shorter side, {short} px, per frame", self.speed, "slow down")
        return fraction


@dataclass(frozen=True)
class Like:
    """The motion of a clip, or of a part of one.

    like: file name of the clip.
    region: where it counts in what is made, as `Motion.region`.
    like_region: where to look in the clip, in the same words (px of the clip itself, and not "rest"); it may lie
        elsewhere and be of another size. None: everywhere.
    like_frames: (start, end) of the clip's frames to follow, counted from 0, the end not among them; None: all.
        They are spread over the frames that are made: twice as many move twice as fast.
    per_position: follow each place by itself (paper, Eq. 3) instead of the mean over the region (the release); the
        bounds of `like_region` are laid over those of `region`.
    invert: reach the noise level by DDIM inversion instead of by adding noise.
    strength, steps: as of `Motion`.

    Raises RequestError for what is no text, not finite, or out of range.
    """

    like: str
    region: str | None = None
    like_region: str | None = None
    like_frames: tuple[int, int] | None = None
    per_position: bool = False
    invert: bool = False
    strength: float = 1.0
    steps: Share | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        _check_text("like", self.like or "", "name a clip")
        _check_text("region", self.region)
        _check_text("like_region", self.like_region)
        if self.like_region is not None and self.like_region.strip() == "rest":
            _refuse(
                "a like_region in the clip",
                self.like_region,
                "nothing else is asked of the clip; name a box or a mask",
            )
        if self.like_frames is not None:
            put(self, "like_frames", _whole_range("like_frames", self.like_frames))
        for name in ("per_position", "invert"):
            if not isinstance(getattr(self, name), bool):
                _refuse(f"{name} as true or false", getattr(self, name), "leave it out to mean false")
        put(self, "strength", _strength(self.strength))
        put(self, "steps", _share("steps", self.steps))

    def same(self, other: object) -> bool:
        """Whether both ask for the same motion, wherever and however hard."""
        parts = ("like", "like_region", "like_frames", "per_position", "invert")
        return isinstance(other, Like) and all(getattr(self, part) == getattr(other, part) for part in parts)

    def to_json(self) -> dict[str, Any]:
        """The request as plain JSON values, without what is as usual; strength is always there."""
        data = json.loads(json.dumps(asdict(self)))  # turns tuples into lists
        return {key: value for key, value in data.items() if value not in (None, False)}

    def __str__(self) -> str:
        text = f"the motion of {self.like}"
        text += f" in {self.like_region}" if self.like_region else ""
        text += ", frames {} to {}".format(*self.like_frames) if self.like_frames else ""
        ways = (("per position", self.per_position), ("inverted", self.invert))
        return text + "".join(f", {name}" for name, so in ways if so) + _aside(self)


@dataclass(frozen=True)
class Drag:
    """Points of the first frame and where each is taken, in px of the clip, x right, y down, (0, 0) the centre of the first pixel.

    points: one or more trajectories. One position (x, y): the point must not move. More: where it is at evenly spaced
        moments from the first frame to the last, straight and even in between.
    radius: px around a point in which the picture goes with it, > 0; None: three eighths of the shorter side.

    Raises RequestError, naming the point, for what is no finite number, and for no points.
    """

    points: tuple[tuple[Point, ...], ...]
    radius: float | None = None

    def __post_init__(self) -> None:
        remedy = "write start:end as 12,30:40,30, more points for a bent way, or one point for what must stay"
        if not isinstance(self.points, (tuple, list)) or not self.points:
            _refuse("at least one point", self.points, remedy)
        paths = [_positions(path) for path in self.points]
        for number, path in enumerate(paths, 1):
            if not path:
                raise RequestError(
                    f"point {number}: expected one or more positions (x, y) of finite numbers; "
                    f"received {self.points[number - 1]!r:.200}; {remedy}"
                )
        object.__setattr__(self, "points", tuple(paths))
        if self.radius is not None:
            if not _number(self.radius) > 0:
                _refuse("a radius > 0 px", self.radius, "leave it out for three eighths of the shorter side")
            object.__setattr__(self, "radius", _number(self.radius))

    def to_json(self) -> dict[str, Any]:
        """The request as plain JSON values, without a radius that was left out."""
        points = [[list(at) for at in path] for path in self.points]
        return {"points": points} if self.radius is None else {"points": points, "radius": self.radius}

    def __str__(self) -> str:
        ways = (
            " to ".join(f"{x:g},{y:g}" for x, y in path) + (" to stay" if len(path) == 1 else "")
            for path in self.points
        )
        return "drag " + "; ".join(ways) + (f"; radius {self.radius:g} px" if self.radius else "")


def _positions(path: Any) -> tuple[Point, ...]:
    """Pairs of finite numbers; none if there is anything else among them."""
    try:
        found = tuple((_number(x), _number(y)) for x, y in path)
    except (TypeError, ValueError):  # not pairs
        return ()
    return () if any(math.isnan(value) for at in found for value in at) else found


def _refuse(expected: str, received: object, remedy: str) -> NoReturn:
    raise RequestError(f"expected {expected}; received {received!r:.200}; {remedy}")


def _number(value: object) -> float:
    """A finite number or numeric text as a float; NaN, which no comparison accepts, for anything else."""
    try:
        number = float(value) if isinstance(value, str | Real) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _direction(value: object) -> str | float:
    name = " ".join(re.split(r"[-_\s]+", value.strip().lower())) if isinstance(value, str) else ""
    degrees = _number(value)
    if name not in _NAMES and math.isnan(degrees):
        _refuse("a direction", value, f"use one of {_KNOWN}")
    return _NAMES.get(name, degrees % 360 % 360)  # twice: -1e-20 % 360 rounds up to 360.0


def _speed(value: object) -> tuple[float, str]:
    """(px, "px") or (fraction of the shorter side, "%" or ""), per frame."""
    text = DEFAULT_SPEED if value is None else value
    unit = next((u for u in ("px", "%") if isinstance(text, str) and text.strip().lower().endswith(u)), "")
    number = _number(str(text).strip()[: -len(unit)] if unit else text) / (100 if unit == "%" else 1)
    if not 0 <= number <= (math.inf if unit == "px" else 1):
        remedy = 'write "1.5px", "2%" or a number in [0, 1]; to go the other way, turn the direction round'
        _refuse("speed >= 0 and at most the shorter side per frame", value, remedy)
    return number, unit


def _path(value: Any) -> tuple[Point, ...]:
    points = _positions(value)
    near = all(abs(x) <= _MAX_PATH and abs(y) <= _MAX_PATH for x, y in points)
    if len(points) < 2 or points[0] != (0, 0) or not near:
        remedy = "give fractions of the shorter side such as [[0, 0], [-0.3, 0], [0, 0]]"
        _refuse(f"a path of two or more (x, y) from (0, 0), each within {_MAX_PATH}", value, remedy)
    return points


def _along(path: tuple[Point, ...], share: float) -> Point:
    """Where a path is at a share of its time, linear between its evenly spaced points."""
    at = share * (len(path) - 1)
    k = min(int(at), len(path) - 2)
    (x0, y0), (x1, y1), part = path[k], path[k + 1], at - k
    return x0 + part * (x1 - x0), y0 + part * (y1 - y0)


def _aside(request: Motion | Like) -> str:
    """Where, how hard and when, in words."""
    text = f", in {request.region}" if request.region else ""
    text += f", strength {request.strength:g}" if request.strength != 1 else ""
    if request.steps is None:
        return text
    return f"{text}, asked in {100 * request.steps[0]:g}% to {100 * request.steps[1]:g}% of the steps"


def _check_text(name: str, value: object, remedy: str = "leave it out to mean the whole frame") -> None:
    if value is not None and not (isinstance(value, str) and value.strip() and "\0" not in value):
        _refuse(f"{name} as text", value, remedy)


def _strength(value: object) -> float:
    strength = _number(value)
    if not strength >= 0:
        _refuse("strength as a finite number >= 0", value, "1.0 is the usual strength")
    return strength


def _share(name: str, value: Any) -> Share | None:
    if value is None:
        return None
    try:
        start, end = map(_number, value)
    except (TypeError, ValueError):  # not two
        start = end = math.nan
    if not 0 <= start < end <= 1:
        _refuse(f"{name} (start, end) with 0 <= start < end <= 1", value, "leave it out to mean the usual")
    return start, end


def _whole_range(name: str, value: Any) -> tuple[int, int]:
    fine = isinstance(value, (tuple, list)) and len(value) == 2 and all(type(n) is int for n in value)
    if not fine or not 0 <= value[0] <= value[1] - 2 or value[1] > 2**31:
        _refuse(
            f"{name} (start, end) of two frames or more, counted from 0", value, "leave it out to mean all"
        )
    return value[0], value[1]


def _shorter_side(frames: int, height: int, width: int) -> int:
    for name, value in (("frames", frames), ("height", height), ("width", width)):
        if not isinstance(value, Integral) or value < 1:
            _refuse(f"{name} as a whole number >= 1", value, "take it from the clip's shape")
    return min(height, width)
