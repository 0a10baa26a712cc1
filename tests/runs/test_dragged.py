"""`moft drag`: what it writes, what it says, and that it refuses in one line and leaves nothing behind."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program import moft_cli

import moft
from moft.cli.options import points_of
from moft.errors import RequestError
from moft.metrics.tracks import Tracks
from moft.request.drag import Drag
from moft.runs.dragged import ARRIVED, LOST, STAYED, TRACKED, WANTED, arrivals, drawn
from moft.runs.recipe import read_recipe

POINTS = ["--point", "20,32:34,32", "--point", "52,12"]
SCENE = ["drag", "--prompt", "green cells", "--steps", "5"]


@pytest.fixture(scope="module")
def ran(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One run: its folder, its result, and its record."""
    folder = tmp_path_factory.mktemp("dragged")
    result = moft_cli(*SCENE, "--model", tiny_folder, *POINTS, "-o", folder / "a.mp4", "--json")
    assert result.exit_code == 0, result.output
    return folder, result, json.loads((folder / "a.json").read_text())


def test_it_writes_three_clips_and_a_record_and_nothing_else(ran: Any) -> None:
    folder, result, record = ran
    assert sorted(os.listdir(folder)) == ["a.compare.mp4", "a.json", "a.mp4", "a.plain.mp4"]
    assert json.loads(result.stdout) == record
    assert moft.read_video(folder / "a.mp4").shape == (8, 64, 64, 3)
    assert moft.read_video(folder / "a.compare.mp4").shape[1:3] == (
        256,
        2 * 256 + 4,
    )  # enlarged, to see the points


def test_the_record_tells_wanted_and_tracked_ways_and_how_far_apart_they_are(ran: Any) -> None:
    _, _, record = ran
    moves, stays = record["points"]
    assert moves["wanted"] == [[20 + 2 * i, 32] for i in range(8)] and moves["length_px"] == 14
    assert stays["wanted"] == [[52, 12]] * 8 and stays["dragged"]["distance"] is None
    for name in ("plain", "dragged"):
        apart = np.linalg.norm(np.array(moves[name]["track"]) - moves["wanted"], axis=-1)
        assert apart[0] == 0 and moves[name]["distance_px"] == pytest.approx(apart[1:].mean())
        assert moves[name]["distance"] == record["distance"][name] == pytest.approx(apart[1:].mean() / 14)
    assert moves["plain"]["track"] != moves["dragged"]["track"]
    assert [step["step"] for step in record["losses"]] == [1, 1, 2, 3] and record["seed"] == 0


@pytest.mark.parametrize("name", ["a.mp4", "a.plain.mp4", "a.compare.mp4", "a.json"])
def test_every_file_of_a_drag_carries_its_recipe(ran: Any, tiny_folder: Path, name: str) -> None:
    recipe = read_recipe(ran[0] / name)
    assert recipe.requests == (Drag((((20, 32), (34, 32)), ((52, 12),))),)
    assert (
        recipe.scene.prompt == "green cells" and recipe.scene.steps == 5 and recipe.model == str(tiny_folder)
    )
    assert recipe.frames_digest is not None and recipe == read_recipe(ran[0] / "a.json")


@pytest.mark.parametrize(
    ("name", "again"), [("a.compare.mp4", "b.mp4"), ("a.json", "b.gif"), ("a.mp4", "b.webm")]
)
def test_replay_makes_the_same_dragged_frames_in_any_format(
    ran: Any, tmp_path: Path, name: str, again: str
) -> None:
    result = moft_cli("replay", ran[0] / name, "-o", tmp_path / again)
    assert result.exit_code == 0, result.output
    assert "identical: yes, every frame" in result.stdout and "point 1:   20,32 to 34,32" in result.stdout
    if again == "b.mp4":
        for kind in ("", ".plain", ".compare"):
            assert (tmp_path / f"b{kind}.mp4").read_bytes() == (ran[0] / f"a{kind}.mp4").read_bytes()
    assert read_recipe(tmp_path / again) == read_recipe(ran[0] / "a.mp4")


def test_replay_tells_frames_that_are_others(ran: Any, tmp_path: Path) -> None:
    record = json.loads((ran[0] / "a.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps(record | {"seed": 1}))
    result = moft_cli("replay", tmp_path / "a.json", "-o", tmp_path / "b.mp4")
    assert "identical: no" in result.stdout and "the frames are not those of the original" in result.stderr


def test_info_says_what_was_dragged(ran: Any) -> None:
    shown = " ".join(moft_cli("info", ran[0] / "a.mp4").stdout.split())
    assert "asked drag 20,32 to 34,32; 52,12 to stay" in shown and "prompt green cells" in shown


def test_a_point_arrives_by_a_bound_on_how_far_off_it_is_on_average() -> None:
    wanted = np.stack([np.linspace((20.0, 32.0), (34, 32), 8), np.full((8, 2), 50.0)])

    def arrived(off: float, drift: float) -> list[bool]:
        points = wanted.copy()
        points[0, 1:, 1] += off
        points[1, 1:, 0] += drift
        tracks = Tracks(points, np.ones((2, 8), bool), 64, 64)
        return [arrival.arrived for arrival in arrivals(wanted, tracks, tracks, 64)]

    assert (ARRIVED, STAYED) == (0.3, 0.05)  # of 14 px, and of 64
    assert arrived(0, 0) == arrived(4.1, 3.1) == [True, True]
    assert arrived(4.3, 3.1) == [False, True] and arrived(4.1, 3.3) == [True, False]


def test_retries_try_other_seeds_and_keep_the_best(tiny_folder: Path, tmp_path: Path) -> None:
    """A random model drags nothing; the seed that is kept is the recipe's, so a replay is exact."""
    points = ["--point", "10,10:50,50", "--retry", "2"]
    result = moft_cli(*SCENE, "--model", tiny_folder, *points, "-o", tmp_path / "a.mp4")
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "a.json").read_text())
    tries = record["tries"]
    assert [one["seed"] for one in tries] == [0, 1, 2] and not record["arrived"]
    assert all(one["settings"] == record["settings"] for one in tries)
    least = min(range(3), key=lambda i: tries[i]["points"][0]["distance_px"])
    assert record["kept"] == least and record["seed"] == least
    assert (
        f"Kept: {least + 1} of 3" in result.stdout
        and "try:" in result.stdout
        and "another --radius" in result.stdout
    )
    assert record["frames_digest"] == read_recipe(tmp_path / "a.mp4").frames_digest
    again = moft_cli("replay", tmp_path / "a.mp4", "-o", tmp_path / "b.mp4")
    assert "identical: yes, every frame" in again.stdout and "warning" not in again.stderr


def test_it_says_how_each_point_fared(tiny_folder: Path, tmp_path: Path) -> None:
    result = moft_cli(*SCENE, "--model", tiny_folder, *POINTS, "-o", tmp_path / "b.gif")
    assert result.exit_code == 0, result.output
    assert (
        "point 1:   20,32 to 34,32; came to" in result.stdout
        and "point 2:   52,12 to stay; came to" in result.stdout
    )
    assert "of the wanted way off on average" in result.stdout and "b.compare.gif" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--point", "12;30"], "expected a point as x,y:x,y"),
        (["--point", "1,2:"], "expected a point as x,y:x,y"),
        (["--point", "nan,2"], "point 1: expected one or more positions"),
        (
            ["--point", "1,2", "--point", "20,30:64,30"],
            "point 2: expected positions inside the picture of 64 x 64 px",
        ),
        (["--point", ":".join(["5,5"] * 9)], "point 1: expected 1 to 8 positions"),
        ([*POINTS, "-o", "a.txt"], "expected a name ending in .mp4"),
    ],
)
def test_it_refuses_in_one_line_and_leaves_nothing(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = moft_cli(*SCENE, "--model", tiny_folder, *arguments)
    assert result.exit_code == 2 and said in result.stderr and result.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_points_are_read_from_texts() -> None:
    assert points_of(["12,30:40.5,30", "50,50"]) == (((12, 30), (40.5, 30)), ((50, 50),))
    with pytest.raises(RequestError, match="write 12,30:40,30"):
        points_of(["12,30:40"])


def test_wanted_and_tracked_points_are_drawn_where_they_are() -> None:
    """On black, four times enlarged: a pixel's centre (x, y) comes to (4 x + 2, 4 y + 2)."""
    wanted = np.array([[[10.0, 10.0], [20.0, 10.0]]])
    tracks = Tracks(np.array([[[10.0, 30.0], [40.0, 30.0]]]), np.array([[True, False]]), 64, 64)
    found = drawn(np.zeros((2, 64, 64, 3), np.uint8), wanted, tracks)
    assert found.shape == (2, 256, 256, 3)
    assert tuple(found[0, 122, 42]) == TRACKED and tuple(found[1, 122, 162]) == LOST
    assert tuple(found[0, 42, 62]) == tuple(found[1, 42, 62]) == WANTED  # the way, in the middle
    ring = (found == WANTED).all(-1)
    assert ring[0, 30:36, 42].any() and not ring[0, 30:36, 82].any() and ring[1, 30:36, 82].any()
