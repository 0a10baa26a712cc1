"""The store of jobs: nothing is lost, done twice or half written, whoever is killed and whenever."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

import moft
from moft.batch.store import STATES, Store

THREE = [("a", "{}", "first"), ("b", "{}", ""), ("c", "{}", "")]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "jobs.sqlite")
    store.add(THREE)
    return store


def states(store: Store) -> dict[str, str]:
    return {row.key: row.state for row in store.rows()}


def test_jobs_are_claimed_in_order_and_once(store: Store) -> None:
    assert store.add([*THREE, ("d", "{}", "")]) == 1
    with store.worker() as me:
        claimed = [store.claim(me) for _ in range(5)]
    assert [job and (job.key, job.attempts) for job in claimed] == [
        ("a", 1),
        ("b", 1),
        ("c", 1),
        ("d", 1),
        None,
    ]
    assert claimed[0] is not None and claimed[0].note == "first"


def test_jobs_of_a_note_are_claimed_before_others(store: Store) -> None:
    store.add([("look", "{}", "look"), ("d", "{}", "first")])
    with store.worker() as me:
        claimed = [store.claim(me, note) for note in ("look", "look", "first", "first", None, None, None)]
    assert [job and job.key for job in claimed] == ["look", None, "a", "d", "b", "c", None]


def test_what_is_removed_is_gone_but_for_the_word_that_it_is(store: Store) -> None:
    with store.worker() as me:
        store.claim(me)
        with pytest.raises(moft.RequestError, match="cancel it first"):
            store.remove("a")
    store.event("b", "said", "something")
    store.remove("b")
    assert states(store) == {"a": "running", "c": "queued"}
    assert [event.kind for event in store.events(key="b")] == ["removed"]
    assert store.last_event() == store.events()[-1].id
    with pytest.raises(moft.RequestError, match="which is none"):
        store.remove("b")


def test_every_state_is_counted_and_told(store: Store) -> None:
    with store.worker() as me:
        store.claim(me)
        store.done("a", {"followed": True})
        store.claim(me)
        store.failed("b", "no such file")
    store.cancel("c")
    assert store.counts() == {**dict.fromkeys(STATES, 0), "done": 1, "failed": 1, "cancelled": 1}
    a, b = store.get("a"), store.get("b")
    assert a and a.result == {"followed": True} and a.began and a.ended and a.began <= a.ended
    assert b and b.error == "no such file" and store.get("x") is None
    kinds = [(event.key, event.kind) for event in store.events()]
    assert kinds == [("a", "running"), ("a", "done"), ("b", "running"), ("b", "failed"), ("c", "cancelled")]


def test_a_job_that_fails_is_tried_again_if_asked(store: Store) -> None:
    with store.worker() as me:
        store.claim(me)
        store.failed("a", "once", again=True)
        again = store.claim(me)
        assert again and (again.key, again.attempts) == ("a", 2)
        store.failed("a", "twice")
    store.retry("a")
    row = store.get("a")
    assert row and (row.state, row.attempts) == ("queued", 0)


def test_a_running_job_is_asked_to_stop(store: Store) -> None:
    with store.worker() as me:
        store.claim(me)
        assert store.wanted("a")
        store.cancel("a")
        assert not store.wanted("a") and states(store)["a"] == "running"
        store.stopped("a")
        assert states(store)["a"] == "cancelled"
        store.claim(me)
        store.stopped("b")  # nobody asked: its worker ends
    row = store.get("b")
    assert row and (row.state, row.attempts) == ("queued", 0)


def test_progress_passes_away_and_ids_never_come_back(store: Store) -> None:
    with store.worker() as me:
        store.claim(me)
        ids = [store.event("a", kind, {"step": 1}) for kind in ("progress", "preview", "progress")]
        assert [event.id for event in store.events(ids[0])] == ids[1:]
        store.done("a", None)
    kinds = [event.kind for event in store.events(key="a")]
    assert kinds == ["running", "preview", "done"] and store.events()[-1].id > ids[-1]


@pytest.mark.parametrize("call", ["done", "failed", "stopped"])
def test_only_a_running_job_ends(store: Store, call: str) -> None:
    given = {"done": ("a", None), "failed": ("a", "x"), "stopped": ("a",)}[call]
    with pytest.raises(moft.RequestError, match="queued; claim it first"):
        getattr(store, call)(*given)


def test_a_key_that_is_none_is_refused(store: Store) -> None:
    for call in (store.cancel, store.retry):
        with pytest.raises(moft.RequestError, match="check the key"):
            call("x")
    with pytest.raises(moft.RequestError, match="failed or was cancelled, got a, which is queued"):
        store.retry("a")


def test_what_a_living_worker_holds_is_left_to_it(store: Store) -> None:
    with store.worker() as me:
        store.claim(me)
        assert Store(store.path).take_back() == []
    assert store.take_back() == ["a"] and states(store)["a"] == "queued"


def test_a_job_whose_workers_die_is_set_aside(store: Store) -> None:
    for died in (1, 2, 3):
        with store.worker() as me:
            store.claim(me)
        assert store.take_back(allowed=3) == ["a"]
        assert states(store)["a"] == ("queued" if died < 3 else "poisoned")
    row = store.get("a")
    assert row and row.error == "its worker died (3 so far)" and row.attempts == 3
    with store.worker() as me:
        assert [store.claim(me), store.take_back()] and states(store)["b"] == "running"  # the others go on


def test_what_ended_them_all_is_no_job_s_fault(store: Store) -> None:
    for _ in range(5):
        with store.worker() as me:
            store.claim(me)
        store.take_back(allowed=None)
    row = store.get("a")
    assert row and (row.state, row.attempts, row.killed) == ("queued", 0, 0)


def test_threads_share_a_store(tmp_path: Path) -> None:
    store = Store(tmp_path / "jobs.sqlite")
    store.add([(str(i), "{}", "") for i in range(200)])
    taken = list[str]()

    def work() -> None:
        with store.worker() as me:
            while (job := store.claim(me)) is not None:
                taken.append(job.key)
                store.done(job.key, None)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(taken) == Counter(map(str, range(200))) and store.counts()["done"] == 200


WORK = """
import sys, time
from moft.batch.store import Store
store = Store(sys.argv[1])
with store.worker() as me:
    print("ready", flush=True)
    while True:
        store.take_back(allowed=None)
        if (job := store.claim(me)) is None:
            if not store.counts()["running"]:
                break
            time.sleep(0.01)
            continue
        with open(sys.argv[2], "a") as made:
            made.write(job.key + "\\n")
        store.done(job.key, {"by": me})
"""


def begun(store: Path, made: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORK, str(store), str(made)], stdout=subprocess.PIPE, text=True
    )


def test_processes_that_open_one_file_at_once_share_it(tmp_path: Path) -> None:
    """None of them made it; each job is done by one of them."""
    file, made = tmp_path / "jobs.sqlite", tmp_path / "made"
    many = [begun(file, made) for _ in range(3)]
    assert [process.wait(60) for process in many] == [0, 0, 0]
    Store(file).add([(str(i), "{}", "") for i in range(300)])
    many = [begun(file, made) for _ in range(3)]
    assert [process.wait(60) for process in many] == [0, 0, 0]
    assert sorted(made.read_text().split(), key=int) == [str(i) for i in range(300)]


def test_killed_at_random_moments_each_job_is_done_once(tmp_path: Path) -> None:
    """What was being done at the moment may have been begun twice, and ends once."""
    chance, file, made = random.Random(0), tmp_path / "jobs.sqlite", tmp_path / "made"
    store = Store(file)
    store.add([(str(i), "{}", "") for i in range(20_000)])
    kills = 0
    for _ in range(12):
        worker = begun(file, made)
        assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0, 0.06))
        if worker.poll() is None:
            worker.send_signal(signal.SIGKILL)
            kills += 1
        worker.wait()
        with sqlite3.connect(file) as raw:
            assert raw.execute("pragma integrity_check").fetchone() == ("ok",)
    store.take_back(allowed=None)
    counts, begins = store.counts(), Counter(made.read_text().split())
    done = [row.key for row in store.rows() if row.state == "done"]
    ends = Counter(event.key for event in all_events(store) if event.kind == "done")
    assert kills > 8 and counts["done"] + counts["queued"] == 20_000 and counts["done"] > 100
    assert set(done) == set(ends) and set(ends.values()) == {1} and set(done) <= set(begins)
    assert sum(begins.values()) - len(begins) <= kills


def all_events(store: Store) -> list[object]:
    found, last = [], 0
    while page := store.events(last):
        found += page
        last = page[-1].id
    return found


def test_a_full_disk_is_told_and_loses_nothing(store: Store) -> None:
    """SQLite's own limit of pages, so that no disk need be filled."""
    pages = store._db.execute("pragma page_count").fetchone()[0]
    store._db.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(moft.MediaError, match="full; check disk"):
        store.add((f"k{i}", "x" * 1000, "") for i in range(100))
    store._db.execute("pragma max_page_count = 100000")
    assert sum(store.counts().values()) == 3 and store.add([("d", "{}", "")]) == 1


@pytest.mark.parametrize("kind", ["text", "folder", "nowhere", "newer"])
def test_files_that_are_none_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("none/jobs.sqlite" if kind == "nowhere" else "jobs.sqlite")
    if kind == "text":
        path.write_text("this is no database, and it is long enough to have a head" * 10)
    elif kind == "folder":
        path.mkdir()
    elif kind == "newer":
        Store(path).close()
        with sqlite3.connect(path) as raw:
            raw.execute("pragma user_version = 9")
    with pytest.raises(moft.MediaError, match=r"cannot (keep|use)"):
        Store(path)
    assert kind == "newer" or os.listdir(tmp_path) == (["jobs.sqlite"] if kind != "nowhere" else [])


def test_a_claim_looks_nothing_through(tmp_path: Path) -> None:
    """It takes its row from an index, however many jobs are done and waiting."""
    store = Store(tmp_path / "jobs.sqlite")
    looks = {
        "": "USING COVERING INDEX jobs_by_state (state=?)",
        "and note = 'look'": "USING COVERING INDEX jobs_by_note (state=? AND note=?)",
    }
    for chosen, index in looks.items():
        plan = store._db.execute(
            f"explain query plan select number from jobs where state = 'queued' {chosen} "
            "order by number limit 1"
        ).fetchall()
        assert len(plan) == 1 and index in plan[0][3]


def test_windows_tells_the_living_by_files_that_cannot_be_removed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moft.batch.alive.fcntl", None)
    with store.worker() as me:
        store.claim(me)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", lambda *_: (_ for _ in ()).throw(PermissionError()))
            assert store.take_back() == []
        assert store.take_back() == ["a"]
