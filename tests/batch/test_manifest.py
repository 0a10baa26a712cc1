"""Manifests are checked whole; what is wrong with each line is said by its number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from batched import small

import moft
from moft import plain
from moft.batch.manifest import queue, read_defaults, read_lines, write_manifest
from moft.batch.store import Store
from moft.batch.work import Work


@pytest.fixture(autouse=True)
def loaded(model: moft.Model, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Loads nothing twice."""
    loads, load = list[str](), moft.load

    def once(name: str, channels: Any = None) -> moft.Model:
        loads.append(name)
        return model if (name, channels) == ("miniature", None) else load(name, channels=channels)

    monkeypatch.setattr("moft.feature.model.load", once)
    return loads


def written(folder: Path, *lines: Any) -> Path:
    path = folder / "jobs.jsonl"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def queued(path: Path, **given: Any) -> tuple[dict[str, Any], list[str]]:
    at = path.with_name("jobs.sqlite")
    found = queue(path, store=at, **given)
    return found, [row.note for row in Store(at).rows()] if at.exists() else []


def test_good_lines_are_queued_once_however_often(tmp_path: Path, loaded: list[str]) -> None:
    path = written(tmp_path, small(), "", small(seed=1), small(seed=2))
    assert queued(path) == ({"jobs": 3, "new": 3, "bad": {}}, ["1", "3", "4"])
    assert queued(path)[0]["new"] == 0 and loaded == ["miniature"] * 2


def test_every_bad_line_is_told_and_nothing_queued(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        small(),
        small(seeed=1),
        "{not json",
        small(),
        small(requests=[{"like": "nowhere.mp4"}]),
        small(model="nomodel"),
        small(image="a.png"),
        small(size={"frames": 4, "height": 30, "width": 32}),
        "[]",
        json.dumps({"prompt": "x" * plain.MAX_BYTES}),
        small(channels="none.safetensors"),
    )
    found, kept = queued(path)
    says = {
        2: "seeed: unknown",
        3: "as JSON, got",
        4: "once, got that of line 1 again",
        5: "nowhere.mp4: expected an ordinary file",
        6: "no model at nomodel",
        7: "expected an ordinary file",
        8: "multiples of 4",
        9: "a job as a JSON object",
        10: "a line of at most 1048576 bytes",
        11: "none.safetensors",
    }
    assert found["bad"].keys() == says.keys() and kept == []
    for number, words in says.items():
        assert words in found["bad"][number]


def test_defaults_are_of_the_first_line_or_a_file(tmp_path: Path) -> None:
    common = tmp_path / "common.json"
    common.write_text(json.dumps(small(seed=9, settings={"steps": [0, 1], "step_size": 0.2})))
    lines = [{"defaults": {"seed": 5}}, {"prompt": "blue"}, {"seed": 6, "settings": {"gradient_steps": 1}}]
    found = [work for _, work in read_lines(written(tmp_path, *lines), read_defaults(common))]
    assert all(isinstance(work, Work) for work in found)
    first, second = (work.job for work in found if isinstance(work, Work))
    assert (first.scene.prompt, first.scene.seed, second.scene.seed) == ("blue", 5, 6)
    assert (second.settings.gradient_steps, second.settings.step_size) == (1, 0.2)


def test_parts_hold_every_job_once(tmp_path: Path) -> None:
    path = written(tmp_path, *(small(seed=seed) for seed in range(5)))
    parts = list[str]()
    for i in (1, 2):
        at = tmp_path / f"{i}.sqlite"
        queue(path, None, (i, 2), at)
        parts += [row.note for row in Store(at).rows()]
    assert parts == ["1", "3", "5", "2", "4"]


def test_sides_that_are_not_said_are_the_models(tmp_path: Path, model: moft.Model) -> None:
    plainly = {key: value for key, value in small().items() if key != "size"}
    path = written(tmp_path, {**plainly, "sides": {"frames": 4}}, small(sides={"frames": 4}))
    found, _ = queued(path)
    assert list(found["bad"]) == [2] and "sides: expected some of" in found["bad"][2]
    path = written(tmp_path, {**plainly, "sides": {"frames": 4}})
    queued(path)
    (row,) = Store(tmp_path / "jobs.sqlite").rows()
    assert Work.parse(row.job).job.scene.size == model.size(frames=4)


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    jobs = [Work.from_json(small(seed=seed, axes={"seed": str(seed)})) for seed in range(3)]
    assert write_manifest(tmp_path / "a.jsonl", jobs) == 3
    assert [work for _, work in read_lines(tmp_path / "a.jsonl")] == jobs


def test_what_is_no_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(moft.RequestError, match="expected an ordinary file, got no file"):
        queue(tmp_path / "none")
    (tmp_path / "list").write_text("[]")
    with pytest.raises(moft.RequestError, match="defaults as a JSON object"):
        read_defaults(tmp_path / "list")


def test_defaults_of_the_first_line_are_an_object_and_json_errors_name_no_other_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"defaults": 3}\n{"seed" 1}\n')
    lines = dict(read_lines(path))
    assert "defaults as a JSON object, got 3" in str(lines[1])
    assert "column" in str(lines[2]) and "line" not in str(lines[2])
