"""Inputs made from what is said of the fields of a job (`moft.request.said`), so that each stands once.

An optional field is left at its default by 0, by -1 where a size of 0 says something, by "" or "default".
"""

from __future__ import annotations

import typing
from dataclasses import fields
from typing import Any

from moft.request.checks import share
from moft.request.said import Said, said_of
from moft.types import ClipSize

DEFAULT = "default"
_EITHER = {"yes": True, "no": False}
Input = tuple[Any, dict[str, Any]]


def inputs(cls: type, *names: str) -> dict[str, Input]:
    """ComfyUI's inputs for these fields of a dataclass."""
    hints, defaults = _hints(cls), {field.name: field.default for field in fields(cls)}
    return {name: _input(said_of(cls)[name], _kind(hints[name]), defaults[name]) for name in names}


def taken(cls: type, given: dict[str, Any]) -> dict[str, Any]:
    """Of what a node is given the values of a dataclass' fields, without those that are left at their
    default."""
    hints, defaults = _hints(cls), {field.name: field.default for field in fields(cls)}
    named = {name: value for name, value in given.items() if name in hints}
    return {
        name: _value(name, value, _kind(hints[name]))
        for name, value in named.items()
        if defaults[name] is not None
        or value not in ("", DEFAULT, _unsaid(said_of(cls)[name], _kind(hints[name])))
    }


def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls, localns={"ClipSize": ClipSize})


def _kind(hint: Any) -> Any:
    """What a field holds, if anything."""
    return next(kind for kind in typing.get_args(hint) or (hint,) if kind is not type(None))


def _unsaid(about: Said, kind: Any) -> int:
    """The number that leaves an optional field at its default."""
    return -1 if kind is float and about.least == 0 else 0


def _input(about: Said, kind: Any, default: Any) -> Input:
    told = {"tooltip": about.help if about.unit is None else f"{about.help} ({about.unit})"}
    optional = default is None
    if about.options or (kind is bool and optional):
        choices = [*([DEFAULT] if optional else []), *(about.options or _EITHER)]
        return choices, {"default": DEFAULT if optional else default, **told}
    if kind is bool:
        return "BOOLEAN", {"default": default, **told}
    if kind in (int, float):
        unsaid = _unsaid(about, kind)
        told["tooltip"] += f" {unsaid}: the default." if optional else ""
        least = min(about.least, unsaid) if optional and about.least is not None else about.least
        bounds = {"default": unsaid if optional else default, "min": least, "max": about.most}
        finer = {"step": 0.01, "round": False} if kind is float else {}
        return ("INT" if kind is int else "FLOAT"), {**bounds, **finer, **told}
    return "STRING", {"default": default or "", **told}


def _value(name: str, value: Any, kind: Any) -> Any:
    if typing.get_origin(kind) is tuple:
        return share(name, str(value).split(","))
    return _EITHER.get(value, value) if kind is bool else value
