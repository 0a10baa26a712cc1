"""One job varied: each combination of some options' values, as a job of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, get_args

from moft.cli.options import KINDS
from moft.cli.steering import STEERED, job_of
from moft.errors import RequestError

if TYPE_CHECKING:
    from moft.batch.work import Work

SIDES = ("frames", "height", "width")
VARIED = (*(parameter.name for parameter in STEERED), "model", "channels", *SIDES)
WHOLE = {p.name for p in STEERED if get_args(p.annotation)[0] in (int, int | None)} | set(SIDES)  # numbers
_RANGE = re.compile(r"(-?\d+):(-?\d+)(?::(\d+))?")
MOST = 1_000_000  # jobs of a sweep


def axes_of(vary: Sequence[str], ctx: Any) -> dict[str, list[tuple[str, Any]]]:
    """What is varied: by option, its values as they were typed and as the option takes them.

    vary: "seed=0:100", whole numbers from the first up to, not including, the last, by a third if one is
    given; "motion=left,right"; with | in place of commas where there is one.
    Raises RequestError for what is no option, or given twice; and what the option says of its values.
    """
    known = {p.name: p for p in ctx.command.params}
    axes = dict[str, list[tuple[str, Any]]]()
    for text in vary:
        typed, _, values = text.partition("=")
        name = typed.strip().lstrip("-").replace("-", "_")
        if name not in VARIED or not values.strip():
            may = ", ".join(VARIED).replace("_", "-")
            raise RequestError(f"expected --vary OPTION=VALUES with an option among {may}, got {text!r:.100}")
        if name in axes:
            raise RequestError(f"expected --vary {typed} once, got it twice; put all values into one")
        option = known[name]
        texts = _texts(values, name in WHOLE)
        axes[name] = [(one, _taken(ctx, option, one)) for one in texts]
    if (count := prod(map(len, axes.values()))) > MOST:
        raise RequestError(f"expected at most {MOST} combinations, got {count}; vary less at once")
    return axes


def _texts(values: str, whole: bool) -> list[str]:
    """The values of an axis, one by one."""
    found = _RANGE.fullmatch(values.strip())
    if whole and found:
        first, end, by = (int(part or 1) for part in found.groups())
        if (count := len(range(first, end, by or 1))) > MOST or not by or not count:
            raise RequestError(f"expected FIRST:END with 1 to {MOST} numbers in between, got {values!r:.50}")
        return [str(number) for number in range(first, end, by)]
    return [text.strip() for text in values.split("|" if "|" in values else ",")]


def _taken(ctx: Any, option: Any, text: str) -> Any:
    """A value as if it had been typed, alone where several may be."""
    return option.process_value(ctx, [text] if option.multiple else text)


def varied(ctx: Any, given: Mapping[str, Any], vary: Sequence[str]) -> Iterator[Work]:
    """Every combination, the last axis going first. given: all options, by name.

    Raises RequestError as `axes_of`, and for a combination that is no job."""
    from moft.batch.work import Work  # the command line starts without numpy

    axes = axes_of(vary, ctx)
    order = [name for name in ctx.meta["order"] if name not in axes]
    order += [name for name in axes if name in KINDS]
    for combination in product(*axes.values()):
        now = {**given, **{name: value for name, (_, value) in zip(axes, combination, strict=True)}}
        sides = {name: now[name] for name in SIDES if now[name] is not None}
        yield Work(
            job_of(order, now),
            now["model"],
            None if now["channels"] is None else str(now["channels"]),
            sides,
            {name.replace("_", "-"): text for name, (text, _) in zip(axes, combination, strict=True)},
        )
