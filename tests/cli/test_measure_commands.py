"""`moft measure` and `moft score`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn import noise, photograph
from program import mask, moft_cli

import moft
import moft.cli
from moft.known.filmed import filmed
from moft.metrics.quality import Encoder, Judge


def panned(path: Path, frames: int = 10) -> Path:
    """A clip whose content goes right by 2 px a frame."""
    noise = np.random.default_rng(0).integers(0, 255, (20, 40, 3)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    video = np.stack([noise[:64, 60 - 2 * i : 124 - 2 * i] for i in range(frames)])
    moft.write_video(path, video)
    return path


def test_measure_tells_where_the_picture_goes(tmp_path: Path) -> None:
    clip = panned(tmp_path / "clip.mp4")
    assert moft_cli("measure", clip).stdout.startswith("right, ")
    found = json.loads(moft_cli("measure", clip, "--region", mask(tmp_path / "m.png", 32), "--json").stdout)
    assert found["inside"][0] == pytest.approx(2, abs=0.3) and found["outside"][0] == pytest.approx(
        2, abs=0.3
    )


def test_measure_tells_what_moves_otherwise_than_the_ground(tmp_path: Path) -> None:
    shown = filmed("against", [photograph("china.jpg"), noise(1)], moft.ClipSize(8, 64, 64), 3)
    moft.write_video(tmp_path / "a.mp4", shown.video)
    found = json.loads(moft_cli("measure", tmp_path / "a.mp4", "--movers", "--json").stdout)
    (mover,) = found["movers"]
    way = np.array([step[at].mean(0) for step, at in zip(shown.steps, shown.things[0], strict=False)]).mean(0)
    assert mover["inside"] == pytest.approx(way, abs=0.25) and len(mover["per_frame"]) == 7
    assert found["ground"]["inside"] == pytest.approx(shown.scene.mean((0, 1, 2)), abs=0.2)
    lines = moft_cli("measure", tmp_path / "a.mp4", "--movers").stdout.splitlines()
    assert [line.partition(":")[0] for line in lines[1:]] == ["ground", "mover 1"]
    assert moft_cli("measure", panned(tmp_path / "b.mp4"), "--movers").stdout.endswith("movers: none\n")
    assert "movers" not in json.loads(moft_cli("measure", tmp_path / "a.mp4", "--json").stdout)


def test_measure_refuses_a_single_picture(tmp_path: Path) -> None:
    result = moft_cli("measure", mask(tmp_path / "m.png", 32))
    assert result.exit_code == 2 and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1


def test_score_tells_a_clip_from_itself_and_from_its_reverse(tmp_path: Path) -> None:
    clip, back = panned(tmp_path / "clip.mp4"), tmp_path / "back.mp4"
    moft.write_video(back, moft.read_video(clip)[::-1])
    same, reverse = (json.loads(moft_cli("score", clip, other, "--json").stdout) for other in (clip, back))
    assert (
        same["motion"]["fidelity"] == pytest.approx(1) and same["direction_error"] == same["speed_error"] == 0
    )
    assert reverse["motion"]["fidelity"] < -0.95 and reverse["direction_error"] > 175
    assert reverse["motion"]["speed_ratio"] == pytest.approx(1, abs=0.05)
    assert reverse["camera"] == [["pan_left"], ["pan_right"]]
    assert reverse["command"] and reverse["versions"]["moft"] == moft.__version__


def test_score_takes_a_judge_and_an_encoder_of_files_and_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, found = panned(tmp_path / "clip.mp4"), {}
    named = {
        "vision": lambda folder: Encoder(
            f"sees by {folder.name}", lambda video: video.reshape(len(video), -1)
        ),
        "musiq": lambda weights: Judge(
            f"rates by {weights.name}", lambda video: np.linspace(0, 1, len(video))
        ),
    }
    for name, make in named.items():
        monkeypatch.setattr(f"moft.metrics.networks.{name}", make)
    asked = ("score", clip, clip, "--encoder", tmp_path / "dino", "--musiq", tmp_path / "m.pth")
    found = json.loads(moft_cli(*asked, "--json").stdout)
    assert (found["encoder"], found["judge"], found["imaging"]) == (
        "sees by dino",
        "rates by m.pth",
        [0.5, 0.5],
    )
    shown = moft_cli(*asked).stdout
    assert "by sees by dino" in shown and "0.500 -> 0.500 by rates by m.pth" in shown


def test_score_refuses_weights_that_are_not_there_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)  # whether it is installed or not
    clip = panned(tmp_path / "clip.mp4")
    told = {
        "--encoder": "error: expected a folder with config.json",
        "--musiq": "error: pyiqa is not installed;",
    }
    for option, words in told.items():
        result = moft_cli("score", clip, clip, option, tmp_path / "nothing")
        assert result.exit_code == 2 and result.stdout == "" and result.stderr.count("\n") == 1
        assert result.stderr.startswith(words)


def test_score_says_what_it_resampled(tmp_path: Path) -> None:
    clip, longer = panned(tmp_path / "clip.mp4", 4), tmp_path / "longer.mp4"
    moft.write_video(longer, moft.read_video(panned(longer, 7)).repeat(2, axis=1).repeat(2, axis=2))
    shown = moft_cli("score", clip, longer).stdout
    assert "4 frames of 64 x 64 px; output was 7 of 128 x 128 px, resampled to that" in shown
    assert "reference was" not in shown
    found = json.loads(moft_cli("score", clip, longer, "--json").stdout)  # 7 frames in 4: twice as fast
    assert found["motion"]["speed_ratio"] == pytest.approx(2, rel=0.1)
    assert found["resampled"] == {
        "frames": 4,
        "size": [64, 64],
        "was": [[4, 64, 64], [7, 128, 128]],
        "up_to": [4, 7],
    }


def test_score_takes_the_first_frames_of_a_clip_whose_motion_would_not_survive(tmp_path: Path) -> None:
    clip, longer = panned(tmp_path / "clip.mp4", 4), panned(tmp_path / "longer.mp4", 30)
    found = json.loads(moft_cli("score", clip, longer, "--json").stdout)
    assert found["resampled"]["up_to"] == [4, 4]
    assert found["motion"]["speed_ratio"] == pytest.approx(1, rel=0.1)
    assert "(its first 4: spread" in moft_cli("score", clip, longer).stdout


def test_score_says_when_a_clip_was_cropped_or_hardly_tracked(tmp_path: Path) -> None:
    clip, cut = panned(tmp_path / "clip.mp4"), tmp_path / "cut.mp4"
    video = moft.read_video(clip)
    video[3:] = 255 - video[3:, ::-1]
    moft.write_video(cut, video.repeat(2, axis=2))
    shown = moft_cli("score", clip, cut).stdout
    assert "10 of 128 x 64 px, cropped and resampled" in shown and "is there a cut?" in shown
    assert "cut?" not in moft_cli("score", clip, clip).stdout


def test_score_refuses_what_is_no_clip_in_one_line(tmp_path: Path) -> None:
    clip = panned(tmp_path / "clip.mp4")
    for other, word in ((mask(tmp_path / "m.png", 32), "frames >= 2"), (tmp_path / "none.mp4", "none.mp4")):
        for pair in ((clip, other), (other, clip)):
            result = moft_cli("score", *pair)
            assert result.exit_code == 2 and result.stdout == "" and result.stderr.count("\n") == 1
            assert result.stderr.startswith("error: ") and word in result.stderr
