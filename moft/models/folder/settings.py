"""Settings as the classes that take them want them: types by their signatures, numbers in bounds."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from moft.models.folder.files import refused

MAX_WHOLE = 2**24  # of sizes; a clip of a frame as large has more bytes than any memory
MAX_PARTS = 2**12  # layers and the like, each of which is built
MAX_LABELS = 2**16
MAX_STEPS = 100_000  # of a scheduler's training, kept as a table
_PARTS = re.compile(r"layers|blocks|depth|experts")
_LABELS = re.compile(r"labels|num_train_timesteps")
_FREE = re.compile(r"theta|length|pixels|edge")  # of bases and limits, from which nothing is built


def check_settings(path: Path, cls: Any, settings: dict[str, Any]) -> None:
    """Raise BackboneError for a setting of another type than the class's constructor takes, and for numbers
    out of bounds. Settings that the constructor does not know are bounded alone; `null` is left to it."""
    for name, value in settings.items():
        check_numbers(path, name, value)
    parameters, hints = inspect.signature(cls.__init__).parameters, _hints(cls)
    for name, value in settings.items():
        if name not in parameters or value is None:
            continue
        if not fits(hints.get(name, Any), value) and not _like(value, parameters[name].default):
            raise refused(path, f"{name}: expected {_words(hints[name])}, got {value!r:.100}")


def check_numbers(path: Path, name: str, value: Any) -> None:
    """Raise BackboneError for numbers that would build more than a machine holds."""
    most = MAX_PARTS if _PARTS.search(name) else MAX_LABELS if _LABELS.search(name) else MAX_WHOLE
    for number in _numbers(value):
        if isinstance(number, int) and not -MAX_WHOLE <= number <= most and not _FREE.search(name):
            raise refused(path, f"{name}: expected whole numbers up to {most}, got {number}")


def fits(hint: Any, value: Any) -> bool:
    """Whether a JSON value may be meant by a type hint. One number is as good as another here, and what hints
    cannot say of JSON is let pass: it is the constructor's to refuse."""
    origin, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if value is None or origin is Any:
        return True
    if origin in (types.UnionType, typing.Union):
        return any(fits(one, value) for one in inner if one is not type(None))
    if origin is typing.Literal:
        return value in inner
    for plain, taken in _TAKEN:
        if origin in plain:
            return isinstance(value, taken)
    if origin in (list, tuple, Sequence):
        held = [one for one in inner if one is not Ellipsis] or [Any]
        return isinstance(value, list) and all(
            isinstance(v, list) or any(fits(h, v) for h in held) for v in value
        )
    return True


_TAKEN: tuple[tuple[tuple[Any, ...], tuple[type, ...]], ...] = (
    ((bool, int, float), (bool, int, float)),
    ((str,), (str,)),
    ((dict,), (dict,)),
)


def _like(value: Any, default: Any) -> bool:
    """Whether a value is of the kind of a default, which may be another than the hint says."""
    if isinstance(default, tuple | list):
        return isinstance(value, list) and all(any(_like(v, d) for d in default) for v in value)
    number = (bool, int, float)
    return isinstance(value, number if isinstance(default, number) else type(default))


def _hints(cls: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls.__init__)
    except Exception:  # a hint of names that are only there for type checkers: the constructor decides
        return {}


def _words(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")


def _numbers(value: Any) -> Iterator[int | float]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _numbers(inner)
    elif isinstance(value, int | float):
        yield value


Build = Callable[[dict[str, Any]], Any]


def culprit(build: Build, settings: dict[str, Any], error: Exception) -> str | None:
    """The setting at fault where a thing cannot be built: the one that the error speaks of, without which it
    could be, or that is none. None if that is not one alone."""
    spoken = [name for name in settings if len(name) > 4 and name.removesuffix("s") in str(error)]
    nothing = [name for name, value in settings.items() if type(value) is int and value < 1]
    for name in (*spoken, *nothing, *settings):
        try:
            build({other: value for other, value in settings.items() if other != name})
        except Exception:  # as bad without this one, or needed
            continue
        return name
    return next(iter((*spoken, *nothing)), None)
