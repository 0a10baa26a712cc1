"""What `moft steer` makes, writes and says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program import PROMPT, mask, moft_cli

import moft
import moft.cli

LEFT = ("--motion", "left")


def panned(path: Path, frames: int = 10) -> Path:
    """A clip whose content goes right by 2 px a frame."""
    noise = np.random.default_rng(0).integers(0, 255, (20, 40, 3)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    video = np.stack([noise[:64, 60 - 2 * i : 124 - 2 * i] for i in range(frames)])
    moft.write_video(path, video)
    return path


FEW_STEPS = (
    "only 1 of 5 steps guided, so little may follow; "
    "run more steps, or ask for more of them with steps=(0, 1)"
)


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
    assert isinstance(record["followed"], bool) and record["notes"] == []
    (part,) = record["outcome"]
    assert part["asked"] == "left at 1.5px a frame" and part["goal"] == record["requests"][0]
    for run in ("plain", "steered"):
        assert len(part[run]["motion"]["per_frame"]) == 7
        assert isinstance(part[run]["followed"], bool) and isinstance(part[run]["share"], float)
        assert record[run]["seconds"] > 0 and record[run]["peak_memory_mb"] > 0
    assert record["seconds_ratio"] == pytest.approx(record["steered"]["seconds"] / record["plain"]["seconds"])
    assert [len(step["losses"]) for step in record["losses"]] == [1, 1, 1]
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
        "left 5px",
        "--region",
        "box:0,0,50%,100%",
        "--motion",
        "right 5px",
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
        "1 asked:   left at 5px a frame, in box:0,0,50%,100%",
        "2 asked:   right at 5px a frame, in rest",
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
        "step size 0.45",
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
        "step size 0.45",
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
