"""`moft replay`: the same frames, and what is told where they cannot be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program import mask, moft_cli, refused

import moft
from moft.feature.statistics import STATISTICS_FILE
from moft.media.files import file_digest
from moft.request.like import Like
from moft.runs.recipe import Recipe, read_recipe


def saved(path: Path, data: object) -> Path:
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize("name", ["left.compare.mp4", "left.json"])
def test_replay_makes_the_same_frames(steered: Path, tmp_path: Path, name: str) -> None:
    result = moft_cli("replay", steered / name, "-o", tmp_path / "again.mp4")
    assert result.exit_code == 0, result.output
    assert "identical: yes" in result.stdout and "warning" not in result.stderr
    for kind in ("", ".plain", ".compare"):
        assert (tmp_path / f"again{kind}.mp4").read_bytes() == (steered / f"left{kind}.mp4").read_bytes()
    assert read_recipe(tmp_path / "again.json") == read_recipe(steered / "left.json")


def test_replay_computes_on_as_many_threads_as_were_used(data: dict[str, Any], tmp_path: Path) -> None:
    import torch

    here = torch.get_num_threads()
    data["threads"] = here + 1
    assert moft_cli("replay", saved(tmp_path / "r.json", data), "-o", tmp_path / "again.gif").exit_code == 0
    assert read_recipe(tmp_path / "again.gif").threads == here + 1 and torch.get_num_threads() == here


def test_a_replay_that_comes_out_otherwise_says_so(data: dict[str, Any], tmp_path: Path) -> None:
    data["seed"] = 4
    result = moft_cli("replay", saved(tmp_path / "r.json", data), "-o", tmp_path / "again.gif")
    assert result.exit_code == 0 and "identical: no" in result.stdout
    assert "warning: the frames are not those of the original" in result.stderr


def test_replay_warns_of_other_versions_models_and_channels(data: dict[str, Any], tmp_path: Path) -> None:
    data["versions"] |= {"torch": "1.0", "gone": "2"}
    data["model_digest"] = data["channels_digest"] = "sha256:" + "0" * 64
    result = moft_cli("replay", saved(tmp_path / "r.json", data), "-o", tmp_path / "again.mp4", "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["identical"] is True
    lines = result.stderr.splitlines()
    for start in (
        "made with torch 1.0,",
        "made with gone 2, replayed with nothing",
        "model: expected sha256:000",
        "channels: expected sha256:000",
    ):
        assert any(line.startswith(f"warning: {start}") for line in lines), lines


def test_replay_of_several_requests_is_exact(tiny_folder: Path, tmp_path: Path) -> None:
    """With a folder of masks, a clip region to region, a course over time and a retry; and from another
    place."""
    made, moved = tmp_path / "made", tmp_path / "moved"
    (made / "masks").mkdir(parents=True)
    for i in range(4):
        mask(made / "masks" / f"{i}.png", 16 + 4 * i)
    noise = np.random.default_rng(0).integers(0, 255, (64, 84, 3), np.uint8)
    moft.write_video(made / "clip.mp4", np.stack([noise[:, 20 - 2 * i : 84 - 2 * i] for i in range(10)]))
    options = (
        "--motion",
        "left 2px",
        "--region",
        made / "masks",
        "--ease",
        "in-out",
        "--span",
        "0,75%",
        "--like",
        made / "clip.mp4",
        "--region",
        "rest",
        "--like-region",
        "box:0,0,50%,100%",
        "--per-position",
        "--retry",
        1,
    )
    result = moft_cli(
        "steer",
        "--model",
        tiny_folder,
        "--prompt",
        "a ball",
        "--steps",
        4,
        *options,
        "-o",
        made / "a.gif",
        "--json",
    )
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert set(record["inputs"]) == {str(made / "masks"), str(made / "clip.mp4")}
    assert any("4 masks spread over 8 frames" in line for line in record["notes"])
    assert any("10 frames resampled to 8" in line for line in record["notes"])
    made.rename(moved)
    result = moft_cli("replay", moved / "a.gif", "-o", tmp_path / "b.gif")
    assert result.exit_code == 0, result.output
    assert "identical: yes" in result.stdout and (moved / "a.gif").read_bytes() != b""
    assert np.array_equal(moft.read_video(moved / "a.gif"), moft.read_video(tmp_path / "b.gif"))
    mask(moved / "masks" / "2.png", 5)
    refused(
        moft_cli("replay", moved / "a.gif", "-o", tmp_path / "c.gif"), "masks", "another file of that name"
    )


def test_what_is_said_behind_a_file_stays_with_it_in_another_place(
    data: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"a")
    (tmp_path / "m.png").write_bytes(b"b")
    names = {"gone/clip.mp4": "clip.mp4", "gone/m.png": "m.png"}
    requests = (
        Like("gone/clip.mp4#mover", region="gone/m.png#2"),
        Like("gone/clip.mp4", region="rest", like_region="gone/m.png"),
    )
    inputs = {name: file_digest(str(tmp_path / here)) for name, here in names.items()}
    found = replace(Recipe.from_json(data), requests=requests, inputs=inputs).located(tmp_path)
    clip, mask = (str(tmp_path / here) for here in names.values())
    assert found.requests == (
        Like(f"{clip}#mover", region=f"{mask}#2"),
        Like(clip, region="rest", like_region=mask),
    )
    assert set(found.inputs) == {clip, mask}


def test_replay_finds_a_clip_beside_the_recipe_and_its_own_channels(
    tiny_folder: Path, tiny_statistics: moft.Statistics, tmp_path: Path
) -> None:
    made, moved = tmp_path / "made", tmp_path / "moved"
    made.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (64, 84, 3), np.uint8)
    moft.write_video(made / "clip.mp4", np.stack([noise[:, 20 - 2 * i : 84 - 2 * i] for i in range(10)]))
    mask(made / "mask.png", 32)
    tiny_statistics.save(made / "found.safetensors")
    options = (
        "--like",
        made / "clip.mp4",
        "--region",
        made / "mask.png",
        "--channels",
        made / "found.safetensors",
    )
    result = moft_cli(
        "steer", "--model", tiny_folder, "--prompt", "a ball", "--steps", 4, *options, "-o", made / "a.webm"
    )
    assert result.exit_code == 0, result.output
    made.rename(moved)
    result = moft_cli("replay", moved / "a.webm", "-o", moved / "b.webm")
    assert result.exit_code == 0, result.output
    assert "identical: yes" in result.stdout
    assert np.array_equal(moft.read_video(moved / "a.webm"), moft.read_video(moved / "b.webm"))
    assert set(read_recipe(moved / "b.webm").inputs) == {
        str(p) for p in moved.iterdir() if p.stem in ("clip", "mask", "found")
    }
    (moved / "found.safetensors").unlink()
    refused(moft_cli("replay", moved / "a.webm", "-o", tmp_path / "c.webm"), "found.safetensors")
    result = moft_cli(
        "replay", moved / "a.webm", "--channels", tiny_folder / STATISTICS_FILE, "-o", moved / "b.webm"
    )
    assert "identical: yes" in result.stdout, result.output  # the same numbers from another place


@pytest.mark.parametrize(("option", "name"), [("--keep-keys", "keep_keys"), ("--carry", "carry")])
def test_replay_of_a_steered_real_clip_is_exact_wherever_the_clip_went(
    tiny_folder: Path, tmp_path: Path, option: str, name: str
) -> None:
    made, moved = tmp_path / "made", tmp_path / "moved"
    made.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (64, 84, 3), np.uint8)
    moft.write_video(made / "clip.mp4", np.stack([noise[:, 20 - 2 * i : 84 - 2 * i] for i in range(10)]))
    options = (
        "--video",
        made / "clip.mp4",
        "--motion",
        "up",
        "--region",
        "box:0,0,50%,100%",
        option,
        0.5,
        "--steps",
        4,
    )
    result = moft_cli("steer", "--model", tiny_folder, *options, "-o", made / "a.mp4", "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert (
        record["prompt"] == ""
        and record["video"] == str(made / "clip.mp4")
        and record["settings"][name] == 0.5
    )
    assert (
        set(record["inputs"]) == {str(made / "clip.mp4")} and "10 frames resampled to 8" in record["notes"][0]
    )
    clip = moft.read_video(made / "clip.mp4", size=(64, 64))[[0, 1, 3, 4, 5, 6, 8, 9]]
    plain = moft.read_video(made / "a.plain.mp4")
    lossy = 10 * np.log10(
        255**2 / np.square(clip.astype(float) - plain).mean()
    )  # but for mp4, which loses a little
    assert record["reconstruction"] == pytest.approx(lossy, abs=1)
    made.rename(moved)
    result = moft_cli("replay", moved / "a.mp4", "-o", tmp_path / "b.mp4")
    assert result.exit_code == 0 and "identical: yes" in result.stdout, result.output
    assert f"PSNR of {record['reconstruction']:.1f} dB" in result.stdout
    assert "steered clip" in moft_cli("info", tmp_path / "b.mp4").stdout
    (moved / "clip.mp4").unlink()
    refused(moft_cli("replay", moved / "a.mp4", "-o", tmp_path / "c.mp4"), "clip.mp4", "no such file")
