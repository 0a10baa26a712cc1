"""`moft steer` with a model that starts from an image."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from program import PROMPT, mask, moft_cli

import moft
import moft.cli
from moft.errors import RequestError
from moft.models import size
from moft.types import ClipSize


def test_steer_starts_from_an_image_where_the_model_does(image_model: Path, tmp_path: Path) -> None:
    size = ("--height", 64, "--width", 64, "--steps", 5)
    options = (
        "steer",
        "--model",
        image_model,
        "--motion",
        "left",
        *size,
        "-o",
        tmp_path / "left.mp4",
        "--json",
    )
    result = moft_cli(*options, "--image", mask(tmp_path / "first.png", 32))
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert (
        record["image"].endswith("first.png")
        and record["guidance_scale"] is None
        and len(record["losses"]) == 3
    )
    assert moft.read_video(tmp_path / "left.mp4").shape == (5, 64, 64, 3)
    for wrong, remedy in (((), "pass --image"), (("--prompt", "a ball"), "leave out --prompt")):
        refused = moft_cli(*options, *wrong)
        assert refused.exit_code == 2 and remedy in refused.output


def test_an_image_is_refused_by_a_model_that_takes_none(tiny_folder: Path, tmp_path: Path) -> None:
    refused = moft_cli(
        "steer",
        "--model",
        tiny_folder,
        *PROMPT,
        "--motion",
        "left",
        "-o",
        tmp_path / "left.mp4",
        "--image",
        mask(tmp_path / "first.png", 32),
    )
    assert refused.exit_code == 2 and "leave out --image" in refused.output


def test_frames_that_are_no_whole_latent_frames_are_refused() -> None:
    from tiny import tiny

    with pytest.raises(RequestError, match="1 \\+ a multiple of 4 frames, got 8"):
        size.clip_size(tiny("wan"), 8, None, None, {})
    assert size.clip_size(tiny("modelscope"), None, 32, 48, {}) == ClipSize(16, 32, 48)
    assert size.clip_size(tiny("latte"), None, 32, 48, {}).frames == 5  # the model's own
    assert size.clip_size(tiny("svd"), None, 32, 48, {}).frames == 5  # the model's own
