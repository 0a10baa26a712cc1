"""`moft channels`."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from program import left_nothing, moft_cli
from safetensors.torch import load_file

import moft
import moft.cli
from moft.feature.read import noised_features


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


DIES = """
import os, signal, sys
from moft.feature.kept import Kept
save, saves = Kept.save, []
def dies(kept, name, tensors):
    saves.append(name)
    if len(saves) > 6:
        (kept.folder / ("0" * 32 + ".safetensors")).write_bytes(b"half of a")
        os.kill(os.getpid(), signal.SIGKILL)
    save(kept, name, tensors)
Kept.save = dies
from moft.cli.commands import app
app(sys.argv[1:])
"""


def test_channels_that_were_killed_go_on_where_they_were(
    tiny_folder: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, whole = tmp_path / "found.safetensors", tmp_path / "whole.safetensors"
    parts = tmp_path / ".found.safetensors.parts"
    asked = ["channels", "--model", str(tiny_folder), "--photos", str(pictures), "--courses", "64"]
    killed = subprocess.run([sys.executable, "-c", DIES, *asked, "-o", str(found)])
    assert killed.returncode == -signal.SIGKILL and not found.exists() and parts.is_dir()

    read: list[int] = []

    def counted(*given: object, **named: object) -> object:
        read.append(1)
        return noised_features(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("moft.feature.statistics.noised_features", counted)
    monkeypatch.setattr("moft.feature.courses.noised_features", counted)
    result = moft_cli(*asked, "-o", found)
    # of 25 pans in four pieces and eight of the others, six were there
    assert result.exit_code == 0 and len(read) == 12 - 6 and not parts.exists()
    read.clear()
    result = moft_cli(*asked, "-o", whole)
    assert result.exit_code == 0 and len(read) == 12 and "to go" in result.stderr
    one, other = load_file(found), load_file(whole)
    assert [name for name in one if not torch.equal(one[name], other[name])] == []
    assert moft.Statistics.load(found).digest == moft.Statistics.load(whole).digest


def test_channels_says_what_pictures_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left_nothing(moft_cli("channels", "--photos", tmp_path / "none"), tmp_path, "none", "folder")
    left_nothing(moft_cli("channels", "--photos", tmp_path), tmp_path, "png")
    monkeypatch.setattr("moft.cli.channels.find_spec", lambda _: None)
    left_nothing(moft_cli("channels"), tmp_path, "scikit-image", "--photos")
