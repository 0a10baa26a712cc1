"""`/api/look`: inside the model."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from moft.app.inside import frame_of
from moft.app.looks import Click
from moft.app.routes.asking import Body, OfHere, picture, text
from moft.request.fields import read

router = APIRouter(prefix="/api/look")


def _answer(told: dict[str, Any], began: float) -> Response:
    """202 while it is being read."""
    status = 200 if told["status"] == "ready" else 202
    return JSONResponse({**told, "seconds": time.perf_counter() - began}, status)


@router.post("")
def click(data: Body, here: OfHere) -> Response:
    """Where clips are like a point of one."""
    began = time.perf_counter()
    given: Click = read(Click, {name: value for name, value in data.items() if value is not None}, "")
    return _answer(here.looks.clicked(given), began)


@router.post("/motion")
def motion(data: Body, here: OfHere) -> Response:
    """How each place of a clip moves, by what the model holds of it."""
    began, timestep = time.perf_counter(), read(int | None, data.get("timestep"), "timestep")
    return _answer(here.looks.motion(text(data, "media") or "", text(data, "layer"), timestep), began)


@router.get("/plane")
def plane(
    here: OfHere, layer: str | None = None, timestep: int | None = None, design: str = "moft"
) -> Response:
    """How directions part in a layer."""
    began = time.perf_counter()
    return _answer(here.looks.plane(layer or None, timestep, design), began)


@router.get("/{name}/frames/{number}.png")
def frame(
    name: str, number: int, here: OfHere, layer: str | None = None, timestep: int | None = None
) -> Response:
    """One frame of a clip as the model saw it."""
    return picture(lambda: frame_of(here.looks.seen(name, layer, timestep), number))
