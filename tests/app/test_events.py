"""Events come in order, and a page that comes back misses none."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from served import HOST, a_desk, client, job

from moft.app.desk import Desk
from moft.app.guard import Door
from moft.app.keeper import Keeper
from moft.app.page import application
from moft.batch.store import PASSING


def listened(desk: Desk, count: int, keeper: Keeper | None = None, **headers: str) -> list[dict[str, Any]]:
    """So many events of the stream, as a browser reads them; then it goes away."""
    app, text = application(desk, Door(frozenset({HOST})), keeper), bytearray()
    sent = [(b"host", HOST.encode())] + [(name.encode(), value.encode()) for name, value in headers.items()]
    query = b"" if "last-event-id" in headers else b"after=0"
    scope = {"type": "http", "method": "GET", "path": "/api/events", "query_string": query, "headers": sent}
    scope |= {"http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 8321), "root_path": ""}

    async def browse() -> None:
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            text.extend(message.get("body", b""))
            if text.count(b"\nid:") + text.count(b"event: worker") >= count:
                gone.set()

        async with app.router.lifespan_context(app):
            await asyncio.wait_for(app(scope, receive, send), 20)

    with ThreadPoolExecutor(1) as aside:  # a browser of other tests may have a loop in this one
        aside.submit(asyncio.run, browse()).result()
    return [event for block in text.decode().split("\n\n") if (event := _event(block))]


def _event(block: str) -> dict[str, Any] | None:
    fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":")
    return {**fields, "data": json.loads(fields["data"])} if "data" in fields else None


def test_what_happens_is_told_once_and_in_order(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    store = desk.folder.jobs
    with client(desk) as page, store.worker() as me:
        key = page.post("/api/runs", json={"job": job()}).json()["key"]
        other = page.post("/api/runs", json={"job": job()}).json()["key"]
        store.claim(me)
        for index in (1, 2):
            store.event(key, PASSING, {"part": "plain", "index": index, "count": 4, "live": index})
        page.delete(f"/api/runs/{other}")
        found = listened(desk, 5)
    assert [(one["event"], one["data"]["key"]) for one in found] == [
        ("run", key), ("run", key), ("step", key), ("step", key), ("gone", other)
    ]  # fmt: skip
    assert [one["data"]["index"] for one in found[2:4]] == [1, 2]
    assert found[2]["data"]["done"] == 1 / 8 and found[3]["data"]["live"] == 2
    ids = [int(one["id"]) for one in found]
    assert ids == sorted(set(ids))
    rest = listened(desk, 2, **{"last-event-id": str(ids[2])})
    assert [one["id"] for one in rest] == [one["id"] for one in found[3:]]


def test_the_worker_and_the_model_are_told(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    desk.ask_facts()
    store, keeper = desk.folder.jobs, Keeper(desk.folder)
    with store.worker() as me:
        claimed = store.claim(me)
        assert claimed is not None
        store.failed(claimed.key, "expected a model; get one")
    keeper.up, keeper.why = False, "it ended"
    found = listened(desk, 3, keeper)
    assert found[0]["event"] == "worker" and found[0]["data"] == {"worker": "down", "why": "it ended"}
    assert found[-1]["event"] == "model" and found[-1]["data"]["status"] == "failed"
    with client(desk) as page:
        assert page.get("/api/model").json() == {"status": "failed", "error": "expected a model; get one"}


def test_a_look_that_was_read_is_told(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    place = desk.plane("a layer", 20)
    key = desk.ask("plane", place)
    with desk.folder.jobs.worker() as me:
        desk.folder.jobs.claim(me)
        desk.folder.jobs.done(key, None)
    found = listened(desk, 1)
    assert found[-1]["event"] == "look"
    assert found[-1]["data"] == {"key": key, "media": None, "layer": "a layer", "timestep": 20}
