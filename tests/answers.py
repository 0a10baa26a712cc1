"""How fast does the app answer? Medians of 20 of a preview and of a click, on a server of its own.

    python tests/answers.py

Clips are of the miniature, and a preview of 81 frames of 480 x 832 px besides, which asks for no model.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from started import end_worker, free_port, program

TIMES = 20
JOB = {
    "prompt": "a red ball over blue cells",
    "steps": 4,
    "requests": [
        {"direction": "left 2px", "region": "box:8,8,24,24"},
        {"direction": "zoom in", "region": "rest"},
    ],
}
LARGE = {**JOB, "size": {"frames": 81, "height": 480, "width": 832}}


def took(ask: Callable[[], Any]) -> str:
    """Of an answer, in words."""
    seconds = []
    for _ in range(TIMES):
        start = time.perf_counter()
        assert ask().status_code == 200
        seconds.append(time.perf_counter() - start)
    return f"median {1000 * median(seconds):.0f} ms, slowest {1000 * max(seconds):.0f} ms of {TIMES}"


def wait(ask: Callable[[], Any], done: Callable[[Any], bool]) -> Any:
    """Ask until it is done."""
    while True:
        try:
            if done(answer := ask()):
                return answer
        except httpx.TransportError:
            pass
        time.sleep(0.2)


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        port = free_port()
        server = subprocess.Popen(program(Path(folder), "--port", str(port)), stdout=subprocess.DEVNULL)
        page = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-Moft": "1"}, timeout=60)
        try:
            wait(lambda: page.get("/api/model").json(), lambda told: told["status"] == "ready")
            asked = {"job": {**JOB, "requests": []}, "kind": "plain"}
            keys = [page.post("/api/runs", json=asked).json()["key"] for _ in range(2)]
            for key in keys:
                wait(
                    lambda key=key: page.get(f"/api/runs/{key}").json(), lambda told: told["state"] == "done"
                )  # type: ignore[misc]
            first, second = (f"{key}.plain" for key in keys)
            print("preview:", took(lambda: page.post("/api/preview", json={"job": JOB, "media": first})))
            print("preview, large:", took(lambda: page.post("/api/preview", json={"job": LARGE})))
            body = {"media": first, "others": [second], "point": [20, 20], "frame": 3}
            wait(lambda: page.post("/api/look", json=body), lambda answer: answer.status_code == 200)
            print("click, two clips:", took(lambda: page.post("/api/look", json=body)))
        finally:
            server.terminate()
            server.wait()
            end_worker(Path(folder))


if __name__ == "__main__":
    main()
