"""A folder of an app in which clips were made, for all tests that only look at them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from served import a_desk, client, job, work

from moft.app.desk import Desk
from moft.app.work.making import Making


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """The worker stands in the folder."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


class Studio:
    """A desk, and a worker that keeps its model from one call to the next."""

    def __init__(self, root: Path) -> None:
        self.desk = a_desk(root)
        self._making = Making(self.desk.folder)

    def work(self) -> None:
        with inside(self.desk.folder.root):
            work(self.desk, self._making)


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """With the model told of, one steered run `made`, and one plain clip."""
    made = Studio(tmp_path_factory.mktemp("studio"))
    made.desk.ask_facts()
    with client(made.desk) as page:
        asked = job(
            {"direction": "left", "region": "box:0,0,50%,100%"}, {"direction": "right", "region": "rest"}
        )
        assert page.post("/api/runs", json={"job": asked, "drawing": {"layers": [1]}}).status_code == 201
        assert (
            page.post("/api/runs", json={"job": {**job(), "requests": []}, "kind": "plain"}).status_code
            == 201
        )
    made.work()
    return made


@pytest.fixture
def desk(studio: Studio) -> Desk:
    return studio.desk
