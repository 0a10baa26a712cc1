"""What is said of a field, once: help, unit, range.

    @dataclass(frozen=True)
    class Scene:
        seed: int = said(0, "Which noise to start from.", least=0, most=2**63 - 1)

        def __post_init__(self) -> None:
            check(self)

Options, forms and the reference page are made from it.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from moft.errors import RequestError

_KEY = "moft"
PLACES = "mask picture, folder of masks, mask video, box:x,y,w,h, polygon:x,y;x,y;x,y (px, or % of the clip)"


@dataclass(frozen=True)
class Said:
    """What is said of a field."""

    help: str  # a sentence, as the command line prints it
    unit: str | None = None  # of the value: px, frames, share of the steps …
    least: float | None = None  # a number, or each of several, is not below
    most: float | None = None  # nor above
    choices: tuple[str, ...] | Callable[[], tuple[str, ...]] | None = None

    @property
    def options(self) -> tuple[str, ...] | None:
        """The texts that it may be, if it is one of some."""
        return self.choices() if callable(self.choices) else self.choices


def said(
    default: Any,
    help: str,  # noqa: A002
    *,
    unit: str | None = None,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] | Callable[[], tuple[str, ...]] | None = None,
) -> Any:
    """A dataclass field with a default (`...` for none) of which this is said."""
    metadata = {_KEY: Said(help, unit, least, most, choices)}
    return field(metadata=metadata) if default is ... else field(default=default, metadata=metadata)


def like_others(default: Any, about: Said) -> Any:
    """A dataclass field of which the same is said as of others."""
    return field(default=default, metadata={_KEY: about})


def said_of(cls: type) -> dict[str, Said]:
    """What is said of each field of a dataclass, by its name; fields of which nothing is said are left
    out."""
    return {f.name: f.metadata[_KEY] for f in fields(cls) if _KEY in f.metadata}


def check(value: Any) -> None:
    """Raise RequestError, naming the field, for one of another type than its hint says, out of its range or
    none of its choices. So what is checked can be written as JSON and read back."""
    hints = typing.get_type_hints(type(value))
    for name, about in said_of(type(value)).items():
        given, kinds = getattr(value, name), typing.get_args(hints[name]) or (hints[name],)
        if given is None and type(None) in kinds:
            continue
        kind = next((_KINDS[kind] for kind in kinds if kind in _KINDS), None)
        if kind is not None and not kind.holds(given):
            raise RequestError(f"expected {name} as {kind.words}, got {given!r:.50}")
        if any(typing.get_origin(kind) is tuple for kind in kinds) and not _is_pair(given):
            raise RequestError(f"expected {name} as two numbers, got {given!r:.50}")
        options = about.options
        if options is not None and given not in options:
            raise RequestError(f"expected {name} among {', '.join(options)}, got {given!r:.50}")
        if about.least is not None or about.most is not None:
            for number in given if isinstance(given, tuple) else (given,):
                _check_range(name, number, about)


class _Kind(NamedTuple):
    words: str
    holds: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value))


_KINDS: dict[Any, _Kind] = {
    bool: _Kind("true or false", lambda value: isinstance(value, bool)),
    int: _Kind("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    float: _Kind("a finite number", _is_number),
    str: _Kind(
        "text in Unicode without a null",
        lambda value: (
            isinstance(value, str) and not any("\ud800" <= c <= "\udfff" or c == "\0" for c in value)
        ),
    ),
}


def _check_range(name: str, number: Any, about: Said) -> None:
    least = -math.inf if about.least is None else about.least
    most = math.inf if about.most is None else about.most
    try:
        fine = least <= number <= most and math.isfinite(number)
    except TypeError:
        fine = False
    if not fine:
        bounds = f"≥ {about.least:g}" if about.most is None else f"in {least:g}…{most:g}"
        raise RequestError(f"expected a finite {name} {bounds}, got {number!r:.50}")
