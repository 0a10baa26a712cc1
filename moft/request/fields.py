"""JSON values as the type hints of frozen dataclasses want them; what comes is believed nothing."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from moft.errors import MoftError, RecipeError


def read(hint: Any, value: Any, where: str, names: dict[str, Any] | None = None, **made: Any) -> Any:
    """A value of `moft.plain.parse` as its type hint wants it: None, bool, int, float, str, tuple, dict, a
    dataclass, a union, or Any.

    where: what errors call the value. names: types that the hints of a dataclass name without importing them.
    made: fields of a dataclass that are taken as they are.
    Raises RecipeError, which names the field at fault, for values of another type, unknown keys and missing
    ones, and for what the dataclass itself refuses.
    """
    names = names or {}
    if hint is Any:
        return value
    if is_dataclass(hint):
        return _read_fields(hint, value, where, names, made)
    origin, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _read_union(inner, value, where, names)
    if origin is tuple and isinstance(value, list):
        hints = [inner[0]] * len(value) if inner[-1] is Ellipsis else list(inner)
        if len(hints) == len(value):
            pairs = enumerate(zip(hints, value, strict=True))
            return tuple(read(h, v, f"{where}[{i}]", names) for i, (h, v) in pairs)
    if origin is dict and isinstance(value, dict):
        return {read(str, k, where): read(inner[1], v, f"{where}.{k:.50}", names) for k, v in value.items()}
    if origin in _PLAIN and _PLAIN[origin](value):
        return value
    raise RecipeError(f"{where}: expected {_named(hint)}, got {value!r:.100}")


def part(cls: type, data: dict[str, Any]) -> dict[str, Any]:
    """Of a JSON object what a dataclass has fields for."""
    return {field.name: data[field.name] for field in fields(cls) if field.name in data}


def _read_union(hints: tuple[Any, ...], value: Any, where: str, names: dict[str, Any]) -> Any:
    given = [hint for hint in hints if hint is not type(None)]
    if value is not None and len(given) == 1 and is_dataclass(given[0]):
        return read(given[0], value, where, names)  # whose own error says more
    for hint in hints:
        try:
            return read(hint, value, where, names)
        except RecipeError:
            continue
    raise RecipeError(f"{where}: expected {' or '.join(map(_named, hints))}, got {value!r:.100}")


def _named(hint: Any) -> str:
    if hint is type(None):
        return "null"
    return hint.__name__ if hint in _PLAIN else str(hint)


def _read_fields(cls: Any, value: Any, where: str, names: dict[str, Any], made: dict[str, Any]) -> Any:
    if not isinstance(value, dict):
        raise RecipeError(f"{where}: expected a JSON object, got {value!r:.100}")
    hints = typing.get_type_hints(cls, localns=names)
    dot = f"{where}." if where else ""
    for name in value.keys() - hints.keys():
        raise RecipeError(f"{dot}{name:.50}: unknown; expected keys among {', '.join(hints)}")
    for field in fields(cls):
        if field.name not in {*value, *made} and field.default is field.default_factory is MISSING:
            raise RecipeError(f"{dot}{field.name}: expected it among the keys, got nothing")
    found = {
        name: read(hints[name], v, f"{dot}{name}", names) for name, v in value.items() if name not in made
    }
    try:
        return cls(**found, **made)
    except RecipeError:
        raise
    except MoftError as error:  # a value of the right type, out of range
        raise RecipeError(f"{where}: {error}" if where else str(error)) from error


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" or c == "\0" for c in value)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300  # False for NaN


_PLAIN: dict[Any, Callable[[Any], bool]] = {
    bool: lambda value: isinstance(value, bool),
    int: lambda value: type(value) is int and abs(value) < 2**63,
    float: _is_number,
    str: _is_text,
    type(None): lambda value: value is None,
}
