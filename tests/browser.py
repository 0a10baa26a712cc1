"""A real browser at the page of `moft app`: where it is found, and a hand that draws."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
import urllib.request
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from started import end_worker, free_port, program, until

Point = tuple[float, float]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """The browser of the system; where there is none, the tests are skipped and the summary says so."""
    path = shutil.which("chromium")
    if path is None:
        told = "no chromium here, so THE PAGE OF moft app IS NOT TESTED; apt-get install chromium"
        warnings.warn(told, stacklevel=2)
        pytest.skip(told)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@contextlib.contextmanager
def app(folder: Path) -> Iterator[str]:
    """`moft app` with the miniature at a free port, ready; its address."""
    port, log = free_port(), folder.with_suffix(".log")
    command = program(folder, "--port", str(port))
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            ended_or_ready = lambda: process.poll() is not None or _model(address) == "ready"  # noqa: E731
            until(ended_or_ready, 240, log.read_text)
            assert process.poll() is None, log.read_text()
            yield address
        finally:
            process.terminate()
            process.wait()  # or it would start another worker
            end_worker(folder)


def _model(address: str) -> str:
    try:
        with urllib.request.urlopen(f"{address}/api/model", timeout=5) as answer:
            return str(json.load(answer)["status"])
    except OSError:
        return "not yet"


@dataclass
class Hand:
    """A page of the app, what it told on its console and asked for, and a hand that draws in px of the
    clip."""

    page: Any
    address: str
    console: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.set_default_timeout(15000)

    def open(self, view: str = "draw") -> None:
        self.page.goto(f"{self.address}/#{view}")
        self.page.wait_for_selector(".model:has-text('miniature')")

    @property
    def size(self) -> dict[str, int]:
        return dict(self.document["size"]) if self.document else {"frames": 8, "height": 64, "width": 64}

    @property
    def document(self) -> dict[str, Any]:
        """The drawing as the browser stores it."""
        text = self.page.evaluate("localStorage.getItem('moft.draft.' + sessionStorage.getItem('moft.tab'))")
        return dict(json.loads(text)["doc"]) if text else {}

    @property
    def layers(self) -> list[dict[str, Any]]:
        return list(self.document["layers"])

    def at(self, point: Point) -> Point:
        """Where a place of the clip, px from its upper left corner, is on the screen."""
        box, (x, y) = self.box(), point
        width, height = self.size["width"], self.size["height"]
        return box["x"] + x / width * box["width"], box["y"] + y / height * box["height"]

    def box(self) -> dict[str, float]:
        """Of the picture on the screen, once it is at rest: what is chosen moves what stands around it."""
        picture, before = self.page.locator("svg.drawing"), None
        while before != (box := picture.bounding_box()):
            before = box
            self.page.wait_for_timeout(50)
        return dict(box)

    def stroke(self, *points: Point, steps: int = 5) -> None:
        """Press at the first, go through all, let go at the last."""
        mouse = self.page.mouse
        mouse.move(*self.at(points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.at(point), steps=steps)
        mouse.up()

    def click(self, *points: Point) -> None:
        for point in points:
            self.page.mouse.click(*self.at(point))

    def tool(self, key: str) -> None:
        """Take a tool by its shortcut, with the focus on the picture."""
        self.page.locator("svg.drawing").focus()
        self.page.keyboard.press(key)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def jobs(self, path: str = "**/api/runs") -> list[dict[str, Any]]:
        """From now on, what would be started is kept here instead."""
        kept: list[dict[str, Any]] = []

        def answer(route: Any) -> None:
            if route.request.method != "POST":
                route.continue_()
                return
            kept.append(route.request.post_data_json)
            run = {
                "key": "k",
                "kind": "steer",
                "state": "waiting",
                "made": 0,
                "title": "",
                "job": kept[-1]["job"],
            }
            route.fulfill(status=201, json=run)

        self.page.route(path, answer)
        return kept

    def generate(self, kept: list[dict[str, Any]]) -> dict[str, Any]:
        """Press Generate; the job that is sent."""
        count = len(kept)
        self.page.get_by_role("button", name="Generate").click()
        wait_for_page(self.page, lambda: len(kept) > count)
        return dict(kept[-1]["job"])


def wait_for_page(page: Any, holds: Any, seconds: float = 15) -> None:
    """Until it holds, while the page goes on; or the test fails."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come in time"
        page.wait_for_timeout(30)
