"""What can be asked, as a form: made from what is said of each field (`moft.request.said`)."""

from __future__ import annotations

import types
import typing
from dataclasses import MISSING, Field, asdict, fields, is_dataclass
from typing import Any

from moft.request.along import Along
from moft.request.drag import Drag
from moft.request.like import Like
from moft.request.motion import DIRECTIONS, EASES, TURNS, ZOOMS, Motion
from moft.request.said import Said, said_of
from moft.runs.job import Job, Scene
from moft.steering.settings import Settings
from moft.types import ClipSize

_CLASSES = (Motion, Like, Along, Drag, Scene, Settings, Job)
_PLAIN = {bool: "boolean", int: "integer", float: "number", str: "text", ClipSize: "size"}


def form() -> dict[str, Any]:
    """Every class of what can be asked, field by field: help, unit, range, choices, default and type; and the
    names that directions and eases have. Plain JSON values."""
    told: dict[str, Any] = {cls.__name__: {"fields": _fields_of(cls)} for cls in _CLASSES}
    return told | {
        "directions": DIRECTIONS,
        "zooms": list(ZOOMS),
        "turns": list(TURNS),
        "eases": list(EASES),
    }


def _fields_of(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls, localns={"ClipSize": ClipSize, "Settings": Settings})
    about = said_of(cls)
    return {f.name: _told(f, about[f.name], hints[f.name]) for f in fields(cls) if f.name in about}


def _told(field: Field[Any], about: Said, hint: Any) -> dict[str, Any]:
    default = None if field.default is MISSING else field.default
    return {
        "help": about.help,
        "unit": about.unit,
        "least": about.least,
        "most": about.most,
        "choices": None if about.options is None else list(about.options),
        "default": asdict(default) if is_dataclass(default) and not isinstance(default, type) else default,
        "required": field.default is MISSING and field.default_factory is MISSING,
        "type": _type_of(hint),
    }


def _type_of(hint: Any) -> str:
    """How the page asks for one: text, number, integer, boolean, size; pair, points and trajectories are
    tuples of numbers, of pairs and of points."""
    kinds = [kind for kind in _parts(hint) if kind is not type(None)]
    if str in kinds:
        return "text"
    kind = kinds[0]
    if typing.get_origin(kind) is not tuple:
        return _PLAIN[kind]
    inner, *more = typing.get_args(kind)
    if more != [Ellipsis]:
        return "pair"
    return "trajectories" if typing.get_args(inner)[-1] is Ellipsis else "points"


def _parts(hint: Any) -> tuple[Any, ...]:
    union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    return typing.get_args(hint) if union else (hint,)
