"""What a camera's path makes of a still scene: pans, zooms, parallax, and what hides behind something."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import moft
from moft.field.files.cameras import FARTHEST, read_depth, read_views
from moft.field.views import Views, field_of_views, tracks_of_views

H, W, F = 48, 64, 5
LENS, MIDDLE = np.array([W / W, W / H]), np.array([0.5, 0.5])  # a focal length of the longer side
FLAT = np.full((H, W), 4.0)


def views(*moves: tuple[float, float, float], turn: float = 0.0) -> Views:
    """A camera that goes by these steps, and turns to the right by so many radians, from frame to frame."""
    poses = []
    for i in range(F):
        at = np.array(moves[0]) * i
        c, s = np.cos(turn * i), np.sin(turn * i)
        rotation = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
        poses.append(np.concatenate([rotation, (-rotation @ at)[:, None]], 1))
    return Views(np.stack(poses), LENS, MIDDLE)


def steps(depth: np.ndarray, seen: Views) -> np.ndarray:
    """px a frame, and NaN where that is not known."""
    found = field_of_views(depth, seen)
    sure = np.minimum(found.weight[1:], found.weight[:-1]) > 0.5
    return np.where(sure[..., None], found.steps * H, np.nan)


def test_a_camera_that_goes_aside_is_a_pan() -> None:
    found = steps(FLAT, views((0.1, -0.05, 0)))  # all goes the other way, by focal · way / depth
    assert np.isfinite(found).mean() > 0.95
    assert np.nanmean(found, (0, 1, 2)) == pytest.approx([-1.6, 0.8], abs=1e-3)
    assert np.nanstd(found, (0, 1, 2)) == pytest.approx([0, 0], abs=1e-3)


def test_a_camera_that_turns_is_a_pan_whatever_the_depth() -> None:
    near, far = (steps(depth, views((0, 0, 0), turn=0.02)) for depth in (FLAT, 100 * FLAT))
    np.testing.assert_allclose(near, far, atol=1e-6)
    assert np.nanmedian(near[..., 0]) == pytest.approx(-0.02 * W, rel=0.1)


def test_a_camera_that_comes_nearer_is_a_zoom() -> None:
    found = steps(FLAT, views((0, 0, 0.1)))
    rows, columns = found.shape[1:3]
    x = (np.arange(columns) + 0.5) * W / columns - W / 2
    assert found[0, rows // 2, :, 0] == pytest.approx(x * (4 / 3.9 - 1), abs=0.03)


def test_what_is_near_goes_further_and_hides_what_is_behind() -> None:
    depth = FLAT.copy()
    depth[12:36, 24:40] = 2.0
    seen = views((0.15, 0, 0))
    found = steps(depth, seen)
    rows, columns = found.shape[1:3]
    assert found[0, rows // 2, columns // 2, 0] == pytest.approx(-0.15 * W / 2, rel=0.1)
    assert found[0, 3, 3, 0] == pytest.approx(-0.15 * W / 4, rel=0.1)
    tracks = tracks_of_views(depth, seen)
    away = tracks.points[:, 0] - [19, 24]  # at last at 9, and the near thing from 5 to 21
    behind = (np.abs(away) < [2, 8]).all(1) & tracks.visible[:, 0]
    assert behind.sum() > 5 and not tracks.visible[behind, -1].any()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (dict(poses=np.zeros((4, 4))), "expected poses"),
        (dict(poses=np.zeros((3, 3, 4))), "expected a rotation"),
        (dict(poses=np.tile(2 * np.eye(4)[:3], (3, 1, 1))), "without a scale"),
        (dict(poses=np.tile(np.diag([1, 1, -1, 1.0])[:3], (3, 1, 1))), "expected a rotation"),
        (dict(poses=np.full((3, 3, 4), np.nan)), "expected finite poses"),
        (dict(focal=np.array([0.0, 1])), "expected focal lengths above 0"),
    ],
)
def test_other_paths_are_refused(change: dict[str, np.ndarray], match: str) -> None:
    good = dict(poses=np.tile(np.eye(4)[:3], (3, 1, 1)), focal=LENS, centre=MIDDLE)
    with pytest.raises(moft.RequestError, match=match):
        Views(**{**good, **change})


@pytest.mark.parametrize("depth", [np.zeros((H, W)), np.full((H, W), np.nan), np.ones((2, H, W)), -FLAT])
def test_other_depths_are_refused(depth: np.ndarray) -> None:
    with pytest.raises(moft.RequestError, match="expected (a depth|depths)"):
        field_of_views(depth, views((0.1, 0, 0)))


def test_a_path_that_leaves_at_once_is_refused() -> None:
    with pytest.raises(moft.RequestError, match="check the units"):
        field_of_views(FLAT, views((1000, 0, 0)))


def test_paths_and_depths_are_read_from_files(tmp_path: Path) -> None:
    seen = views((0.1, 0, 0))
    text, array, whole = (tmp_path / name for name in ("path.txt", "path.npy", "whole.npy"))
    rows = [
        " ".join(map(str, [i, *LENS, 0.5, 0.5, 0, 0, *pose.ravel()])) for i, pose in enumerate(seen.poses)
    ]
    text.write_text("https://example.org/clip\n" + "\n".join(rows) + "\n")
    np.save(array, seen.poses)
    np.save(whole, np.concatenate([seen.poses, np.tile([[[0, 0, 0, 1.0]]], (F, 1, 1))], 1))
    for path in (text, array, whole):
        found = read_views(path, (H, W))
        np.testing.assert_allclose(found.poses, seen.poses)
        np.testing.assert_allclose(found.focal, LENS)
    np.save(tmp_path / "depth.npy", FLAT[None])
    np.testing.assert_array_equal(read_depth(tmp_path / "depth.npy"), FLAT)
    from PIL import Image

    grey = np.zeros((H, W), np.uint8)
    grey[:, 32:], grey[:8] = 100, 200
    Image.fromarray(grey).save(tmp_path / "depth.png")
    found = read_depth(tmp_path / "depth.png")
    assert found[0, 0] == 1 and found[20, 40] == pytest.approx(2) and found[20, 10] == FARTHEST


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "expected a row a frame"),
        ("1 2 3\n4 5 6", "expected 19 numbers in row 1"),
        ("\n".join(["x" + " 1" * 18] * 2), "expected 19 numbers"),
        (
            "\n".join(f"{i} 1 {1 + i} 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 0" for i in range(2)),
            "expected one lens",
        ),
    ],
)
def test_other_files_are_refused(text: str, match: str, tmp_path: Path) -> None:
    path = tmp_path / "path.txt"
    path.write_text(text)
    with pytest.raises(moft.RequestError, match=match):
        read_views(path, (H, W))
