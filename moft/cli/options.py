"""From what was typed to requests: each of several options given once for all, or as often as it has requests
to go with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from moft.errors import RequestError
from moft.request.along import Along
from moft.request.checks import Point
from moft.request.like import Like
from moft.request.motion import Motion

KINDS = (
    "motion",
    "path",
    "like",
    "field",
)  # options that are a request each; the others say more about these


def requests_of(
    order: Sequence[str],
    given: Mapping[str, Sequence[Any] | None],
    *,
    per_position: bool = False,
    invert: bool = False,
    by: str | None = None,
) -> list[Motion | Like | Along]:
    """The requests of one run.

    order: the names of the options of `KINDS` as they were typed, one for each request.
    given: the values of all options by name. "speed" goes with motions that move, "ease" and "span" with
        these and with paths, "like_region" and "like_frames" with clips, "region" and "strength" with every
        request.
    Raises RequestError, which names the option, for one given more or less often, and for a value that is
    none.
    """
    left = {kind: list(given.get(kind) or ()) for kind in KINDS}
    typed = [(kind, left[kind].pop(0)) for kind in order if kind in KINDS]
    if not typed:
        raise RequestError(
            "expected --motion, --path, --like, --field or --requests, got none; say what should move"
        )
    whom = _whom(typed)
    if not whom["like_frames"] and (per_position or invert or by):
        raise RequestError(
            "expected --by, --per-position and --invert beside a --like, got none; leave them out"
        )
    said: list[dict[str, Any]] = [{} for _ in typed]
    for name, where in whom.items():
        values = list(given.get(name) or ())
        if values:
            for i, value in zip(where, _dealt(name, values, len(where)), strict=True):
                said[i][name] = _READ[name](value) if name in _READ else value
    make: dict[str, Callable[..., Motion | Like | Along]] = {
        "motion": Motion.from_text,
        "path": lambda text, **others: Motion(path=_path(text), **others),
        "like": partial(Like, per_position=per_position, invert=invert, by=by),
        "field": Along,
    }
    return [make[kind](text, **others) for (kind, text), others in zip(typed, said, strict=True)]


def _whom(typed: Sequence[tuple[str, str]]) -> dict[str, Sequence[int]]:
    """With which of the requests, told by kind and text, each of the other options goes."""
    moves = [
        i
        for i, (kind, text) in enumerate(typed)
        if kind == "motion" and Motion.from_text(text).direction != "still"
    ]
    paths, clips = ([i for i, (kind, _) in enumerate(typed) if kind == one] for one in ("path", "like"))
    timed, every = sorted(moves + paths), range(len(typed))
    return {
        "speed": moves,
        "ease": timed,
        "span": timed,
        "like_region": clips,
        "like_frames": clips,
        "region": every,
        "strength": every,
    }


def _dealt(name: str, values: list[Any], count: int) -> list[Any]:
    """One value for each of so many requests."""
    if count == 0:
        raise RequestError(
            f"expected a request that --{name.replace('_', '-')} can go with, got none; leave it out"
        )
    if len(values) not in (1, count):
        raise RequestError(
            f"expected --{name.replace('_', '-')} once for all, or once for each of the {count} "
            "requests that it can go with, "
            f"got {len(values)}; repeat it, or leave some out"
        )
    return values * count if len(values) == 1 else values


def _path(text: str) -> Any:
    """ "0,0 -0.3,0 0,0": points with blanks between them."""
    return [point.split(",") for point in text.split()]


def _span(text: str) -> Any:
    """ "0.25,0.75" or "25%,75%"."""
    return [
        f"{float(part[:-1]) / 100}" if part.endswith("%") and _is_number(part[:-1]) else part
        for part in map(str.strip, text.split(","))
    ]


def _frames(text: str) -> Any:
    """ "0:8"."""
    parts = text.split(":")
    return tuple(
        int(part) if part.isascii() and part.isdigit() and len(part) < 12 else part for part in parts
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_READ = {"span": _span, "like_frames": _frames}


def points_of(texts: Sequence[str]) -> tuple[tuple[Point, ...], ...]:
    """Texts such as "12,30:40,30" → trajectories such as ((12, 30), (40, 30)). Raises RequestError for other
    texts."""
    found = []
    for text in texts:
        try:
            path = tuple((float(x), float(y)) for x, y in (at.split(",") for at in text.split(":")))
        except ValueError:
            raise RequestError(
                "expected a point as x,y:x,y (start:end), x,y:x,y:x,y (bent) or x,y (must not move), "
                f"in px; received {text!r:.200}; "
                "write 12,30:40,30"
            ) from None
        found.append(path)
    return tuple(found)
