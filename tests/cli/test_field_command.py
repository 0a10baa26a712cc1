"""`moft field`: what it draws, keeps and says of clips, words, tracks and fields."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import pan
from PIL import Image
from typer.testing import CliRunner

import moft
from moft.cli.commands import app


def field(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["field", *map(str, arguments)])


def said(*arguments: object) -> dict[str, Any]:
    result = field(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def here(tmp_path: Path) -> Path:
    moft.write_video(tmp_path / "clip.mp4", pan((2, 0), frames=6))
    Image.fromarray(pan((0, 0))[0]).save(tmp_path / "photo.png")
    at = np.zeros((1, 8, 3, 2)) + np.array([[10, 10], [80, 40], [50, 20]])
    at[..., 0] += np.arange(8)[:, None]
    np.save(tmp_path / "a.npy", at)
    return tmp_path


def test_a_clip_is_drawn_and_its_motion_told(here: Path) -> None:
    found = said(here / "clip.mp4", "-o", here / "o.mp4")
    assert found["frames"] == 6 and found["cells"] == [64, 64]
    assert found["mean"] == pytest.approx([2 / 64, 0], abs=0.002) and 0.5 < found["known"] <= 1
    assert moft.read_video(here / "o.mp4").shape == (6, 384, 384, 3)
    words = field(here / "clip.mp4", "-o", here / "o.gif", "--frames", 4).stdout
    assert "4 frames of 64 x 64 cells" in words and str(here / "o.gif") in words


@pytest.mark.parametrize(
    ("text", "size", "speed"), [("left 2%", None, 0.02), ("left 2px", "200x100", 0.02), ("still", None, 0)]
)
def test_words_are_drawn(here: Path, text: str, size: str | None, speed: float) -> None:
    given = () if size is None else ("--size", size)
    found = said(text, "-o", here / "o.mp4", "--frames", 5, *given)
    assert found["frames"] == 5 and found["known"] == 1
    assert found["mean"] == pytest.approx([-speed, 0], abs=1e-6)


def test_a_picture_is_carried_beside_its_arrows(here: Path) -> None:
    said("right 2px", "--size", "64x64", "--frame", here / "photo.png", "-o", here / "o.mp4")
    shown = moft.read_video(here / "o.mp4")
    assert shown.shape == (16, 384, 384 + 4 + 384, 3)
    moved = shown[:, :, 388:].reshape(16, 64, 6, 64, 6, 3).mean((2, 4)).astype(np.uint8)
    assert moft.measure(moved[:6]).inside == pytest.approx((2, 0), abs=0.2)


def test_tracks_are_kept_as_a_field_that_is_read_again(here: Path) -> None:
    said(here / "a.npy", "--size", "120x60", "--save", here / "a.safetensors", "-o", here / "o.mp4")
    kept = moft.Field.load(here / "a.safetensors")
    assert kept.weight.shape == (8, 32, 64) and kept.steps[0, 5, 5] * 60 == pytest.approx([1, 0], abs=0.01)
    again = said(here / "a.safetensors", "-o", here / "o.mp4", "--frames", 15)
    assert again["frames"] == 15 and again["mean"] == pytest.approx([0.5 / 60, 0], abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gone.mp4",), "no such file, and expected a direction"),
        (("a.npy",), "or --size WIDTHxHEIGHT"),
        (("a.npy", "--size", "120"), "expected --size WIDTHxHEIGHT in px, got '120'"),
        (("a.npy", "--size", "9x9"), "inside a picture of 9 x 9 px"),
        (("photo.png",), "stack two or more RGB frames"),
        (("left", "-o", "o.txt"), "expected a name ending in .mp4"),
        (("left", "--save", "a.npz"), "expected a name ending in .safetensors"),
        (("clip.mp4", "-o", "clip.mp4"), "is an input of this command"),
        (("left", "--frame", "a.npy"), "a.npy"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line_and_nothing_is_left(
    here: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(here)
    before = sorted(os.listdir(here))
    result = field(*arguments)
    assert result.exit_code == 2 and words in result.stderr and result.stderr.count("\n") == 1, result.output
    assert sorted(os.listdir(here)) == before


def test_a_camera_s_path_through_a_still_scene(here: Path) -> None:
    depth = np.full((30, 40), 5.0)
    depth[10:20, 15:25] = 1.0
    np.save(here / "depth.npy", depth)
    poses = np.tile(np.eye(4)[:3], (6, 1, 1))
    poses[:, 0, 3] = -0.05 * np.arange(6)  # the camera goes right
    np.save(here / "path.npy", poses)
    asked = (here / "depth.npy", "--camera", here / "path.npy", "--frame", here / "photo.png")
    told = said(*asked, "-o", here / "flight.mp4", "--save", here / "a.safetensors")
    assert told["frames"] == 6 and told["mean"][0] < 0 and abs(told["mean"][1]) < 1e-3
    found = moft.read_field(here / "a.safetensors").steps[0, ..., 0] * 30  # px of the depth
    rows, columns = found.shape
    assert found[rows // 2, columns // 2] == pytest.approx(-0.05 * 40, rel=0.1)
    assert found[2, 2] == pytest.approx(-0.05 * 40 / 5, rel=0.2)
    assert moft.read_video(here / "flight.mp4").shape[0] == 6
    wrong = field(*asked, "--size", "40x30", "-o", here / "flight.mp4")
    assert wrong.exit_code != 0 and "without --size" in str(wrong.output) + str(wrong.exception)
