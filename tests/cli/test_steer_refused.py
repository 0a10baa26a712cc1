"""What `moft steer` refuses, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program import PROMPT, left_nothing, mask, moft_cli

import moft
import moft.cli
from moft.errors import BackboneError
from moft.feature.statistics import STATISTICS_FILE
from moft.runs import save
from moft.types import ClipSize

LEFT = ("--motion", "left")


def panned(path: Path, frames: int = 10) -> Path:
    """A clip whose content goes right by 2 px a frame."""
    noise = np.random.default_rng(0).integers(0, 255, (20, 40, 3)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    video = np.stack([noise[:64, 60 - 2 * i : 124 - 2 * i] for i in range(frames)])
    moft.write_video(path, video)
    return path


LEFT = ("--motion", "left")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("--motion", "--like", "got none")),
        (
            (*LEFT, *LEFT, "--region", "a", "--region", "b", "--region", "c"),
            ("--region", "2 requests", "got 3"),
        ),
        ((*LEFT, "--span", "0.7,0.2"), ("span",)),
        ((*LEFT, "--ease", "fast"), ("ease", "in-out")),
        (("--path", "0,0"), ("path",)),
        ((*LEFT, "--requests", "r.json"), ("--requests alone", "--motion")),
        (("--requests", "none.json"), ("none.json",)),
        (("--like", "clip.mp4", "--speed", "2px"), ("--speed",)),
        (("--motion", "sideways"), ("sideways", "down-right", "zoom in", "still")),
        ((*LEFT, "--speed", "fast"), ("1.5px",)),
        ((*LEFT, "-o", "missing/a.mp4"), ("missing", "create it")),
        ((*LEFT, "-o", "a.txt"), (".mp4", ".gif")),
        ((*LEFT, "--model", "./nope"), ("./nope", "OWNER/NAME")),
        ((*LEFT, "--model", "nope"), ("nope", "miniature")),
        ((*LEFT, "--model", "."), ("model_index.json",)),
        ((*LEFT, "--model", "nobody/nothing"), ("cannot load nobody/nothing",)),
    ],
)
def test_bad_requests_end_before_a_model_is_loaded(
    arguments: tuple[str, ...], words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    left_nothing(moft_cli("steer", *PROMPT, *arguments), tmp_path, *words)


def test_bad_inputs_end_before_anything_is_sampled(
    tiny_folder: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = tmp_path_factory.mktemp("given")
    monkeypatch.setattr("moft.runs.steered.sample", lambda *_, **__: pytest.fail("sampled"))
    hostile = given / "hostile.mp4"
    hostile.write_text("ffconcat version 1.0\nfile /etc/hostname\n")
    short = panned(given / "short.mp4", frames=3)
    empty = mask(given / "empty.png", 0)

    def steer(*arguments: object) -> Any:
        return moft_cli("steer", "--model", tiny_folder, *PROMPT, "-o", tmp_path / "a.mp4", *arguments)

    left_nothing(steer(*LEFT, "--region", empty), tmp_path, "mask")
    left_nothing(steer(*LEFT, "--region", given / "none.png"), tmp_path, "none.png")
    left_nothing(steer("--like", hostile), tmp_path, "hostile.mp4")
    left_nothing(steer("--like", short, "--like-frames", "0:4"), tmp_path, "3")
    left_nothing(steer("--like", mask(given / "m.png", 32)), tmp_path, "m.png", "2 frames or more")
    left_nothing(steer(*LEFT, "--region", "box:64,0,9,9"), tmp_path, "box:64,0,9,9", "inside the clip")
    left_nothing(steer(*LEFT, "--motion", "right"), tmp_path, "request 1 and request 2", "whole frame")
    left_nothing(steer(*LEFT, "--height", 38), tmp_path, "38")
    left_nothing(steer(*LEFT, "--channels", empty), tmp_path, "empty.png")
    left_nothing(steer("--like", short, "-o", short), tmp_path, "input")


def test_a_clip_that_cannot_be_steered_is_refused_before_anything_is_sampled(
    tiny_folder: Path,
    image_model: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from diffusers import DiffusionPipeline, EulerDiscreteScheduler

    given = tmp_path_factory.mktemp("given")
    monkeypatch.setattr("moft.runs.steered.sample", lambda *_, **__: pytest.fail("sampled"))
    clip = panned(given / "clip.mp4")
    euler = DiffusionPipeline.from_pretrained(tiny_folder)
    euler.scheduler = EulerDiscreteScheduler.from_config(euler.scheduler.config)
    euler.save_pretrained(given / "euler")
    moft.Statistics.load(tiny_folder / STATISTICS_FILE).save(given / "euler" / STATISTICS_FILE)

    def steer(*arguments: object, model: Path = tiny_folder) -> Any:
        return moft_cli("steer", "--model", model, *LEFT, "-o", tmp_path / "a.mp4", *arguments)

    left_nothing(
        steer("--video", clip, "--guidance-scale", 3), tmp_path, "without guidance", "leave these out"
    )
    left_nothing(steer("--video", clip, "--negative-prompt", "red"), tmp_path, "negative prompt")
    left_nothing(steer("--video", given / "none.mp4"), tmp_path, "none.mp4")
    left_nothing(steer("--video", mask(given / "m.png", 32)), tmp_path, "m.png", "2 frames or more")
    left_nothing(steer("--video", clip, model=given / "euler"), tmp_path, "DDIM")
    left_nothing(steer("--video", clip, "-o", clip), tmp_path, "input")
    left_nothing(
        steer("--video", clip, "--frames", 5, model=image_model), tmp_path, "starts from an image", "--video"
    )
    left_nothing(steer(*PROMPT, "--keep-keys", 0.5, "--fused"), tmp_path, "fused or keep_keys")


def test_keys_are_taken_over_where_the_command_line_says_so(tiny_folder: Path, tmp_path: Path) -> None:
    def steered(*options: object) -> np.ndarray:
        result = moft_cli("steer", "--model", tiny_folder, *PROMPT, *LEFT, "-o", tmp_path / "a.mp4", *options)
        assert result.exit_code == 0, result.output
        return moft.read_video(tmp_path / "a.mp4")

    free, kept = steered(), steered("--keep-keys", 1)
    assert json.loads((tmp_path / "a.json").read_text())["settings"]["keep_keys"] == 1
    assert not np.array_equal(free, kept)


def test_a_failing_run_leaves_no_files(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise BackboneError("broken\nin \x1b[31m two lines")

    monkeypatch.setattr("moft.runs.steered.sample", fail)
    result = moft_cli("steer", "--model", tiny_folder, *PROMPT, *LEFT, "-o", tmp_path / "a.mp4")
    left_nothing(result, tmp_path, "broken in")
    assert "\x1b" not in result.stderr


def test_what_the_pipeline_refuses_is_one_line(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moft.feature.model.clip_size", lambda *_: ClipSize(8, 36, 64))
    result = moft_cli("steer", "--model", tiny_folder, *PROMPT, *LEFT, "-o", tmp_path / "a.mp4")
    left_nothing(result, tmp_path, "AnimateDiffPipeline refused", "36")


@pytest.mark.parametrize("broken", [".plain", ".json"])
def test_a_failing_write_leaves_the_older_files(
    tmp_path: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = np.zeros((2, 16, 16, 3), np.uint8)
    clips: dict[str, Any] = {"": video, ".plain": video, ".compare": video}
    (tmp_path / "a.mp4").write_text("older")
    if broken == ".plain":
        clips[".plain"] = video[:0]
        expected: type[Exception] = moft.MediaError
    else:
        monkeypatch.setattr(Path, "write_text", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
        expected = moft.MediaError
    with pytest.raises(expected):
        save.write_all(tmp_path / "a.mp4", clips, {})
    assert os.listdir(tmp_path) == ["a.mp4"] and (tmp_path / "a.mp4").read_bytes() == b"older"


def test_numbers_that_json_has_not_become_null(tmp_path: Path) -> None:
    video = np.zeros((2, 16, 16, 3), np.uint8)
    clips = {"": video, ".plain": video, ".compare": video}
    record = save.write_all(tmp_path / "a.gif", clips, {"losses": [float("nan"), float("inf"), 1.0]})
    assert record["losses"] == [None, None, 1.0]
    assert json.loads((tmp_path / "a.json").read_text()) == record
