"""Options made from what is said of the fields of a job (`moft.request.said`), so that each stands once."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any

import typer

from moft.request.said import Said, said_of
from moft.types import ClipSize

Parameter = inspect.Parameter


def options(cls: type, *names: str, several: bool = False) -> list[Parameter]:
    """Options for these fields of a dataclass: flags for what is true or false, numbers in their range.

    several: each may be given more than once, as texts (but for flags); None then stands for not given.
    """
    hints = typing.get_type_hints(cls, localns={"ClipSize": ClipSize})
    defaults = {field.name: field.default for field in fields(cls)}
    return [_option(name, said_of(cls)[name], hints[name], defaults[name], several) for name in names]


def _option(name: str, about: Said, hint: Any, default: Any, several: bool) -> Parameter:
    plain = [kind for kind in typing.get_args(hint) or (hint,) if kind is not type(None)]
    kind = plain[0] if plain[0] in (bool, int, float, str) else str
    text = about.help
    if kind is bool:
        flag = f"--{name.replace('_', '-')}"
        if default is None:
            either = f"{flag}/--no-{flag[2:]}"
            return _parameter(name, Annotated[bool | None, typer.Option(either, help=text)], None)
        return _parameter(name, Annotated[bool, typer.Option(flag, help=text)], False)
    ranged = kind in (int, float)
    bounds = {"min": about.least, "max": about.most} if ranged else {}
    if about.options and not several:
        text = f"{text} One of {', '.join(about.options)}."
    if several:
        kind, default = list[kind], None  # type: ignore[valid-type]
    if default is None:
        kind = kind | None
    return _parameter(name, Annotated[kind, typer.Option(help=text, **_of_kind(bounds, plain[0]))], default)


def _of_kind(bounds: dict[str, float | None], kind: Any) -> dict[str, Any]:
    return {name: kind(bound) for name, bound in bounds.items() if bound is not None}


def _parameter(name: str, annotation: Any, default: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def taking(*parameters: Parameter) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command, which takes `**given`, these options in place of it; its own stay."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(function, eval_str=True).parameters.values()
        named = [p for p in own if p.kind is not Parameter.VAR_KEYWORD]
        every = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in (*parameters, *named)]
        function.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
        function.__annotations__ = {p.name: p.annotation for p in every}
        return function

    return decorate
