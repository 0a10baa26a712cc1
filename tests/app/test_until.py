"""The worker ends by itself: when nobody waits any more, and where its folder is gone."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from served import a_desk

from moft.app.work.until import UntilLeft
from moft.batch.rows import Claimed
from moft.batch.worker import Watcher

LONG = 60.0  # seconds, which no test waits


def test_a_worker_whose_folder_is_gone_gives_up_at_the_next_step(tmp_path: Path) -> None:
    """It makes nothing there any more, not even the folder."""
    desk, begun = a_desk(tmp_path / "app"), list[str]()

    def runner(job: Claimed, out: Path, watch: Watcher) -> Any:
        begun.append(job.key)
        watch.check()
        shutil.rmtree(desk.folder.root)
        watch.check()
        pytest.fail("it went on")

    desk.folder.jobs.add([("first", "{}", "steer"), ("second", "{}", "steer")])
    began = time.monotonic()
    UntilLeft(desk.folder, runner, LONG).run()
    assert begun == ["first"] and not desk.folder.root.exists()
    assert time.monotonic() - began < LONG / 2


def test_a_worker_whose_folder_is_another_one_now_ends(tmp_path: Path) -> None:
    desk = a_desk(tmp_path / "app")
    with desk.folder.jobs.worker():
        shutil.rmtree(desk.folder.root)
        desk.folder.runs.mkdir(parents=True)
    began = time.monotonic()
    UntilLeft(desk.folder, lambda *_: pytest.fail("there is nothing to make"), LONG).run()
    assert time.monotonic() - began < LONG / 2


def test_a_worker_makes_what_waits_before_it_ends(tmp_path: Path) -> None:
    desk, made = a_desk(tmp_path), list[str]()
    desk.folder.jobs.add([("clip", "{}", "steer"), ("look", "{}", "look")])
    UntilLeft(desk.folder, lambda job, *_: made.append(job.key), 0.0 + 0.2).run()
    assert made == ["look", "clip"] and desk.folder.jobs.counts()["done"] == 2
