"""`moft channels`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from program import left_nothing, moft_cli

import moft
import moft.cli


def test_channels_finds_what_steer_then_reads(tiny_folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    pictures, found = tmp_path / "pictures", tmp_path / "found.safetensors"
    pictures.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)).save(
        pictures / "noise.png"
    )
    small = ("--frames", 4, "--height", 32, "--width", 32)
    result = moft_cli(
        "channels", "--model", tiny_folder, "--photos", pictures, "--share", 0.2, *small, "-o", found
    )
    assert result.exit_code == 0, result.output
    statistics = moft.Statistics.load(found)
    assert f"{len(statistics.channels)} motion channels of {statistics.layer}" in result.stdout
    assert statistics.model == str(tiny_folder)
    made = statistics.made
    assert made["photos"] == ["noise.png"] and made["frames"] == 4 and made["size"] == [32, 32]
    assert made["command"] and made["versions"]["moft"] == moft.__version__


def test_channels_says_what_pictures_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left_nothing(moft_cli("channels", "--photos", tmp_path / "none"), tmp_path, "none", "folder")
    left_nothing(moft_cli("channels", "--photos", tmp_path), tmp_path, "png")
    monkeypatch.setattr("moft.cli.channels.find_spec", lambda _: None)
    left_nothing(moft_cli("channels"), tmp_path, "scikit-image", "--photos")
