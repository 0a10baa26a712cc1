"""The application: the page, its addresses, and what is said where something cannot be done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from moft.app.desk import Desk
from moft.app.guard import HEADERS, Door, Guard
from moft.app.keeper import Keeper
from moft.app.looks import Looks
from moft.app.refusals import status_of, told
from moft.app.routes import asked, events, look, media, runs
from moft.app.routes.asking import Here

STATIC = Path(__file__).parent / "static"
_log = logging.getLogger("moft.app")


def application(desk: Desk, door: Door, keeper: Keeper | None = None) -> FastAPI:
    """What a server serves. keeper: of the worker; None where somebody else sees to it."""
    app = FastAPI(title="moft", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_life)
    app.state.here = Here(desk, Looks(desk), keeper)
    for part in (asked, events, look, media, runs):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=STATIC, check_dir=False), name="static")
    app.add_api_route("/", _index, methods=["GET"])
    app.add_api_route("/favicon.ico", lambda: Response(status_code=204), methods=["GET"])
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_values)
    app.add_exception_handler(Exception, _unforeseen)
    for kind in (ValueError, OSError, MemoryError, RuntimeError):
        app.add_exception_handler(kind, _refused)
    app.add_middleware(Guard, door=door)
    return app


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    """Events go on until the server is to end: it would wait for them."""
    app.state.closing = asyncio.Event()
    try:
        yield
    finally:
        app.state.closing.set()


def _index() -> Response:
    return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})


# ---------------------------------------------------------------- what cannot be done


async def _refused(request: Request, error: Exception) -> Response:
    """Errors on purpose, and those of disk and memory; what nobody foresaw goes to the terminal."""
    status = status_of(error)
    if status == 500:
        _log.error("moft app did not foresee this", exc_info=error)
    here: Here = request.app.state.here
    answer = told(error)
    return JSONResponse({**answer, "error": here.desk.shelf.named(answer["error"])}, status)


async def _unforeseen(request: Request, error: Exception) -> Response:
    return JSONResponse(told(error), 500, HEADERS)  # which is made outside of Guard


async def _of_http(request: Request, error: Any) -> Response:
    """Of addresses that are none."""
    words = {404: ("nothing is at this address", "load the page again"), 405: ("no such way to ask here", "")}
    what, remedy = words.get(error.status_code, ("this cannot be answered", "load the page again"))
    return JSONResponse({"error": what, "do": remedy, "where": None}, error.status_code)


async def _of_values(request: Request, error: Any) -> Response:
    """Of values in an address that are of another type."""
    first = error.errors()[0]
    where = str(first["loc"][-1])
    return JSONResponse({"error": f"{where}: {first['msg']}", "do": "change it", "where": where}, 400)
