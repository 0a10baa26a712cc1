"""An app in this process, without a server: what tests of it share."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from moft.app.desk import Desk
from moft.app.folder import Folder
from moft.app.guard import Door
from moft.app.page import application
from moft.app.shelf import Shelf
from moft.app.work.making import Making
from moft.app.work.until import UntilLeft

HOST = "127.0.0.1:8321"
OURS = {"X-Moft": "1"}
SMALL = {"prompt": "red cells", "steps": 3, "size": {"frames": 4, "height": 32, "width": 32}}


def a_desk(root: Path, model: str = "miniature") -> Desk:
    folder = Folder.made(root)
    return Desk(folder, Shelf(folder), model)


@contextmanager
def client(desk: Desk, door: Door | None = None, **headers: str) -> Iterator[TestClient]:
    """A browser at the page of a desk."""
    app = application(desk, door or Door(frozenset({HOST})))
    with TestClient(
        app, f"http://{HOST}", raise_server_exceptions=False, headers={**OURS, **headers}
    ) as made:
        yield made


def work(desk: Desk, making: Making | None = None) -> None:
    """Make what waits, as the worker does; the test stands in the folder."""
    UntilLeft(desk.folder, making or Making(desk.folder), patience=0.2).run()


def job(*requests: dict[str, Any], **scene: Any) -> dict[str, Any]:
    """A small job, as the page writes it."""
    return {**SMALL, **scene, "requests": list(requests) or [{"direction": "left"}]}


def png(picture: Any) -> bytes:
    """A picture as a file."""
    held = io.BytesIO()
    Image.fromarray(np.asarray(picture, np.uint8)).save(held, "PNG")
    return held.getvalue()


def noise(height: int = 32, width: int = 32, seed: int = 0) -> Any:
    """A picture with something to see everywhere: uint8 (h w 3)."""
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
