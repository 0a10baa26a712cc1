"""`/api/events`: what happens, as it happens (server-sent events). A page that comes back misses nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from moft.app.asked.kinds import CLIPS
from moft.app.desk import Desk
from moft.app.routes.asking import OfHere
from moft.app.told import run_told, step_told
from moft.batch.rows import Event
from moft.batch.store import PASSING, STATES
from moft.errors import MoftError

router = APIRouter(prefix="/api")
_LAST = 2**62  # no id is greater
EVERY = 0.15  # seconds between two looks at the store


@router.get("/events", response_class=EventSourceResponse)
async def events(
    request: Request,
    here: OfHere,
    after: int | None = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Everything since an event, then as it comes."""
    jobs, keeper = here.desk.folder.jobs, here.keeper
    resumed = int(last_event_id) if last_event_id is not None and last_event_id.isdecimal() else after
    at = await run_in_threadpool(jobs.last_event) if resumed is None else min(resumed, _LAST)
    known: tuple[bool, str] | None = None  # of the worker
    yield ServerSentEvent(comment="moft", retry=1000)
    while not request.app.state.closing.is_set():
        if keeper is not None and (keeper.up, keeper.why) != known:
            known = keeper.up, keeper.why
            of_worker = {"worker": "up" if keeper.up else "down", "why": keeper.why or None}
            yield ServerSentEvent(event="worker", data=of_worker)
        for event, told in await run_in_threadpool(_since, here.desk, at):
            at = event.id
            for name, data in told:
                yield ServerSentEvent(event=name, data=data, id=str(event.id))
        await asyncio.sleep(EVERY)


def _since(desk: Desk, after: int) -> list[tuple[Event, list[tuple[str, Any]]]]:
    try:
        return [(event, list(_told(desk, event))) for event in desk.folder.jobs.events(after)]
    except MoftError:  # the disk fails; what asks for something says so
        return []


def _told(desk: Desk, event: Event) -> Iterator[tuple[str, Any]]:
    """What the page is told of one event of the store."""
    if event.kind == "removed":
        yield "gone", {"key": event.key}
        return
    row = desk.folder.jobs.get(event.key)
    if row is None:
        return
    if event.kind == PASSING and row.state == "running":
        yield "step", {"key": row.key, "live": event.data["live"], **step_told(row, event.data, event.at)}
    if event.kind not in (*STATES, "added"):
        return
    if row.note in CLIPS or row.state in ("failed", "poisoned") and row.note != "model":
        yield "run", run_told(desk, row)
    elif row.note == "model":
        yield "model", desk.model_told()
    elif event.kind == "done":
        place = json.loads(row.job)
        told = {name: place.get(name) for name in ("media", "layer", "timestep")}
        yield "look", {"key": row.key, **told}
