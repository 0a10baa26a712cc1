"""`moft explain`: what it writes, that it goes on where it was, and that it refuses in one line and leaves
nothing behind."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from moft.cli.commands import app
from moft.feature.statistics import statistics_path
from moft.interpreter import explaining, readout
from moft.interpreter.explaining import explain
from moft.interpreter.reading import Interpreter
from moft.interpreter.readout import READOUT_FILE
from moft.interpreter.viewpoint import SWEEP_FILE

# ---------------------------------------------------------------- what is written


def test_what_was_done_to_the_input_is_said(explained: Any) -> None:
    notes = [clip["note"] for clip in explained.record["clips"]]
    assert "first 8 frames" in notes[0] and "panned to the left" in notes[1]


@pytest.mark.usefixtures("small")
def test_a_second_run_reads_no_clip_again(
    explained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Interpreter, "read", lambda *_: pytest.fail("read again"))
    monkeypatch.setattr(readout, "fit_readout", lambda *_: pytest.fail("fitted again"))
    monkeypatch.setattr(explaining, "write_report", lambda *_: None)  # numbers are compared, not figures
    statistics_path(explained.model.pipe).with_name(SWEEP_FILE).unlink(missing_ok=True)
    out, said = tmp_path / "out", list[str]()
    shutil.copytree(explained.out / "data", out / "data")
    beside, settings = [explained.beside], explained.settings
    again = explain(explained.model, explained.clips, out, beside=beside, settings=settings, tell=said.append)
    assert again["clips"] == explained.record["clips"] and again["readout"] == explained.record["readout"]
    assert said.count("  as read by an earlier run") == 2


@pytest.mark.usefixtures("small")
def test_stopping_leaves_no_report_but_keeps_the_clips_that_were_read(
    explained: Any, hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report before has kept its read-out beside the model, so this one does not fit another."""
    statistics_path(explained.model.pipe).with_name(SWEEP_FILE).unlink(missing_ok=True)
    monkeypatch.setattr(readout, "fit_readout", lambda *_: pytest.fail("fitted again"))
    monkeypatch.setattr(explaining, "score_model", lambda *_: None)  # it is stopped before these are shown

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(explaining, "write_report", stop)
    with pytest.raises(KeyboardInterrupt):
        explain(explained.model, [str(hostile)], tmp_path / "out", settings=explained.settings)
    left = sorted(p.name for p in tmp_path.rglob("*") if p.is_file())
    assert len(left) == 2 and left[0].startswith("clip-") and left[1] == READOUT_FILE


# ---------------------------------------------------------------- what is refused


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", "empty file"),
        ("page.mp4", b"<html>", "starts with"),
        ("none.mp4", None, "no file"),
        ("pickle.pt", b"\x80\x04\x95hello", "starts with"),
    ],
)
def test_files_that_cannot_be_read_are_one_line(
    tiny_folder: Path, tmp_path: Path, name: str, content: Any, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = run("explain", tmp_path / name, "--model", tiny_folder, "-o", tmp_path / "out")
    assert result.exit_code == 2 and message in result.output and result.output.count("error:") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--point", "64,0,0"], "inside"),
        (["--point", "1,2"], "three numbers"),
        (["--point", "0,0,8"], "inside"),
        (["--layer", "nowhere"], "no layer"),
        (["-o", "/nowhere/out"], "create it first"),
    ],
)
def test_requests_that_make_no_sense_are_one_line(
    tiny_folder: Path, hostile: Path, tmp_path: Path, options: Any, message: str
) -> None:
    where = [] if "-o" in options else ["-o", tmp_path / "out"]
    result = run("explain", hostile, "--model", tiny_folder, *where, *options)
    assert result.exit_code == 2 and message in result.output and result.output.count("error:") == 1
    assert not (tmp_path / "out").exists()


def test_no_clips_and_unknown_models_are_refused(tmp_path: Path) -> None:
    assert "--probe" in run("explain").output
    result = run("explain", "--probe", "--model", tmp_path / "none", "-o", tmp_path / "out")
    assert result.exit_code == 2 and "no model" in result.output
