"""Requests out of JSON, in a recipe or a file."""

from __future__ import annotations

import os
from typing import Any

from moft import plain
from moft.errors import RecipeError, RequestError
from moft.request.along import Along
from moft.request.drag import Drag
from moft.request.fields import read
from moft.request.like import Like
from moft.request.motion import Motion

AnyRequest = Motion | Like | Along | Drag

_KINDS: dict[str, type[AnyRequest]] = {"like": Like, "field": Along, "points": Drag}


def read_requests_file(path: str | os.PathLike[str]) -> list[Motion | Like | Along]:
    """Requests from a file that holds a JSON list of them, as `Motion.to_json`, `Like.to_json` and
    `Along.to_json` give.

    Raises RequestError for no such file and for no JSON; RecipeError for requests that are none."""
    name = os.fspath(path)
    found = read_requests(plain.read(name, "a file of requests"))
    wanted = [request for request in found if not isinstance(request, Drag)]
    if not wanted or len(wanted) < len(found):
        got = "a drag" if found else "none"
        raise RequestError(
            f"cannot use {name}: expected motions or clips to follow, got {got}; say what should move, "
            "or use moft drag"
        )
    return wanted


def read_requests(data: Any) -> tuple[AnyRequest, ...]:
    """Requests from a list of their JSON forms, those with "like" being of a clip, those with "field" of
    a field, those with "points" drags.

    Raises RecipeError, naming the field, for everything that is not as it should be."""
    if not isinstance(data, list):
        raise RecipeError(f"requests: expected a list, got {data!r:.100}")
    return tuple(read_request(value, f"requests[{i}]") for i, value in enumerate(data))


def read_request(value: Any, where: str) -> AnyRequest:
    """One of them; `where` is what errors call it."""
    keys = value if isinstance(value, dict) else {}
    kind = next((cls for key, cls in _KINDS.items() if key in keys), Motion)
    request: AnyRequest = read(kind, value, where)
    return request
