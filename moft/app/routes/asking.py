"""What the addresses have in common: whose desk it is, and JSON of anyone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from moft import plain
from moft.app.desk import Desk
from moft.app.keeper import Keeper
from moft.app.looks import Looks
from moft.app.refusals import Refused
from moft.errors import RequestError
from moft.request.fields import read


@dataclass(frozen=True)
class Here:
    """What the addresses answer out of."""

    desk: Desk
    looks: Looks
    keeper: Keeper | None  # of the worker; None where somebody else sees to it


def here(request: Request) -> Here:
    """Of the application that is asked."""
    found: Here = request.app.state.here
    return found


async def body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent. Raises Refused for none."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(400, "expected application/json, got another type; send JSON")
    content = await request.body()
    try:
        found = plain.parse(content)
    except ValueError as error:
        raise Refused(400, f"expected JSON, got {error!s:.200}; send it whole") from error
    if not isinstance(found, dict):
        raise Refused(400, f"expected a JSON object, got {found!r:.100}; send one")
    return found


async def body_if_any(request: Request) -> dict[str, Any]:
    """As `body`; empty where nothing was sent."""
    return await body(request) if await request.body() else {}


OfHere = Annotated[Here, Depends(here)]
Body = Annotated[dict[str, Any], Depends(body)]
BodyIfAny = Annotated[dict[str, Any], Depends(body_if_any)]


def whole(data: dict[str, Any], name: str, default: int, least: int, most: int) -> int:
    """A whole number of the body. Raises RequestError for another value."""
    value = data.get(name, default)
    value = default if value is None else value
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise RequestError(
            f"expected {name} as a whole number in {least}…{most}, got {value!r:.50}; change it"
        )
    return value


def text(data: dict[str, Any], name: str) -> str | None:
    """A text of the body, if it is there. Raises RecipeError for another value."""
    found: str | None = read(str | None, data.get(name), name)
    return found


def picture(draw: Callable[[], Any], forever: bool = True) -> Response:
    """A picture uint8 (h w 3) as PNG; forever: it never changes under its address."""
    import io

    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(draw()).save(held, "PNG", compress_level=1)
    cached = "private, max-age=31536000, immutable" if forever else "no-store"
    return Response(held.getvalue(), media_type="image/png", headers={"cache-control": cached})


def packed(name: str, content: bytes) -> Response:
    """An exported job, to be kept under this name."""
    kind = {".json": "application/json", ".zip": "application/zip"}[Path(name).suffix]
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(content, media_type=kind, headers=headers)
