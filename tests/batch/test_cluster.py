"""Workers by Ray: jobs are shared, a killed worker's job is made again, what fails fails alone. Skipped where
Ray is not installed."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from batched import Slow, Told

import moft
from moft.batch.cluster import drive_by_ray, keep_to_this_machine
from moft.batch.store import Store

pytestmark = pytest.mark.skipif(  # it is imported once its settings are made
    find_spec("ray") is None, reason="Ray is not installed: workers by Ray are not tried"
)


@pytest.fixture(autouse=True)
def _found_by_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are processes of Ray's, which know of no folder of tests."""
    path = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))


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


def test_a_host_that_is_lost_takes_no_job_with_it(tmp_path: Path) -> None:
    """Two nodes of Ray on this machine, one of which is killed while its actor is at work."""
    keep_to_this_machine()
    from ray.cluster_utils import Cluster

    store, killed = Store(tmp_path / "jobs.sqlite"), list[Any]()
    store.add((str(i), "{}", "") for i in range(30))
    small: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    cluster: Any = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})  # type: ignore[no-untyped-call]
    try:
        other = cluster.add_node(**small)

        def tell(counts: dict[str, int]) -> None:
            if not killed and counts["done"] > 2:
                killed.append(cluster.remove_node(other, allow_graceful=False))

        drive_by_ray(store, tmp_path, tell, address=cluster.address, workers=2, maker=Slow)
    finally:
        cluster.shutdown()
    assert killed and store.counts()["done"] == 30
    again = [row.key for row in store.rows() if row.attempts > 1]
    assert len(again) <= 2 and all((tmp_path / str(i) / "made").exists() for i in range(30))
