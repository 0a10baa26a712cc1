"""`moft batch`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from batched import small
from typer.testing import CliRunner

import moft
from moft.batch.manifest import read_lines
from moft.batch.work import Work
from moft.cli.commands import app

SMALL = ["--steps", "3", "--frames", "4", "--height", "32", "--width", "32", "--prompt", "cells"]


def typed(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["batch", *words])
    return done.exit_code, done.output


def test_a_sweep_is_written_made_and_gone_on_with(tmp_path: Path) -> None:
    """What is done stays as it is."""
    out = tmp_path / "sweep"
    status, said = typed(*SMALL, "--vary", "motion=left,right", "--retry", "0", "-o", str(out))
    assert status == 0 and "2 jobs: 2 done" in said, said
    lines = [work for _, work in read_lines(out / "jobs.jsonl") if isinstance(work, Work)]
    assert [work.axes for work in lines] == [{"motion": "left"}, {"motion": "right"}]
    clips = sorted(out.glob("*/clip.mp4"))
    assert len(clips) == 2 and all(
        (out / name).exists() for name in ("results.csv", "sweep.html", "contact.png")
    )
    asked = {str(moft.read_recipe(clip).requests[0].direction) for clip in clips}  # type: ignore[union-attr]
    assert asked == {"left", "right"}
    before = {clip: clip.stat().st_mtime_ns for clip in clips}
    status, said = typed("-o", str(out), "--resume", "--json")
    found = json.loads(said.splitlines()[-1])
    assert status == 0 and (found["jobs"], found["done"]) == (2, 2)
    assert before == {clip: clip.stat().st_mtime_ns for clip in clips}
    status, said = typed("status", str(out), "--json")
    assert status == 0 and json.loads(said) == {**{k: found[k] for k in found if k != "files"}}


def test_bad_lines_are_told_by_number_and_nothing_is_begun(tmp_path: Path) -> None:
    path = tmp_path / "jobs.jsonl"
    path.write_text(f"{json.dumps(small(seed=-1))}\n[]\n")
    status, said = typed(str(path), "-o", str(tmp_path / "out"))
    assert status == 2 and "line 1: " in said and "line 2: expected a job as a JSON object" in said
    assert "2 bad lines" in said.splitlines()[-1] and list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "Make many clips"),
        ("-o x", "expected a manifest or --vary, or --resume alone, got none"),
        ("a.jsonl --vary seed=0:2", "got both"),
        ("a.jsonl --shard 3/2", "expected --shard I/N"),
        ("a.jsonl --shard x", "expected --shard I/N"),
        ("--resume", "to go on with, got none"),
        ("--resume --dry-run", "say what would be made"),
        ("a.jsonl --prompt x --seed 3", "in the manifest or --defaults, got --prompt, --seed; write"),
        ("--resume --steps 4", "in the manifest or --defaults, got --steps; write"),
        ("--vary nothing=1", "with an option among motion, speed"),
        ("--vary seed", "expected --vary OPTION=VALUES"),
        ("--vary seed=0:1 --vary seed=4", "got it twice"),
        ("--vary seed=5:5", "FIRST:END"),
        ("--vary seed=0:2000000", "FIRST:END"),
        ("--vary seed=0:10000 --vary steps=2:1000", "combinations, got 9980000"),
        ("--vary seed=one --motion left", "seed"),
        ("--vary steps=1 --motion left", "steps"),
        ("--vary seed=1", "expected --motion, --path"),
        ("status nowhere", "no jobs in nowhere"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    words: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, said = typed(*words.split())
    assert says in said and (status in (1, 2) or not words), said
    assert not list(tmp_path.rglob("*.jsonl")) and not list(tmp_path.rglob("*.sqlite"))


def test_values_may_have_commas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written out first; what is made of it is another test's."""
    monkeypatch.setattr("moft.batch.driver.apart", lambda *_: {"jobs": 0, "new": 0, "bad": {1: "enough"}})
    words = ["--vary", "region=box:0,0,50%,100%|rest", "--vary", "seed=0:6:2", "--motion", "left"]
    status, _ = typed(*SMALL[2:], *words, "-o", str(tmp_path / "out"))
    lines = [work for _, work in read_lines(tmp_path / "out" / "jobs.jsonl") if isinstance(work, Work)]
    assert status == 2 and [w.job.scene.seed for w in lines] == [0, 2, 4] * 2
    assert [w.job.requests[0].region for w in lines[::3]] == ["box:0,0,50%,100%", "rest"]  # type: ignore[union-attr]
    assert lines[0].sides == {"frames": 4, "height": 32, "width": 32}


def test_a_dry_run_leaves_nothing_and_minds_no_jobs_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"jobs": 2, "new": 0, "bad": {}}, {"jobs": 2, "seconds": 8.0, "loading": 1.0, "memory_mb": 500.0}
    for there in (False, True):
        told = iter(found)
        monkeypatch.setattr("moft.batch.driver.apart", lambda *_: next(told))  # noqa: B023
        words = [*SMALL, "--motion", "left", "--vary", "seed=0:2", "-o", str(tmp_path / "out"), "--dry-run"]
        status, said = typed(*words, "--workers", "2")
        assert status == 0 and "2 jobs, all well" in said and "5 s with 2 workers" in said
        assert (tmp_path / "out").exists() is there
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / "jobs.sqlite").touch()


def test_a_switch_is_varied_by_true_and_false(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moft.batch.driver.apart", lambda *_: {"jobs": 0, "new": 0, "bad": {1: "enough"}})
    typed(*SMALL, "--motion", "left", "--vary", "fused=true,false", "-o", str(tmp_path / "out"))
    lines = [work for _, work in read_lines(tmp_path / "out" / "jobs.jsonl") if isinstance(work, Work)]
    assert [work.job.settings.fused for work in lines] == [True, False]
