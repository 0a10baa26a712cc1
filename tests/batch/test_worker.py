"""One worker: makes what `moft.run` makes, keeps errors, heeds cancelling, and finds what is made already."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from batched import row, small

import moft
from moft.batch import worker
from moft.batch.store import Store
from moft.batch.work import Work
from moft.batch.worker import Maker, Watcher, Worker


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "jobs.sqlite")


@pytest.fixture
def maker(model: moft.Model, monkeypatch: pytest.MonkeyPatch) -> Maker:
    """One whose model is loaded already."""
    maker = Maker()
    maker._model, maker._source = model, ("miniature", None)
    return maker


def made(store: Store, runner: Any, **given: Any) -> None:
    Worker(store, store.path.parent, runner, **given).run()


def test_frames_are_those_of_a_run_by_itself(store: Store, maker: Maker, model: moft.Model) -> None:
    rows = [row(model, seed=seed) for seed in (1, 2)]
    store.add(rows)
    made(store, maker)
    assert store.counts()["done"] == 2
    for kept in store.rows():
        alone = moft.run(model, Work.parse(kept.job).job)
        folder = store.path.parent / kept.key
        recipe = moft.read_recipe(folder / "clip.mp4")
        assert kept.result["frames_digest"] == recipe.frames_digest == alone.recipe.frames_digest
        assert sorted(path.name for path in folder.iterdir()) == [
            *("clip.compare.mp4", "clip.json", "clip.mp4", "clip.plain.mp4")
        ]
    assert {row.result["seed"] for row in store.rows()} == {1, 2}


def test_a_model_is_loaded_once_for_jobs_that_follow_each_other(
    store: Store, model: moft.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = list[str]()
    monkeypatch.setattr("moft.feature.model.load", lambda name, channels: loads.append(name) or model)
    monkeypatch.setattr("moft.runs.running.run", lambda *_, **__: (_ for _ in ()).throw(moft.MoftError("no")))
    one, two, *_ = (row(model, seed=seed) for seed in (1, 2))
    other = (one[0] + "x", one[1].replace("miniature", "other/model"), "")
    store.add([one, two, other])
    made(store, Maker())
    assert loads == ["miniature", "other/model"]


def test_a_job_that_fails_lets_the_others_go_on(store: Store, maker: Maker, model: moft.Model) -> None:
    bad = Work.from_json(small(requests=[{"like": "nowhere.mp4"}])).to_json()
    import json

    store.add([("bad", json.dumps(bad), ""), row(model)])
    made(store, maker, retries=2)
    failed, done = store.rows()
    assert failed.state == "failed" and failed.attempts == 3 and "nowhere.mp4" in str(failed.error)
    assert done.state == "done" and "\n" not in str(failed.error)


def test_a_file_that_has_changed_is_not_taken(store: Store, model: moft.Model, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    from PIL import Image

    Image.new("L", (32, 32), 255).save(mask)
    wanted = Work.from_json(small(requests=[{"direction": "left", "region": str(mask)}]))
    store.add([wanted.ready(model, {}).row(model)])
    Image.new("L", (32, 32), 254).save(mask)
    made(store, Maker())
    assert "as it was when the job was checked" in str(next(store.rows()).error)


def test_progress_is_told(
    store: Store, maker: Maker, model: moft.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "EVERY", 0.0)
    told, event = list[tuple[str, Any]](), store.event
    monkeypatch.setattr(store, "event", lambda *given: told.append(given[1:]) or event(*given))
    store.add([row(model)])
    made(store, maker)
    progress = [data for kind, data in told if kind == "progress"]
    assert progress == [
        {"part": part, "index": index, "count": 3} for part in ("plain", "steered") for index in (1, 2, 3)
    ]
    kinds = [event.kind for event in store.events()]
    assert kinds == ["running", "done"]


def test_a_running_job_is_cancelled_between_two_steps(
    store: Store, maker: Maker, model: moft.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, *rest = row(model)
    store.add([(key, *rest)])
    event = store.event
    monkeypatch.setattr(store, "event", lambda *given: (event(*given), store.cancel(key)))
    made(store, maker)
    assert next(store.rows()).state == "cancelled" and not list((tmp_path / key).iterdir())


def test_a_worker_whose_starter_has_ended_gives_its_job_back(
    store: Store, maker: Maker, model: moft.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add([row(model), row(model, seed=1)])
    steps = iter([False, False, True])
    monkeypatch.setattr(Worker, "alone", lambda _: next(steps, True))
    made(store, maker)
    assert [(row.state, row.attempts) for row in store.rows()] == [("queued", 0)] * 2


def test_what_is_there_already_is_not_made_again(store: Store, maker: Maker, model: moft.Model) -> None:
    """A worker that was killed between its files and its word."""
    store.add([row(model)])
    made(store, maker)
    first = next(store.rows())
    again = Store(store.path.with_name("again.sqlite"))
    again.add([row(model)])
    made(again, runner=lambda *_: pytest.fail("made again"))
    assert next(again.rows()).result == first.result


def test_a_full_disk_ends_the_worker_and_keeps_the_job(store: Store) -> None:
    def full(*_: Any) -> None:
        raise moft.MediaError("cannot write") from OSError(errno.ENOSPC, "No space left on device")

    store.add([("a", "{}", "")])
    with pytest.raises(moft.MediaError):
        made(store, full)
    assert next(store.rows()).state == "queued"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (moft.BackboneError("no model\nat x"), "no model at x"),
        (MemoryError(), "out of memory"),
        (KeyError("x"), "KeyError: 'x'; moft did not foresee this"),
    ],
)
def test_whatever_a_job_raises_is_one_line(store: Store, error: Exception, says: str) -> None:
    def fails(*_: Any) -> None:
        raise error

    store.add([("a", "{}", "")])
    made(store, fails)
    assert says in str(next(store.rows()).error)


def test_an_interrupt_gives_the_job_back(store: Store) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    store.add([("a", "{}", "")])
    with pytest.raises(KeyboardInterrupt):
        made(store, interrupted)
    assert next(store.rows()).state == "queued"


def test_a_key_tells_jobs_apart_by_all_that_decides(model: moft.Model) -> None:
    keys = {
        row(model, **changes)[0]
        for changes in ({}, {"seed": 1}, {"prompt": "blue"}, {"requests": [{"direction": "right"}]})
    }
    assert len(keys) == 4 and row(model)[0] == row(model, axes={"seed": 0})[0]
    assert all(len(key) == 20 for key in keys)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "a job as a JSON object"),
        ({"seeed": 1}, "seeed: unknown; expected keys among"),
        (small(model=3), "model: expected str"),
        (small(steps=0), "steps"),
        (small(requests=[]), "number of requests"),
    ],
)
def test_what_is_no_job_is_refused_by_its_field(data: Any, says: str) -> None:
    with pytest.raises(moft.RecipeError, match=says):
        Work.from_json(data)


def test_work_is_read_as_it_was_written(model: moft.Model) -> None:
    wanted = Work.from_json(small(axes={"seed": 0})).ready(model, {})
    assert Work.parse(wanted.row(model)[1]) == wanted


def test_a_watcher_is_no_burden(store: Store) -> None:
    """Notes come at most five times a second, however fast steps are."""
    store.add([("a", "{}", "")])
    with store.worker() as me:
        store.claim(me)
        watch = Watcher(store, "a", lambda: False).of()
        for index in range(1, 50):
            watch(type("Step", (), {"part": "plain", "index": index, "count": 100}))  # type: ignore[arg-type]
        assert len(store.events()) <= 1 + 3
