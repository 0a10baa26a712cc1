"""Draw docs/app.webp: the page of `moft app`, with a box, an arrow and its preview.

    python examples/app_picture.py [-o docs/app.webp] [--view draw] [--dark] [--narrow]

It starts `moft app` on a folder of its own, makes a plain clip with the miniature, draws on it in Chromium
(`pip install playwright`, `apt-get install chromium`), and takes the picture.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from PIL import Image

with socket.socket() as _free:
    _free.bind(("127.0.0.1", 0))
    PORT = _free.getsockname()[1]
ADDRESS = f"http://127.0.0.1:{PORT}"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
TRIES = 600


def until(holds: Any) -> None:
    """Ask ten times a second, for a minute."""
    for _ in range(TRIES):
        if holds():
            return
        time.sleep(0.1)
    raise SystemExit("moft app did not come so far; start it by hand to see why")


def ready() -> bool:
    try:
        with urllib.request.urlopen(f"{ADDRESS}/api/model") as answer:
            return bool(json.load(answer)["status"] == "ready")
    except OSError:
        return False


def stroke(page: Any, tool: str, *points: tuple[float, float]) -> None:
    """Take a tool and draw from the first place to the last, as shares of the picture."""
    page.locator("svg.drawing").focus()
    page.keyboard.press(tool)
    box = page.locator("svg.drawing").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def drawn(page: Any, prompt: str) -> None:
    """A plain clip, a box with an arrow, a path, and the preview at its last frame but one."""
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name="Make the plain clip").click()
    page.get_by_role("link", name="Draw on it").wait_for(timeout=60_000)
    stroke(page, "b", (0.08, 0.05), (0.88, 0.62))
    stroke(page, "p", (0.45, 0.32), (0.6, 0.22), (0.72, 0.34), (0.86, 0.28))
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("slider", name="Frame of the clip").fill("4")
    page.wait_for_timeout(600)


def other(page: Any, view: str) -> None:
    """Another view, of a run of what was drawn."""
    page.get_by_role("button", name="Generate").click()
    page.locator(".queue").get_by_role("link", name="Compare").click(timeout=120_000)
    page.locator(".verdict").first.wait_for()
    page.get_by_role("slider", name="Frame of both clips").fill("6")
    if view != "compare":
        page.goto(f"{ADDRESS}/#{view}")
    if view == "look":
        page.locator("#look-clip").select_option(index=1)
        page.get_by_text("Click on something").wait_for(timeout=60_000)
        page.locator("svg.look-over").click(position={"x": 200, "y": 160})
        page.locator(".strip canvas").first.wait_for()
    page.wait_for_timeout(800)


def taken(args: argparse.Namespace) -> bytes:
    """The picture of the page as a PNG."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        found = shutil.which("chromium") or shutil.which("google-chrome")
        browser = play.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        scheme = "dark" if args.dark else "light"
        page = browser.new_page(viewport=NARROW if args.narrow else WIDE, color_scheme=scheme)
        page.goto(ADDRESS)
        drawn(page, args.prompt)
        if args.view != "draw":
            other(page, args.view)
        picture = page.screenshot(full_page=args.narrow)
        browser.close()
    return bytes(picture)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompt", default="a red ball over blue cells")
    parser.add_argument("--view", choices=("draw", "compare", "look", "history"), default="draw")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--narrow", action="store_true")
    parser.add_argument("-o", "--output", default="docs/app.webp")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [
            sys.executable,
            "-m",
            "moft.cli",
            "app",
            "--no-browser",
            "--port",
            str(PORT),
            "--folder",
            folder,
        ]
        with subprocess.Popen(command) as server:
            try:
                until(ready)
                picture = Image.open(io.BytesIO(taken(args)))
                picture.save(args.output, quality=82, method=6)
            finally:
                server.terminate()
                lock = Path(folder, "worker.lock")
                if lock.exists():  # it would outlive the server, to end what waits
                    os.kill(int(lock.read_text()), signal.SIGTERM)


if __name__ == "__main__":
    main()
