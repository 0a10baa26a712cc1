"""What motion is wanted: a small request object and its JSON form.

Directions name where the PICTURE CONTENT goes: x right, y down, degrees 0 right, 90 down, 180 left, 270 up.
Camera right = picture left: ask for "left" to get what a camera panning right would see.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from typing import Any, NoReturn

from .errors import RequestError

__all__ = ["DEFAULT_SPEED", "DIRECTIONS", "Motion"]

Point = tuple[float, float]

DIRECTIONS: dict[str, float] = {  # name -> degrees in which the picture content moves
    "right": 0.0, "down-right": 45.0, "down": 90.0, "down-left": 135.0,
    "left": 180.0, "up-left": 225.0, "up": 270.0, "up-right": 315.0,
}  # fmt: skip
DEFAULT_SPEED = 0.03  # fraction of the shorter image side per frame

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
    region: file name of a mask, kept as text.
    strength: how hard to steer, >= 0.

    Raises RequestError for what is unknown, contradictory, not finite, or of negative speed or strength.
    """

    direction: str | float | None = None
    speed: str | float | None = None
    path: tuple[Point, ...] | None = None
    region: str | None = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        if (self.direction is None) == (self.path is None):
            received = "neither" if self.path is None else "both"
            _refuse("a direction or a path", received, f"give exactly one; directions: {_KNOWN}")
        if self.region is not None and not (isinstance(self.region, str) and self.region.strip()):
            _refuse("region as a mask file name", self.region, "leave it out to mean the whole frame")
        strength = _number(self.strength)
        if not strength >= 0:
            _refuse("strength as a finite number >= 0", self.strength, "1.0 is the usual strength")
        put = object.__setattr__  # the way past `frozen`: fields are kept in canonical form
        put(self, "strength", strength)
        if self.path is not None:
            put(self, "path", _path(self.path))
        if self.direction is not None:
            put(self, "direction", _direction(self.direction))
        if self.speed is not None:
            value, _ = _speed(self.speed)
            if self.path is not None or (self.direction == _STILL and value):
                _refuse('no speed beside a path or "still"', self.speed, "leave speed out")
            put(self, "speed", self.speed.strip() if isinstance(self.speed, str) else value)

    def displacement(self, frames: int, height: int, width: int) -> list[Point]:
        """Where the content is at each frame relative to frame 0: `frames` pairs (x, y) in px.

        All zeros for "still" and zooms. Raises RequestError unless all arguments are whole numbers >= 1.
        """
        short = _shorter_side(frames, height, width)
        if self.path is not None:
            return [(x * short, y * short) for x, y in _resample(self.path, frames)]
        if self.direction == _STILL or self.direction in _ZOOMS:
            return [(0.0, 0.0)] * frames
        angle = math.radians(DIRECTIONS.get(str(self.direction), _number(self.direction)))
        x, y = round(math.cos(angle), 15), round(math.sin(angle), 15)  # "down" shall not drift 6e-17 px aside
        step = self._fraction(short) * short
        return [(x * step * i, y * step * i) for i in range(frames)]

    def scale(self, frames: int, height: int, width: int) -> list[float]:
        """Zoom factor of the picture at each frame relative to frame 0: `frames` numbers > 0.

        Above 1 is zoomed in; 1.0 for everything but zooms. Raises RequestError like `displacement`.
        """
        short = _shorter_side(frames, height, width)
        sign = _ZOOMS.get(str(self.direction), 0)
        return [(1 + 2 * self._fraction(short)) ** (sign * i) for i in range(frames)]

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
        text += f", in {self.region}" if self.region else ""
        return text + (f", strength {self.strength:g}" if self.strength != 1 else "")

    def _fraction(self, short: int) -> float:
        value, unit = _speed(self.speed)
        fraction = value / short if unit == "px" else value
        if fraction > 1:
            _refuse(f"speed at most the shorter side, {short} px, per frame", self.speed, "slow down")
        return fraction


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
    try:
        points = tuple((_number(x), _number(y)) for x, y in value)
    except (TypeError, ValueError):  # not a list of pairs
        points = ()
    near = all(abs(x) <= _MAX_PATH and abs(y) <= _MAX_PATH for x, y in points)  # False for NaN
    if len(points) < 2 or points[0] != (0, 0) or not near:
        remedy = "give fractions of the shorter side such as [[0, 0], [-0.3, 0], [0, 0]]"
        _refuse(f"a path of two or more (x, y) from (0, 0), each within {_MAX_PATH}", value, remedy)
    return points


def _resample(path: tuple[Point, ...], frames: int) -> list[Point]:
    """The path at `frames` evenly spaced moments, linear between its points."""
    resampled = []
    for i in range(frames):
        at = i * (len(path) - 1) / max(frames - 1, 1)
        k = min(int(at), len(path) - 2)
        (x0, y0), (x1, y1), part = path[k], path[k + 1], at - k
        resampled.append((x0 + part * (x1 - x0), y0 + part * (y1 - y0)))
    return resampled


def _shorter_side(frames: int, height: int, width: int) -> int:
    for name, value in (("frames", frames), ("height", height), ("width", width)):
        if not isinstance(value, Integral) or value < 1:
            _refuse(f"{name} as a whole number >= 1", value, "take it from the clip's shape")
    return min(height, width)
