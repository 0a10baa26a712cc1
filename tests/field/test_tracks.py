"""Points become the field that they were carried by."""

from __future__ import annotations

import numpy as np
import pytest

from moft.errors import RequestError
from moft.field.field import Field
from moft.field.tracks import Tracks, field_of_tracks
from moft.request.motion import Motion
from moft.types import ClipSize

SIZE = ClipSize(6, 60, 90)
CENTRE = np.array([44.5, 29.5])


def grid(step: int = 10) -> np.ndarray:
    """Places (n 2) px all over the picture."""
    return (
        np.stack(np.meshgrid(np.arange(5, 90, step), np.arange(5, 60, step)), -1).reshape(-1, 2).astype(float)
    )


def carried(motion: Motion, start: np.ndarray) -> np.ndarray:
    """Where places (n 2) are taken, (n f 2)."""
    scale, path = np.array(motion.scale(SIZE)), np.array(motion.displacement(SIZE))
    return CENTRE + (start[:, None] - CENTRE) * scale[:, None] + path


def turned(start: np.ndarray, angle: float) -> np.ndarray:
    at = [start]
    for _ in range(SIZE.frames - 1):
        x, y = (at[-1] - CENTRE).T
        at.append(CENTRE + np.stack([x - angle * y, y + angle * x], -1))
    return np.stack(at, 1)


def all_seen(points: np.ndarray) -> np.ndarray:
    return np.ones(points.shape[:2], bool)


@pytest.mark.parametrize("text", ["right 2px", "up-left 1px", "zoom in 2%", "zoom out 2%"])
def test_points_all_over_say_what_carries_them(text: str) -> None:
    motion = Motion(text)
    points = carried(motion, grid())
    found = field_of_tracks(points, all_seen(points), SIZE)
    assert found.displacement.shape == (6, 43, 64, 2)
    wanted = Field.of_motion(motion, SIZE).resized(6, 43, 64)
    inner = (slice(None), slice(6, 37), slice(6, 58))
    assert np.linalg.norm(found.steps - wanted.steps, axis=-1)[inner].max() * 60 < 0.05
    assert found.weight[inner].min() > 0.7


def test_points_that_turn_say_a_turn() -> None:
    points = turned(grid(), 0.05)
    step = field_of_tracks(points, all_seen(points), SIZE).steps[0] * 60
    assert step[21, 54] == pytest.approx([0, 0.05 * (54.5 * 90 / 64 - 45)], abs=0.05)
    assert step[7, 32] == pytest.approx([-0.05 * (7.5 * 60 / 43 - 30), 0.03], abs=0.05)


def test_one_point_speaks_for_its_surroundings() -> None:
    points = 20 + 2.0 * np.arange(6)[None, :, None] * [1, 0]
    found = field_of_tracks(points, all_seen(points), SIZE)
    assert found.steps[0, 14, 14] * 60 == pytest.approx([2, 0], abs=1e-3)
    assert found.weight[0, 14, 14] > 0.95 and found.weight[0, 14, 34] < 0.1 and found.weight[0, 40, 60] < 1e-6
    late = found.weight[-1, 14]
    assert late.argmax() == pytest.approx((20 + 2 * 4) * 64 / 90, abs=1)  # it goes along with the point


def test_halves_that_go_apart_stay_apart_and_overshoot_little() -> None:
    start = grid()
    points = (
        start[:, None] + np.arange(6)[None, :, None] * np.where(start[:, :1] < 45, [-1, 0], [1, 0])[:, None]
    )
    step = field_of_tracks(points, all_seen(points), SIZE).steps * 60
    assert np.abs(step[..., 1]).max() < 1e-9 and np.abs(step).max() < 1.25
    assert step[:, :, :20, 0] == pytest.approx(-1, abs=0.15) and step[:, :, 44:, 0] == pytest.approx(
        1, abs=0.15
    )


def test_what_is_not_visible_counts_nothing_whatever_it_says() -> None:
    points = carried(Motion("right 2px"), grid())
    wrong, seen = points.copy(), all_seen(points)
    wrong[::3], seen[::3] = np.nan, False
    found = field_of_tracks(wrong, seen, SIZE)
    without = field_of_tracks(points[seen[:, 0]], seen[seen[:, 0]], SIZE)
    np.testing.assert_allclose(found.displacement, without.displacement)
    np.testing.assert_allclose(found.steps[0, 20, 30] * 60, [2, 0], atol=1e-3)


def test_a_point_that_is_lost_is_not_known_from_there_on() -> None:
    points = np.full((1, 6, 2), 30.0)
    seen = all_seen(points)
    seen[:, 3:] = False
    weight = field_of_tracks(points, seen, SIZE).weight[:, 21, 21]
    assert (weight[:3] > 0.9).all() and not weight[3:].any()


@pytest.mark.parametrize(
    ("points", "visible", "words"),
    [
        (np.zeros((3, 6)), np.ones((3, 6)), r"expected points \(n f 2\)"),
        (np.zeros((3, 1, 2)), np.ones((3, 1)), "f ≥ 2"),
        (np.zeros((0, 6, 2)), np.ones((0, 6)), "n ≥ 1"),
        (np.zeros((3, 6, 2)), np.ones((6, 3)), "visibility for each point and frame"),
        (np.full((3, 6, 2), np.nan), np.ones((3, 6)), "say that they are not visible"),
        (np.full((3, 6, 2), 1e7), np.ones((3, 6)), "within 1e[+]06 px"),
        (np.full((3, 6, 2), 9.0), np.eye(3, 6), "visible in two frames"),
        (np.full((3, 6, 2), 900.0), np.ones((3, 6)), "inside a picture of 90 x 60 px"),
        (np.full((3, 6, 2), 0.5), np.ones((3, 6)), "got all within 0…1"),
        (np.full((3, 7, 2), 9.0), np.ones((3, 7)), "points of 6 frames, got 7"),
        (np.zeros((2**14 + 1, 2, 2)), np.ones((2**14 + 1, 2)), "at most 16384 points"),
        (np.zeros((1, 2**10 + 1, 2)), np.ones((1, 2**10 + 1)), "in 1024 frames"),
        (np.zeros((2**11, 2**10, 2)), np.ones((2**11, 2**10)), "1048576 places"),
    ],
)
def test_what_are_no_tracks_is_refused(points: np.ndarray, visible: np.ndarray, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        field_of_tracks(points, visible, SIZE)


def test_tracks_say_how_many_frames_they_have() -> None:
    assert Tracks(np.zeros((3, 6, 2)), np.ones((3, 6), bool)).frames == 6
