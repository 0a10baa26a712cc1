"""Clips of Table 1 that several processes sample ahead are those that the table is made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import moft
from moft.batch.rows import Claimed
from moft.batch.store import Store
from moft.batch.worker import Worker
from moft.bench import ahead, runs
from moft.bench.ahead import TABLE, Sampler, sample_ahead
from moft.bench.runs import RELEASE, SCORES, Runs
from moft.bench.task import held_out, plain, prompts_of


def test_what_was_sampled_ahead_is_found_and_not_sampled_again(
    tiny_animatediff: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = object.__new__(Sampler)
    sampler.runs, sampler._tasks = Runs(tiny_animatediff, tmp_path, lambda _: None, steps=2), ("", [])
    sampler.ways = {"plain": plain, "other": lambda *given: plain(*given)}
    for way in sampler.ways:
        asked = {"directions": ["left", "up"], "prompts": 1, "way": way, "task": 1}
        sampler(Claimed("a", json.dumps(asked), "", 1), tmp_path, None)
    monkeypatch.setattr(runs, "sample", lambda *_, **__: pytest.fail("sampled again"))
    task = held_out(("left", "up"), prompts_of(1))[1]
    for name, way in (("plain", plain), (TABLE + "other", sampler.ways["other"])):
        assert len(sampler.runs.clips(name, way, task, RELEASE)[0]) == 1
        assert len(sampler.runs.scores(name, way, [task])["fidelity"]) == 1
    assert len((tmp_path / SCORES).read_text().splitlines()) == 2


def test_every_way_of_every_task_is_sampled_and_what_fails_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[tuple[str, int]]()

    def sampler(job: Claimed, out: Path, watch: Any) -> None:
        data = json.loads(job.job)
        asked.append((data["way"], data["task"]))
        if data["way"] == "smm":
            raise moft.MoftError("expected room, got none")

    def drive(store: Store, folder: Path, tell: Any, *, workers: int, target: Any) -> None:
        assert workers == 2 and target.func is ahead.sample and target.keywords == {"model": "other"}
        Worker(store, folder, sampler).run()
        tell(store.counts())

    monkeypatch.setattr("moft.batch.driver.drive", drive)
    said = list[str]()
    with pytest.raises(moft.MoftError, match="expected room, got none; run it again"):
        sample_ahead(tmp_path, said.append, ("left", "up"), 9, 2, "other")
    ways = ("plain", "smm", "vanilla", "moft", "synthesised", "ccr")
    assert asked == [(way, task) for task in range(4) for way in ways]  # 8 prompts and 1, two directions
    assert said == ["sampled 20 of 24"]
