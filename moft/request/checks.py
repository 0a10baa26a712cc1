"""What the fields of requests may hold: finite numbers, texts, shares, points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any, NoReturn

from moft.errors import RequestError
from moft.request.said import PLACES, Said

Point = tuple[float, float]
Share = tuple[float, float]

# What requests have in common is said of their fields here, once.
REGION = Said(
    f"Where it counts: {PLACES}, or rest (what other requests leave). Default: everywhere, or the rest."
)
MAX_STRENGTH = 1000.0
STRENGTH = Said("Weight of the request; default 1; 0 asks nothing.", least=0, most=MAX_STRENGTH)
STEPS = Said(
    "Share of the denoising steps in which it is asked; default: what suits.",
    unit="share of the steps",
    least=0,
    most=1,
)


def positions(path: Any) -> tuple[Point, ...]:
    """Pairs of finite numbers; none if there is anything else among them."""
    try:
        found = tuple((number(x), number(y)) for x, y in path)
    except (TypeError, ValueError):  # not pairs
        return ()
    return () if any(math.isnan(value) for at in found for value in at) else found


def shares_for_px(points: Sequence[Point]) -> bool:
    """Whether positions that should be in px look like shares of the picture: all within 0…1, and not all of
    them one and the same corner of the first pixel."""
    within = all(0 <= value <= 1 for at in points for value in at)
    return within and (len(set(points)) > 1 or any(value % 1 for at in points for value in at))


def refuse(expected: str, received: object, remedy: str) -> NoReturn:
    """Raise RequestError in the form that all errors have."""
    raise RequestError(f"expected {expected}; received {received!r:.200}; {remedy}")


def number(value: object) -> float:
    """A finite number or numeric text as a float; NaN, which no comparison accepts, for anything else."""
    try:
        amount = float(value) if isinstance(value, str | Real) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return math.nan
    return amount if math.isfinite(amount) else math.nan


def aside(request: Any) -> str:
    """Where, how hard and when, in words."""
    text = f", in {request.region}" if request.region else ""
    text += f", strength {request.strength:g}" if request.strength != 1 else ""
    if request.steps is None:
        return text
    return f"{text}, asked in {100 * request.steps[0]:g}% to {100 * request.steps[1]:g}% of the steps"


def check_text(name: str, value: object, remedy: str = "leave it out to mean the whole frame") -> None:
    """Raise RequestError unless it is None or a text that says something."""
    if value is not None and not (isinstance(value, str) and value.strip() and "\0" not in value):
        refuse(f"{name} as text", value, remedy)


def strength(value: object) -> float:
    """A weight in 0…MAX_STRENGTH. Raises RequestError for anything else."""
    weight = number(value)
    if not 0 <= weight <= MAX_STRENGTH:
        usual = "1.0 is the usual strength"
        refuse(f"strength as a finite number >= 0 and at most {MAX_STRENGTH:g}", value, usual)
    return weight


def share(name: str, value: Any) -> Share | None:
    """(start, end) in 0…1, or None. Raises RequestError, naming the field, for anything else."""
    if value is None:
        return None
    try:
        start, end = map(number, value)
    except (TypeError, ValueError):  # not two
        start = end = math.nan
    if not 0 <= start < end <= 1:
        refuse(f"{name} (start, end) with 0 <= start < end <= 1", value, "leave it out to mean the usual")
    return start, end


def whole_range(name: str, value: Any) -> tuple[int, int]:
    """(start, end) of two frames or more. Raises RequestError, naming the field, for anything else."""
    fine = isinstance(value, (tuple, list)) and len(value) == 2 and all(type(n) is int for n in value)
    if not fine or not 0 <= value[0] <= value[1] - 2 or value[1] > 2**31:
        refuse(
            f"{name} (start, end) of two frames or more, counted from 0", value, "leave it out to mean all"
        )
    return value[0], value[1]
