"""The command line: what it writes, and that it refuses in one line and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import noise, photograph
from typer.testing import CliRunner

import moft
import moft.cli
from moft.cli.commands import app
from moft.errors import BackboneError, RequestError
from moft.feature.statistics import STATISTICS_FILE
from moft.known.filmed import filmed
from moft.metrics.quality import Encoder, Judge
from moft.models import size
from moft.runs import save
from moft.types import ClipSize

PROMPT = ["--prompt", "a red ball over blue stripes", "--steps", "5"]
FEW_STEPS = (
    "only 1 of 5 steps guided, so little may follow; "
    "run more steps, or ask for more of them with steps=(0, 1)"
)


def moft_cli(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def panned(path: Path, frames: int = 10) -> Path:
    """A clip whose content goes right by 2 px a frame."""
    noise = np.random.default_rng(0).integers(0, 255, (20, 40, 3)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    video = np.stack([noise[:64, 60 - 2 * i : 124 - 2 * i] for i in range(frames)])
    moft.write_video(path, video)
    return path


def mask(path: Path, left: int) -> Path:
    from PIL import Image

    picture = np.zeros((64, 64), np.uint8)
    picture[:, :left] = 255
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture(scope="module")
def steered(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One steered run: its folder, its result, and its record."""
    folder = tmp_path_factory.mktemp("steered")
    out = folder / "left.mp4"
    result = moft_cli(
        "steer", "--model", tiny_folder, *PROMPT, "--motion", "left", "--speed", "1.5px", "-o", out
    )
    assert result.exit_code == 0, result.output
    return folder, result, json.loads((folder / "left.json").read_text())


def test_steer_writes_three_clips_and_a_record_and_nothing_else(steered: Any) -> None:
    folder, _, record = steered
    assert sorted(os.listdir(folder)) == ["left.compare.mp4", "left.json", "left.mp4", "left.plain.mp4"]
    assert {Path(name).name for name in record["files"].values()} == set(os.listdir(folder))
    assert moft.read_video(folder / "left.mp4").shape == (8, 64, 64, 3)  # the model's own size
    assert moft.read_video(folder / "left.compare.mp4").shape[2] > 2 * 64


def test_the_record_says_all_that_is_needed_to_repeat_and_to_judge(steered: Any) -> None:
    _, _, record = steered
    assert record["requests"] == [{"direction": "left", "speed": "1.5px", "strength": 1.0}]
    assert record["seed"] == 0 and record["steps"] == 5 and record["size"]["frames"] == 8
    assert isinstance(record["followed"], bool) and record["notes"] == [FEW_STEPS]
    (part,) = record["outcome"]
    assert part["asked"] == "left at 1.5px a frame" and part["goal"] == record["requests"][0]
    for run in ("plain", "steered"):
        assert len(part[run]["motion"]["per_frame"]) == 7
        assert isinstance(part[run]["followed"], bool) and isinstance(part[run]["share"], float)
        assert record[run]["seconds"] > 0 and record[run]["peak_memory_mb"] > 0
    assert record["seconds_ratio"] == pytest.approx(record["steered"]["seconds"] / record["plain"]["seconds"])
    assert record["losses"] and all(len(step["losses"]) == 2 for step in record["losses"])
    assert {"moft", "torch", "diffusers", "python"} <= set(record["versions"])
    assert record["model"] and record["command"]


def test_the_summary_names_both_motions_the_verdict_and_the_files(steered: Any) -> None:
    _, result, record = steered
    for word in (
        "asked:",
        "left at 1.5px a frame",
        "plain:",
        "steered:",
        "followed:",
        *record["files"].values(),
    ):
        assert word in result.stdout


def test_the_same_seed_gives_the_same_clips(steered: Any, tiny_folder: Path, tmp_path: Path) -> None:
    folder, _, record = steered
    out = tmp_path / "left.mp4"
    arguments = (
        "steer",
        "--model",
        tiny_folder,
        *PROMPT,
        "--motion",
        "180",
        "--speed",
        "1.5px",
        "-o",
        out,
        "--json",
    )
    result = moft_cli(*arguments)
    again = json.loads(result.stdout)  # --json prints JSON alone
    assert again["outcome"][0]["steered"] == record["outcome"][0]["steered"]  # 180 degrees is left
    for name in ("left.mp4", "left.plain.mp4"):
        assert np.array_equal(moft.read_video(tmp_path / name), moft.read_video(folder / name))


def test_zero_strength_gives_the_plain_clip_and_another_seed_another(
    steered: Any, tiny_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.mp4"
    arguments = ("--motion", "up", "--strength", 0, "--seed", 1, "-o", out)
    result = moft_cli("steer", "--model", tiny_folder, *PROMPT, *arguments)
    assert result.exit_code == 0, result.output
    plain = moft.read_video(tmp_path / "a.plain.mp4")
    assert np.array_equal(moft.read_video(out), plain)
    assert not np.array_equal(moft.read_video(steered[0] / "left.plain.mp4"), plain)


def test_the_region_reaches_steering_and_measuring(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moft.steering.entry import steer

    seen: list[Any] = []

    def spy(*arguments: Any, **kwargs: Any) -> Any:
        seen.extend(kwargs["regions"])
        return steer(*arguments, **kwargs)

    monkeypatch.setattr("moft.runs.steered.steer", spy)
    region = mask(tmp_path / "mask.png", 32)
    arguments = (*LEFT, "--region", region, "-o", tmp_path / "a.mp4", "--json")
    record = json.loads(moft_cli("steer", "--model", tiny_folder, *PROMPT, *arguments).stdout)
    assert np.array_equal(seen[0], np.repeat([[1.0] * 32 + [0.0] * 32], 64, 0))
    assert record["outcome"][0]["plain"]["motion"]["outside"] and record["requests"][0]["region"] == str(
        region
    )


def test_like_records_the_clip_s_own_motion(tiny_folder: Path, tmp_path: Path) -> None:
    clip, region = panned(tmp_path / "clip.mp4"), mask(tmp_path / "mask.png", 32)
    arguments = ("--like", clip, "--region", region, "-o", tmp_path / "a.mp4")
    result = moft_cli("steer", "--model", tiny_folder, *PROMPT, *arguments)
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "a.json").read_text())
    (part,) = record["outcome"]
    x, y = part["reference"]["motion"]["inside"]
    assert x == pytest.approx(2 * 10 / 8, abs=0.4) and y == pytest.approx(0, abs=0.3)  # ten frames in eight
    assert part["goal"]["direction"] == pytest.approx(0, abs=10) or part["goal"]["direction"] > 350
    assert part["steered"]["motion"]["outside"] is not None
    assert record["notes"] == [f"{clip}: 10 frames resampled to 8, 1.2 times as fast", FEW_STEPS]
    assert record["notes"][0] in result.stdout
    assert record["requests"] == [{"like": str(clip), "region": str(region), "strength": 1.0}]


def test_a_field_is_followed_judged_recorded_and_replayed(tiny_folder: Path, tmp_path: Path) -> None:
    at = np.zeros((1, 12, 2, 2)) + np.array([[12, 20], [40, 44]])
    at[..., 0] += np.arange(12)[:, None]
    np.save(tmp_path / "a_tracks.npy", at)
    np.save(tmp_path / "a_visibility.npy", np.ones((1, 12, 2)))
    tracks, out = tmp_path / "a_tracks.npy", tmp_path / "a.mp4"
    result = moft_cli(
        "steer", "--model", tiny_folder, *PROMPT, "--field", tracks, "--region", "box:0,0,100%,50%", "-o", out
    )
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "a.json").read_text())
    (part,) = record["outcome"]
    assert part["goal"] is None and "reference" not in part
    assert {"cosine", "share", "by_place"} <= part["steered"]["agreement"].keys()
    assert "% of the field's motion, cosine" in result.stdout
    assert record["notes"][0] == f"{tracks}: 12 frames resampled to 8, 1.5 times as fast"
    assert set(record["inputs"]) == {str(tracks), str(tmp_path / "a_visibility.npy")}
    again = moft_cli("replay", out, "--model", tiny_folder, "-o", tmp_path / "b.mp4")
    assert again.exit_code == 0 and "identical: yes" in again.stdout, again.output
    np.save(tmp_path / "a_visibility.npy", np.zeros((1, 12, 2)))
    changed = moft_cli("replay", out, "--model", tiny_folder, "-o", tmp_path / "c.mp4")
    assert changed.exit_code == 2 and "a_visibility.npy" in changed.stderr


def steered_twice(folder: Path, out: Path, *options: object) -> tuple[Any, dict[str, Any]]:
    halves = (
        "--motion",
        "left 2px",
        "--region",
        "box:0,0,50%,100%",
        "--motion",
        "right 2px",
        "--region",
        "rest",
    )
    result = moft_cli("steer", "--model", folder, *PROMPT, *halves, "-o", out, *options)
    assert result.exit_code == 0, result.output
    return result, json.loads(out.with_suffix(".json").read_text())


def test_two_requests_are_each_measured_in_their_own_region(tiny_folder: Path, tmp_path: Path) -> None:
    result, record = steered_twice(tiny_folder, tmp_path / "a.mp4")
    first, second = record["outcome"]
    for run in ("plain", "steered"):
        assert first[run]["motion"]["inside"] == second[run]["motion"]["outside"]
    for words in (
        "1 asked:   left at 2px a frame, in box:0,0,50%,100%",
        "2 asked:   right at 2px a frame, in rest",
    ):
        assert words in result.stdout
    shown = moft_cli("info", tmp_path / "a.mp4").stdout
    assert "asked 1" in shown and "asked 2" in shown


def test_what_was_missed_is_said_with_what_to_try(tiny_folder: Path, tmp_path: Path) -> None:
    """An untrained model follows nothing: so each line is there."""
    result, record = steered_twice(tiny_folder, tmp_path / "a.mp4")
    assert record["followed"] is False and len(record["tries"]) == 1 and "tries:" not in result.stdout
    said = [line for line in result.stdout.splitlines() if line.startswith("followed:")]
    for line, part in zip(said, record["outcome"], strict=True):
        share, angle = part["steered"]["share"], part["steered"]["angle"]
        verdict = "yes" if part["steered"]["followed"] else "no"
        measured = f"followed:  {verdict}, {100 * share:.0f}% of what was asked, {angle:.0f} degrees off"
        assert line == measured or "was found again" in line  # noise is not, with some versions
    for words in (
        f"{sum('yes' in line for line in said)} of 2 requests followed",
        "try:",
        "step size 0.45 instead of 0.3",
        "--retry 4",
        "larger region",
        "seed 1",
    ):
        assert words in result.stdout


def test_retry_tries_that_keeps_the_best_and_lists_all(tiny_folder: Path, tmp_path: Path) -> None:
    result, record = steered_twice(tiny_folder, tmp_path / "a.mp4", "--retry", 4)
    tries = record["tries"]
    assert [one["change"] for one in tries] == [
        None,
        "step size 0.45 instead of 0.3",
        "guided up to 80% of the steps",
        "4 gradients a step",
        "seed 1",
    ]
    assert [one["settings"]["gradient_steps"] for one in tries] == [None, None, None, 4, 4] and tries[-1][
        "seed"
    ] == 1
    stood = [
        (
            sum(part["followed"] is True for part in one["steered"]),
            min(1.0, *(part["share"] for part in one["steered"])),
        )
        for one in tries
    ]
    assert stood[record["kept"]] == max(stood)
    kept = tries[record["kept"]]
    assert (
        record["seed"] == kept["seed"]
        and record["settings"] == kept["settings"]
        and record["followed"] == kept["followed"]
    )
    assert [part["steered"]["share"] for part in record["outcome"]] == [
        found["share"] for found in kept["steered"]
    ]
    assert f"Kept: {record['kept'] + 1} of 5" in result.stdout
    again = moft_cli("replay", tmp_path / "a.mp4", "-o", tmp_path / "b.mp4", "--json")
    assert json.loads(again.stdout)["identical"] is True


def test_a_retry_ends_when_all_is_followed(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([False, False, True])
    monkeypatch.setattr("moft.runs.running.overall", lambda _: next(found, True))
    _, record = steered_twice(tiny_folder, tmp_path / "a.mp4", "--retry", 9)
    assert len(record["tries"]) == 3


def test_a_file_of_requests_steers_as_options_do(tiny_folder: Path, tmp_path: Path) -> None:
    _, record = steered_twice(tiny_folder, tmp_path / "a.mp4")
    (tmp_path / "r.json").write_text(json.dumps(record["requests"]))
    arguments = (
        "steer",
        "--model",
        tiny_folder,
        *PROMPT,
        "--requests",
        tmp_path / "r.json",
        "-o",
        tmp_path / "b.mp4",
        "--json",
    )
    assert json.loads(moft_cli(*arguments).stdout)["frames_digest"] == record["frames_digest"]
    both = moft_cli(*arguments, "--motion", "left")
    assert both.exit_code == 2 and "expected --requests alone, got --motion too" in both.stderr


def test_a_folder_of_masks_is_never_written_into(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    mask(folder / "0.png", 32)
    result = moft_cli(
        "steer",
        "--model",
        tiny_folder,
        *PROMPT,
        "--motion",
        "left",
        "--region",
        folder,
        "-o",
        folder / "a.mp4",
    )
    assert result.exit_code == 2 and "is an input" in result.stderr and os.listdir(folder) == ["0.png"]


def refused(result: Any, folder: Path, *words: str) -> None:
    """Exit code 2, one line that names what is wrong, no traceback, no file."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr
    assert os.listdir(folder) == []


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
    refused(moft_cli("steer", *PROMPT, *arguments), tmp_path, *words)


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

    refused(steer(*LEFT, "--region", empty), tmp_path, "mask")
    refused(steer(*LEFT, "--region", given / "none.png"), tmp_path, "none.png")
    refused(steer("--like", hostile), tmp_path, "hostile.mp4")
    refused(steer("--like", short, "--like-frames", "0:4"), tmp_path, "3")
    refused(steer("--like", mask(given / "m.png", 32)), tmp_path, "m.png", "2 frames or more")
    refused(steer(*LEFT, "--region", "box:64,0,9,9"), tmp_path, "box:64,0,9,9", "inside the clip")
    refused(steer(*LEFT, "--motion", "right"), tmp_path, "request 1 and request 2", "whole frame")
    refused(steer(*LEFT, "--height", 38), tmp_path, "38")
    refused(steer(*LEFT, "--channels", empty), tmp_path, "empty.png")
    refused(steer("--like", short, "-o", short), tmp_path, "input")


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

    refused(steer("--video", clip, "--guidance-scale", 3), tmp_path, "without guidance", "leave these out")
    refused(steer("--video", clip, "--negative-prompt", "red"), tmp_path, "negative prompt")
    refused(steer("--video", given / "none.mp4"), tmp_path, "none.mp4")
    refused(steer("--video", mask(given / "m.png", 32)), tmp_path, "m.png", "2 frames or more")
    refused(steer("--video", clip, model=given / "euler"), tmp_path, "DDIM")
    refused(steer("--video", clip, "-o", clip), tmp_path, "input")
    refused(
        steer("--video", clip, "--frames", 5, model=image_model), tmp_path, "starts from an image", "--video"
    )
    refused(steer(*PROMPT, "--keep-keys", 0.5, "--fused"), tmp_path, "fused or keep_keys")


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
    refused(result, tmp_path, "broken in")
    assert "\x1b" not in result.stderr


def test_what_the_pipeline_refuses_is_one_line(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moft.feature.model.clip_size", lambda *_: ClipSize(8, 36, 64))
    result = moft_cli("steer", "--model", tiny_folder, *PROMPT, *LEFT, "-o", tmp_path / "a.mp4")
    refused(result, tmp_path, "AnimateDiffPipeline refused", "36")


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
    refused(moft_cli("channels", "--photos", tmp_path / "none"), tmp_path, "none", "folder")
    refused(moft_cli("channels", "--photos", tmp_path), tmp_path, "png")
    monkeypatch.setattr("moft.cli.channels.find_spec", lambda _: None)
    refused(moft_cli("channels"), tmp_path, "scikit-image", "--photos")


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


def test_score_refuses_weights_that_are_not_there_in_one_line(tmp_path: Path) -> None:
    clip = panned(tmp_path / "clip.mp4")
    for option in ("--encoder", "--musiq"):
        result = moft_cli("score", clip, clip, option, tmp_path / "nothing")
        assert result.exit_code == 2 and result.stdout == "" and result.stderr.count("\n") == 1
        assert result.stderr.startswith("error: expected ")


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


def test_the_demo_shows_both_runs_and_where_the_pictures_are(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import demo

    demo.main(str(tiny_folder), tmp_path)
    shown = capsys.readouterr().out
    assert shown.count("steered:") == 2 and "reference:" in shown
    for name in ("left.compare.gif", "like.compare.gif"):
        assert str(tmp_path / name) in shown
        assert moft.read_video(tmp_path / name).shape[1] > 192  # large enough to see


def test_the_demo_follows_a_photograph_that_turns(tmp_path: Path) -> None:
    import demo

    pytest.importorskip("sklearn")
    found = moft.measure(moft.read_video(demo.shown(tmp_path, moft.ClipSize(8, 64, 64))))
    assert found.named.startswith("turning")


def test_models_lists_every_family() -> None:
    from moft.models.families import FAMILIES

    shown = moft_cli("models").stdout
    for family in FAMILIES:
        assert family.name in shown


def test_models_as_json_says_what_each_starts_from() -> None:
    rows = {row["family"]: row for row in json.loads(moft_cli("models", "--json").stdout)}
    assert rows["Latte"]["pipelines"] == {"LattePipeline": "text"}
    assert rows["Mochi"]["frames_per_latent"] == 6


@pytest.fixture(scope="module")
def image_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny Stable Video Diffusion, which starts from an image, and its motion channels."""
    from steered import statistics_of
    from tiny import tiny

    folder = tmp_path_factory.mktemp("svd")
    tiny("svd").save_pretrained(folder)
    replace(statistics_of("svd"), made={"frames": 5}).save(folder / STATISTICS_FILE)
    return folder


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
        and len(record["losses"]) == 1
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


@pytest.mark.parametrize(
    "command", [(), ("steer",), ("replay",), ("info",), ("channels",), ("measure",), ("score",), ("models",)]
)
def test_every_help_has_an_example_and_the_convention(command: tuple[str, ...]) -> None:
    shown = " ".join(moft_cli(*command, "--help").stdout.split())
    assert "Example: moft " in shown
    assert "left = the picture content goes left (camera right)" in shown


def test_the_command_line_starts_without_anything_heavy() -> None:
    program = "import sys; sys.argv = ['moft', '--version']; from moft.cli import main; main()"
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == f"moft {moft.__version__}\n"
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"torch", "diffusers", "transformers", "av", "cv2", "numpy"}


def test_the_program_that_is_installed_is_this_one() -> None:
    from importlib.metadata import entry_points

    (program,) = entry_points(group="console_scripts", name="moft")
    assert program.load() is moft.cli.main
