"""`/api/runs`: what is made, and what was."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from moft.app.asked.export import exported_run
from moft.app.asked.kinds import CLIPS
from moft.app.asked.naming import read_job
from moft.app.asked.trying import checked
from moft.app.folder import no_such
from moft.app.refusals import Refused
from moft.app.routes.asking import Body, BodyIfAny, OfHere, packed, text
from moft.app.told import files_of, run_told, runs_told, whole_told
from moft.app.work.live import FILE as LIVE
from moft.errors import RequestError
from moft.request.fields import read

router = APIRouter(prefix="/api/runs")
_MOST = 1000
_KINDS = {".mp4": "video/mp4", ".json": "application/json"}


@router.get("")
def every(here: OfHere, limit: int = 100, before: str | None = None) -> dict[str, Any]:
    """The newest runs, of those before one."""
    if not 1 <= limit <= _MOST:
        raise RequestError(f"expected limit in 1…{_MOST}, got {limit}; change it")
    up = here.keeper is None or here.keeper.up
    return {**runs_told(here.desk, limit, before), "worker": "up" if up else "down"}


@router.post("", status_code=201)
def submit(data: Body, here: OfHere) -> dict[str, Any]:
    """Ask for a clip."""
    kind = text(data, "kind") or "steer"
    if kind == "steer":
        checked(here.desk, read_job(data.get("job"), here.desk.shelf), lambda note: None)
    return run_told(here.desk, here.desk.submit(kind, data.get("job"), data.get("drawing")))


@router.get("/{key}")
def one(key: str, here: OfHere) -> dict[str, Any]:
    """A run, and all that came of it."""
    return whole_told(here.desk, here.desk.row(key))


@router.post("/{key}/cancel")
def cancel(key: str, here: OfHere) -> dict[str, Any]:
    """Call a run off."""
    return run_told(here.desk, here.desk.cancel(key))


@router.post("/{key}/retry")
def retry(key: str, here: OfHere) -> dict[str, Any]:
    """Try a run again that failed or was called off."""
    return run_told(here.desk, here.desk.retry(key))


@router.post("/{key}/again", status_code=201)
def again(key: str, data: BodyIfAny, here: OfHere) -> dict[str, Any]:
    """Ask for the same clip once more, with the same seed or another."""
    return run_told(here.desk, here.desk.again(key, read(int | None, data.get("seed"), "seed")))


@router.delete("/{key}", status_code=204)
def remove(key: str, here: OfHere) -> Response:
    """Take a run away, and its files."""
    here.desk.remove(key)
    return Response(status_code=204)


@router.get("/{key}/export")
def export(key: str, here: OfHere) -> Response:
    """A run's job as a file for the command line."""
    row = here.desk.row(key)
    if row.note != "steer":
        raise Refused(409, "expected a steered run, got another; a plain clip has no job to export")
    return packed(*exported_run(here.desk, row))


@router.get("/{key}/files/{name}")
def file(key: str, name: str, here: OfHere, download: int = 0) -> Response:
    """One of the files of a run."""
    row = here.desk.row(key)
    if row.note not in CLIPS or name not in files_of(here.desk, row).values():
        raise no_such("file of this run", name)
    path = here.desk.folder.runs / row.key / name
    headers = {"cache-control": "private, no-cache"}
    as_file = f"{row.key}-{name}" if download else None
    return FileResponse(path, media_type=_KINDS[path.suffix], headers=headers, filename=as_file)


@router.get("/{key}/live.jpg")
def live(key: str, here: OfHere) -> Response:
    """What a run shows of itself; nothing (204) before its first step and once it has ended, which a page
    that has just heard of a step cannot know."""
    row, fresh = here.desk.row(key), {"cache-control": "no-store"}
    try:
        shown = (here.desk.folder.runs / row.key / LIVE).read_bytes() if row.state == "running" else b""
    except FileNotFoundError:
        shown = b""
    if not shown:
        return Response(status_code=204, headers=fresh)
    return Response(shown, media_type="image/jpeg", headers=fresh)
