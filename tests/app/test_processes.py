"""Real processes: whoever is killed, nothing that was made is lost, and runs go on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from faults.disks import disk
from served import SMALL, job
from started import end_worker, free_port, program, until, worker_of

import moft
from moft.app.folder import SERVER, WORKER, Folder
from moft.app.keeper import LOG

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 and flock")
LONG = job(steps=40)  # some seconds


class Server:
    """`moft app` on a folder, and a browser at it."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        command = program(folder, "--port", str(port))
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.page = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-Moft": "1"}, timeout=60)
        wait(self.answers, "the server answers")

    def answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(self.process.communicate())
        try:
            return self.page.get("/api/runs").status_code == 200
        except httpx.TransportError:
            return False

    def run(self, key: str) -> dict[str, Any]:
        told: dict[str, Any] = self.page.get(f"/api/runs/{key}").json()
        return told

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.page.close()


def wait(done: Callable[[], Any], what: str, seconds: float = 120) -> None:
    until(done, seconds, lambda: what)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[list[Server]]:
    """Servers that a test starts, one after the other; all are gone afterwards, and so is the worker."""
    servers: list[Server] = []
    try:
        yield servers
    finally:
        for server in servers:
            server.kill()
        end_worker(folder)


def going(server: Server, key: str) -> bool:
    told = server.run(key)
    return told["state"] == "running" and told["progress"] is not None


def test_a_run_outlives_tab_server_and_worker(tmp_path: Path) -> None:
    """The server is killed in a run, another one takes it up; then the worker is killed, and the run is made
    again: to the same frames as undisturbed."""
    with serving(tmp_path) as servers:
        servers.append(first := Server(tmp_path))
        key = first.page.post("/api/runs", json={"job": LONG}).json()["key"]
        later = first.page.post("/api/runs", json={"job": job(seed=1)}).json()["key"]
        wait(lambda: going(first, key), "the run goes on")
        worker = worker_of(tmp_path)
        first.kill()
        assert Folder(tmp_path).is_held(WORKER) and not Folder(tmp_path).is_held(SERVER)

        servers.append(second := Server(tmp_path))
        told = second.run(key)
        assert worker_of(tmp_path) == worker and told["attempts"] == 1
        assert [run["key"] for run in second.page.get("/api/runs").json()["runs"]] == [later, key]
        refused = subprocess.run(program(tmp_path), capture_output=True, text=True, timeout=120)
        assert refused.returncode == 2 and f"{second.page.base_url.port}" in refused.stderr

        if told["state"] == "running":  # it may have ended meanwhile
            os.kill(worker, signal.SIGKILL)
        wait(lambda: second.run(later)["state"] == "done", "both runs are made")
        told = second.run(key)
        assert told["state"] == "done" and told["attempts"] in (1, 2)
        undisturbed = moft.run(moft.load("miniature"), moft.Job.from_json(told["job"]))
        assert told["recipe"]["frames_digest"] == undisturbed.recipe.frames_digest
        events = [event.id for event in Folder(tmp_path).jobs.events()]
        assert events == sorted(set(events))


def test_a_disk_that_is_full_ends_nothing(tmp_path: Path) -> None:
    """What is asked meanwhile is refused in words; what was running waits for room and is there then."""
    with disk(tmp_path, "3m") as there, serving(tmp_path) as servers:
        if not there:
            pytest.skip("no right to mount a disk")
        servers.append(server := Server(tmp_path))
        wait(lambda: server.page.get("/api/model").json()["status"] == "ready", "the model is there")
        key = server.page.post("/api/runs", json={"job": LONG}).json()["key"]
        wait(lambda: going(server, key), "the run goes on")
        filler = tmp_path / "filler"
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as out:
            while True:
                out.write(b"x" * 512)
        refused = server.page.post(
            "/api/uploads", files={"file": ("a.png", b"\x89PNG\r\n\x1a\n" + b"x" * 200_000)}
        )
        assert refused.status_code == 507 and "the disk is full" in refused.text
        with server.page.stream("GET", "/api/events?after=0") as events:
            wait(lambda: any("the disk is full" in line for line in events.iter_lines()), "it is said")
        time.sleep(3)  # the run ends, and finds no room
        assert server.answers() and server.run(key)["state"] == "running"
        filler.unlink()
        wait(lambda: server.run(key)["state"] == "done", "there is room again")
        assert server.page.get(f"/api/runs/{key}/files/clip.mp4").status_code == 200
        again = server.page.post("/api/runs", json={"job": job()}).json()["key"]
        wait(lambda: server.run(again)["state"] == "done", "others are made")
        assert (tmp_path / LOG).exists() and SMALL["steps"] == 3
