"""Workers as processes: started, started anew, given up; and work done apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from batched import dies, gives, hopeless, nothing, refuses, refusing

import moft
from moft.batch.driver import apart, drive, store_in, stores_in
from moft.batch.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "jobs.sqlite")


def driven(store: Store, **given: Any) -> list[dict[str, int]]:
    seen = list[dict[str, int]]()
    drive(store, store.path.parent, seen.append, **{"target": nothing, **given})
    return seen


def test_workers_share_jobs_to_the_last(store: Store) -> None:
    store.add([(str(i), "{}", "") for i in range(300)])
    seen = driven(store, workers=2)
    assert store.counts()["done"] == 300 == seen[-1]["done"] and seen[0]["done"] < 300
    assert not list((store.path.parent / "jobs.sqlite-workers").iterdir())


def test_what_kills_its_worker_is_set_aside_and_what_fails_is_tried_again(store: Store) -> None:
    store.add([("a", "{}", ""), ("b", "{}", "kills"), ("c", "{}", "fails"), ("d", "{}", "")])
    driven(store, retries=2, allowed=2)
    states = {row.key: (row.state, row.attempts) for row in store.rows()}
    assert states == {"a": ("done", 1), "b": ("poisoned", 2), "c": ("failed", 3), "d": ("done", 1)}


@pytest.mark.parametrize("target", [hopeless, refusing])
def test_workers_that_cannot_go_on_end_the_batch(store: Store, target: Any) -> None:
    store.add([("a", "{}", "")])
    with pytest.raises(moft.MoftError, match="workers could not go on"):
        driven(store, target=target)
    assert store.counts()["queued"] == 1


def test_a_batch_that_was_cut_off_goes_on(store: Store) -> None:
    store.add([("a", "{}", ""), ("b", "{}", "")])
    with store.worker() as me:
        store.claim(me)
    driven(store)
    assert [(row.state, row.attempts) for row in store.rows()] == [("done", 1)] * 2


def test_what_is_heavy_is_done_apart() -> None:
    assert apart(gives, [1, "ä"]) == {"given": [1, "ä"]}
    with pytest.raises(moft.MoftError, match="^expected more$"):
        apart(refuses)
    with pytest.raises(moft.MoftError, match="died .status 9."):
        apart(dies)


def test_each_part_of_several_has_a_store_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(moft.MediaError, match="no jobs in"):
        stores_in(tmp_path)
    names = [store_in(tmp_path, part) for part in ((1, 1), (1, 2), (2, 2))]
    for name in names:
        Store(name).close()
    assert len(set(names)) == 3 and stores_in(tmp_path) == sorted(names)
