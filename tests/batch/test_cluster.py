"""Workers by Ray: jobs are shared, a killed worker's job is made again, what fails fails alone. Skipped where
Ray is not installed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from batched import Told

import moft
from moft.batch.cluster import drive_by_ray
from moft.batch.store import Store

pytest.importorskip("ray", reason="Ray is not installed: workers by Ray are not tried")


def test_actors_share_jobs_survive_a_kill_and_leave_nothing_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    store, seen = Store(tmp_path / "jobs.sqlite"), list[dict[str, int]]()
    store.add([("a", "{}", ""), ("b", "{}", "fails"), ("c", "{}", "kills once"), ("d", "{}", "kills")])
    drive_by_ray(store, tmp_path, seen.append, address="local", workers=2, maker=Told)
    rows: dict[str, Any] = {row.key: (row.state, row.error) for row in store.rows()}
    assert rows["a"] == ("done", None) and rows["b"] == ("failed", "it was told to")
    assert rows["c"] == ("done", None) and rows["d"][0] == "poisoned" and "its worker died" in rows["d"][1]
    assert os.listdir(home) == []


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path / "jobs.sqlite")
    with pytest.raises(moft.MoftError, match="expected a Ray cluster at nonsense"):
        drive_by_ray(store, tmp_path, lambda _: None, address="nonsense")
