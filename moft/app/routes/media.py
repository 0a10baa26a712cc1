"""`/api/uploads` and `/api/media`: what is given, and looked at."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from moft.app.asked.export import dropped
from moft.app.refusals import Refused
from moft.app.routes.asking import OfHere, picture
from moft.errors import RequestError

router = APIRouter(prefix="/api")
MOST_PARTS = 256  # pictures of a mask that moves
_SIDES = 8192


@router.post("/uploads", status_code=201)
async def upload(request: Request, here: OfHere) -> dict[str, Any]:
    """Keep a file, or the pictures of a mask that moves."""
    async with request.form(max_files=MOST_PARTS, max_fields=2) as form:
        files = [one for one in form.getlist("file") if isinstance(one, UploadFile)]
        kind = form.get("kind")
        if not files or isinstance(kind, UploadFile):
            raise Refused(400, "expected a part `file`, got none; choose a file")
        given = [(one.file, one.filename or "") for one in files]
        if len(given) == 1:
            media = await run_in_threadpool(here.desk.shelf.take, *given[0], kind, time.time())
        elif kind == "mask":
            media = await run_in_threadpool(here.desk.shelf.take_masks, given, time.time())
        else:
            raise Refused(
                400, "expected one file, or several of kind mask, got several; send one after the other"
            )
    return media.to_json()


@router.post("/drop")
async def drop(request: Request, here: OfHere) -> dict[str, Any]:
    """The job that a clip carries."""
    async with request.form(max_files=1, max_fields=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Refused(400, "expected a part `file`, got none; choose a clip that moft made")
        return await run_in_threadpool(dropped, here.desk, file.file, file.filename or "", time.time())


@router.get("/media")
def every(here: OfHere) -> list[dict[str, Any]]:
    """What was given, the newest first."""
    return [media.to_json() for media in here.desk.shelf.all()]


@router.get("/media/{name}")
def one(name: str, here: OfHere) -> dict[str, Any]:
    """One of it, or a clip of a run."""
    return here.desk.shelf.get(name).to_json()


@router.delete("/media/{name}", status_code=204)
def remove(name: str, here: OfHere) -> Response:
    """Take one away that nobody needs."""
    here.desk.remove_media(name)
    return Response(status_code=204)


@router.get("/media/{name}/frames/{number}.png")
def frame(
    name: str, number: int, here: OfHere, width: int | None = None, height: int | None = None
) -> Response:
    """One frame as a viewer shows it, or as moft takes it for a clip of this size."""
    size = None if width is None or height is None else (height, width)
    if size is not None and not all(1 <= side <= _SIDES for side in size):
        raise RequestError(f"expected sides of 1…{_SIDES} px, got {width} x {height}; choose others")
    return picture(lambda: here.desk.shelf.frame(name, number, size))


@router.get("/media/{name}/file")
def file(name: str, here: OfHere) -> Response:
    """The file itself, to be kept."""
    path = here.desk.shelf.path(name)
    if path.is_dir():
        raise RequestError("expected a file, got a mask of many pictures; take its frames one by one")
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")
