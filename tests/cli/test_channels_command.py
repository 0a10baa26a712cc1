"""`moft channels`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from program import left_nothing, moft_cli
from started import until

import moft
import moft.cli


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    return folder


def test_channels_finds_what_steer_then_reads(tiny_folder: Path, pictures: Path, tmp_path: Path) -> None:
    found = tmp_path / "found.safetensors"
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


def test_channels_that_were_killed_go_on_where_they_were(
    tiny_folder: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, whole = tmp_path / "found.safetensors", tmp_path / "whole.safetensors"
    parts = tmp_path / ".found.safetensors.parts"
    asked = ["channels", "--model", str(tiny_folder), "--photos", str(pictures), "--courses", "64"]
    victim = subprocess.Popen([sys.executable, "-m", "moft.cli", *asked, "-o", str(found)])
    try:  # 25 pans in four pieces, then eight of the others
        until(lambda: len(list(parts.glob("*.safetensors"))) > 4 or victim.poll() is not None, 300)
    finally:
        victim.kill()
        victim.wait()
    left = len(list(parts.glob("*.safetensors")))
    assert 4 < left < 12 and not found.exists()

    read: list[int] = []
    noised = moft.feature.courses.noised_features

    def counted(*given: object, **named: object) -> object:
        read.append(1)
        return noised(*given, **named)

    monkeypatch.setattr("moft.feature.statistics.noised_features", counted)
    monkeypatch.setattr("moft.feature.courses.noised_features", counted)
    result = moft_cli(*asked, "-o", found)
    assert result.exit_code == 0 and len(read) == 12 - left and not parts.exists()
    read.clear()
    result = moft_cli(*asked, "-o", whole)
    assert result.exit_code == 0 and len(read) == 12 and "to go" in result.stderr
    assert moft.Statistics.load(found).digest == moft.Statistics.load(whole).digest


def test_channels_says_what_pictures_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left_nothing(moft_cli("channels", "--photos", tmp_path / "none"), tmp_path, "none", "folder")
    left_nothing(moft_cli("channels", "--photos", tmp_path), tmp_path, "png")
    monkeypatch.setattr("moft.cli.channels.find_spec", lambda _: None)
    left_nothing(moft_cli("channels"), tmp_path, "scikit-image", "--photos")
