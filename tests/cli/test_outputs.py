"""What cannot be written is told before the work; what was made is kept if it cannot be written then."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from program import moft_cli

from moft.errors import MediaError
from moft.media.files import frames_digest

STEER = ("steer", "--prompt", "red cells", "--motion", "left")
DRAG = ("drag", "--prompt", "red cells", "--point", "8,8:20,8")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with some of everything in it, where no model may be loaded."""
    for command in ("steering", "channels", "looking"):
        monkeypatch.setattr(f"moft.cli.{command}.loaded", lambda *_: pytest.fail("loaded"))
    for command in ("moft.bench.commands", "moft.bench.control.commands"):
        monkeypatch.setattr(f"{command}.quiet_pipeline", lambda *_: pytest.fail("loaded"))
    monkeypatch.chdir(tmp_path)
    for name in ("folder.mp4", "folder.safetensors", "folder.json", "report/figures", "photos", "results"):
        Path(name).mkdir(parents=True)
    Image.new("RGB", (8, 8)).save("photos/a.png")
    Path("r.json").write_text('[{"direction": "left"}]')
    os.symlink("r.json", "link.json")
    for name in ("clip.gif", "file", "c.json", "report/figures/clip.mp4", "results/cost.json"):
        Path(name).write_text("mine")
    os.mkfifo("pipe.json")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((*STEER, "-o", "folder.mp4"), "it is a folder"),
        ((*STEER, "-o", "pipe.mp4"), "it is no ordinary file"),
        ((*STEER, "-o", "none/a.mp4"), "create it first"),
        ((*STEER[:3], "--requests", "r.json", "-o", "r.mp4"), "is an input"),
        ((*STEER[:3], "--requests", "r.json", "-o", "link.mp4"), "is an input"),
        ((*STEER[:3], "--requests", "link.json", "-o", "r.gif"), "is an input"),
        ((*STEER, "--channels", "c.json", "-o", "c.mp4"), "is an input"),
        ((*STEER, "--image", "clip.gif", "-o", "clip.gif"), "is an input"),
        ((*DRAG, "-o", "folder.mp4"), "it is a folder"),
        ((*DRAG, "--channels", "c.json", "-o", "c.webm"), "is an input"),
        (("channels", "-o", "folder.safetensors"), "it is a folder"),
        (("channels", "-o", "none/a.safetensors"), "create it first"),
        (("channels", "-o", "pipe.json"), "it is no ordinary file"),
        (("channels", "--photos", "photos", "-o", "photos/a.png"), "is an input"),
        (("explain", "file", "-o", "file"), "expected a folder"),
        (("explain", "report/figures/clip.mp4", "-o", "report"), "is an input"),
        (("explain", "file", "-o", "none/report"), "create it first"),
        (("bench", "cost", "-o", "file"), "existing folder"),
        (("bench", "cost", "--real", "-o", "file"), "existing folder"),
        (("bench", "page", "results", "-o", "results/cost.json"), "is an input"),
        (("bench", "control", "-o", "folder.json"), "it is a folder"),
        (("bench", "retry", "-o", "none/a.json"), "create it first"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    here: Path, arguments: tuple[str, ...], word: str
) -> None:
    before = sorted(here.rglob("*"))
    done = moft_cli(*arguments)
    assert done.exit_code == 2 and word in done.stderr and done.stderr.count("\n") == 1, done.output
    assert sorted(here.rglob("*")) == before and Path("file").read_text() == "mine"


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_codec_that_is_missing_is_told_before_the_work(
    here: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("av.codecs_available", {"mpeg1video"})
    done = moft_cli(*STEER, "-o", f"a{suffix}")
    assert done.exit_code == 2 and "cannot encode" in done.stderr, done.output


def test_an_older_av_is_told_before_the_work(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyAV 16 has no `ColorPrimaries`."""
    monkeypatch.delattr("av.video.reformatter.ColorPrimaries")
    done = moft_cli(*STEER, "-o", "a.mp4")
    assert done.exit_code == 2 and "a working encoder" in done.stderr and "ColorPrimaries" in done.stderr


@pytest.mark.parametrize("beside", [True, False])
def test_frames_that_cannot_be_written_are_kept(
    tiny_folder: Path, tmp_path: Path, beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moft.runs import save

    def fail(*_: object) -> None:
        raise MediaError("cannot write a.mp4: the disk is full")

    make = save.tempfile.mkdtemp

    def made(prefix: str, dir: Path | None) -> str:
        if dir is not None and not beside:
            raise OSError(28, "No space left on device")
        return make(prefix=prefix, dir=dir or tmp_path / "temporary")

    (tmp_path / "out").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("moft.runs.running.write_all", fail)
    monkeypatch.setattr(save.tempfile, "mkdtemp", made)
    small = ("--steps", 2, "--frames", 4, "--height", 32, "--width", 32, "--model", tiny_folder)
    done = moft_cli(*STEER, *small, "-o", tmp_path / "out" / "a.mp4")
    assert done.exit_code == 2 and "the disk is full" in done.stderr
    found = re.search(r"kept as animated PNG in (\S+)", done.stderr)
    assert found and Path(found[1]).parent == tmp_path / ("out" if beside else "temporary")
    assert sorted(os.listdir(found[1])) == ["a.compare.png", "a.json", "a.plain.png", "a.png"]
    with Image.open(Path(found[1], "a.png")) as picture:
        frames = np.stack([np.asarray(one.convert("RGB")) for one in ImageSequence.Iterator(picture)])
    assert frames_digest(frames) == json.loads(Path(found[1], "a.json").read_text())["frames_digest"]
