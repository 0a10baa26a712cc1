"""The table, the page and the sheet of jobs that were made, failed and wait."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batched import row

import moft
from moft.batch.page import write_page
from moft.batch.store import Store
from moft.batch.table import write_tables

NASTY = "<script>alert(1)</script>\x1b[31m"


def gave(followed: bool | None, share: float | None) -> dict[str, Any]:
    seconds = {"plain": 1.0, "steered": 2.0, "guidance": 0.5}
    told = {"followed": followed, "share": [share], "angle": [80.0], "seconds": seconds, "seed": 3}
    return {**told, "peak_memory_mb": 500.0, "tries": 1}


@pytest.fixture
def store(model: moft.Model, tmp_path: Path) -> Store:
    store = Store(tmp_path / "jobs.sqlite")
    axes = [{"seed": str(seed), "motion": motion} for seed in range(3) for motion in ("left", NASTY)]
    rows = [row(model, seed=i, axes=axis) for i, axis in enumerate(axes)]
    store.add((key, job, str(i)) for i, (key, job, _) in enumerate(rows, 1))
    ends = [gave(False, 0.4), gave(True, 0.9), gave(None, None), NASTY]
    with store.worker() as me:
        for end in ends:
            job = store.claim(me)
            assert job is not None
            if isinstance(end, str):
                store.failed(job.key, end)
                continue
            (tmp_path / job.key).mkdir()
            moft.write_video(tmp_path / job.key / "clip.mp4", np.full((4, 32, 32, 3), 90, np.uint8))
            store.done(job.key, end)
    return store


def test_the_table_has_every_job(store: Store, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    files = write_tables([store], tmp_path)
    assert [file.name for file in files] == ["results.csv", "results.parquet"]
    with open(files[0], newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["state"] for r in rows] == ["done"] * 3 + ["failed"] + ["queued"] * 2
    assert rows[1]["followed"] == "True" and rows[1]["share"] == "0.9" and rows[1]["axis:seed"] == "0"
    assert "\x1b" not in files[0].read_text() and rows[3]["file"] == ""
    table = parquet.read_table(files[1])
    assert table.column("followed").to_pylist() == [False, True, None, None, None, None]
    assert table.column("seconds_steered").to_pylist()[:4] == [2.0, 2.0, 2.0, None]
    assert table.column_names == list(rows[0])


def test_the_page_is_one_file_that_asks_nothing_of_others(store: Store, tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    files = write_page([store], tmp_path)
    page = files[0].read_text()
    assert page.count("data:video/mp4;base64,") == 3 and "default-src 'none'" in page
    assert "<script" not in page and "\x1b" not in page and "http" not in page.replace("http-equiv", "")
    ranked = page[page.index("By outcome") :]
    order = [
        ranked.index(word)
        for word in ("followed, 90%", "cannot be told", "not followed, 40%, 80°", "failed:")
    ]
    assert order == sorted(order) and ranked.count("queued") == 2
    from PIL import Image

    assert Image.open(files[1]).size[0] > 3 * 128


def test_jobs_written_by_hand_lie_by_what_differs_between_them(tmp_path: Path, model: moft.Model) -> None:
    pytest.importorskip("jinja2")
    store = Store(tmp_path / "jobs.sqlite")
    store.add(
        row(model, prompt=prompt, seed=seed) for prompt in ("red cells", "grey noise") for seed in (4, 7)
    )
    with store.worker() as me:
        for _ in range(3):  # the fourth fails, and was asked the same motion all the same
            job = store.claim(me)
            assert job is not None
            (tmp_path / job.key).mkdir()
            moft.write_video(tmp_path / job.key / "clip.mp4", np.full((4, 32, 32, 3), 90, np.uint8))
            store.done(job.key, {**gave(True, 0.9), "asked": "left", "seed": 11})
        job = store.claim(me)
        assert job is not None
        store.failed(job.key, "it was told to")
    page = write_page([store], tmp_path)[0].read_text()
    assert 'scope="row">prompt red cells<' in page or 'scope="col">prompt red cells<' in page
    assert ">prompt grey noise, seed 7<" in page and "asked left" not in page


def test_without_a_clip_there_is_no_page(tmp_path: Path, model: moft.Model) -> None:
    store = Store(tmp_path / "jobs.sqlite")
    store.add([row(model)])
    assert write_page([store], tmp_path) == [] and not (tmp_path / "sweep.html").exists()
    with open(write_tables([store], tmp_path)[0], newline="") as file:
        assert [r["state"] for r in csv.DictReader(file)] == ["queued"]
