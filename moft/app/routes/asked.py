"""`/api/form`, `/api/model`, `/api/preview` …: what can be asked, and what it would be, without the model."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Response

from moft.app.asked import trying
from moft.app.asked.estimate import estimate
from moft.app.asked.export import exported
from moft.app.asked.form import form
from moft.app.asked.naming import read_job
from moft.app.asked.preview import MOST
from moft.app.routes.asking import Body, OfHere, packed, text, whole

router = APIRouter(prefix="/api")


@router.get("/form")
def the_form() -> dict[str, Any]:
    """What can be asked, field by field."""
    return form()


@router.get("/model")
def the_model(here: OfHere) -> dict[str, Any]:
    """What is known of the model."""
    return here.desk.model_told()


@router.post("/check")
def check(data: Body, here: OfHere) -> dict[str, Any]:
    """Whether a job can be asked."""
    notes: list[str] = []
    job = read_job(data.get("job"), here.desk.shelf)
    trying.checked(here.desk, job, notes.append)
    return {"ok": True, "asked": [str(request) for request in job.requests], "notes": notes}


@router.post("/preview")
def preview(data: Body, here: OfHere) -> dict[str, Any]:
    """What a job asks, tried on a picture."""
    began, notes = time.perf_counter(), list[str]()
    job, media = read_job(data.get("job"), here.desk.shelf), text(data, "media")
    most = whole(data, "most", 24, 2, MOST)
    frame = whole(data, "frame", 0, 0, 2**31)
    size = trying.size_of(here.desk, job, data.get("size"), media)
    found = trying.tried(here.desk, job, size, (media, frame), most, notes.append)
    return {**found.to_json(), "notes": notes, "seconds": time.perf_counter() - began}


@router.post("/estimate")
def the_estimate(data: Body, here: OfHere) -> dict[str, Any]:
    """How long a job will take, and how much memory."""
    return estimate(here.desk, read_job(data.get("job"), here.desk.shelf))


@router.post("/job/export")
def export(data: Body, here: OfHere) -> Response:
    """A job as a file for the command line."""
    return packed(*exported(here.desk, read_job(data.get("job"), here.desk.shelf)))
