"""Tracks of clips whose motion is known because it was drawn."""

import math

import cv2
import numpy as np
import pytest
from drawn import carried, noise, pan

from moft.errors import RequestError
from moft.metrics.tracks import Tracks, field_at, flow_tracks, follow, tap_vid


def true_tracks(found: Tracks, positions: list[tuple[float, float]]) -> Tracks:
    """Where the points of `found` go if all content is at `positions`, and whether that is in the picture."""
    points = found.points[:, :1] + np.array(positions)
    inside = ((points >= -0.5) & (points < (found.width - 0.5, found.height - 0.5))).all(-1)
    return Tracks(points, inside, found.height, found.width)


@pytest.mark.parametrize(
    "positions",
    [
        [(0, 0)] * 6,
        [(2 * i, -i) for i in range(6)],
        [(3 * math.sin(i), 3 * math.cos(i) - 3) for i in range(6)],
        [(0, 0), (4, 0), (0, 0), (4, 0)],
    ],
    ids=["still", "pan", "turning", "there and back"],
)
def test_tracks_stay_on_the_drawn_content(positions: list[tuple[float, float]]) -> None:
    found = flow_tracks(carried(noise(), positions))
    scored = tap_vid(found, true_tracks(found, positions))
    # 64 px are four times coarser than TAP-Vid's 256, so its smallest bound is a quarter of a pixel here.
    assert scored.position > 0.85 and scored.jaccard > 0.75 and scored.occlusion > 0.9


def test_the_same_tracks_are_perfect_and_wrong_ones_are_not() -> None:
    found = flow_tracks(pan((2, 0)))
    assert tap_vid(found, found) == (1, 1, 1)
    away = Tracks(found.points + [0, 32], found.seen, 64, 64)
    moved = tap_vid(away, found)
    assert moved.position == moved.jaccard == 0 and moved.occlusion == 1


def test_tap_vid_counts_as_its_paper_does() -> None:
    """One point, two frames to judge in a 256 px picture: 3 px off and seen, then exact and missed."""
    true = Tracks(np.zeros((1, 3, 2)), np.ones((1, 3), bool), 256, 256)
    found = Tracks([[[0, 0], [3, 0], [0, 0]]], [[True, True, False]], 256, 256)
    scored = tap_vid(found, true)
    assert scored.position == pytest.approx((0.5 * 2 + 1 * 3) / 5)  # within 1 and 2 px: one of two
    assert scored.occlusion == 0.5
    assert scored.jaccard == pytest.approx(
        (0 / 3 * 2 + 1 / 2 * 3) / 5
    )  # seen in the wrong place counts twice


def test_a_point_that_leaves_or_is_covered_is_lost_for_good() -> None:
    found = flow_tracks(pan((4, 0), 8))
    x = found.points[:, 0, 0]
    assert found.seen[x < 30].mean() > 0.9 and not found.seen[x > 40, -1].any()
    assert (np.diff(found.seen.astype(int), axis=1) <= 0).all()
    back = flow_tracks(carried(noise(), [(0, 0), (6, 0), (0, 0), (0, 0)])).seen.reshape(32, 32, 4)
    assert back[8:24, :24].mean() > 0.9 and not back[8:24, 29:, 2:].any()
    video = pan((0, 0), 4)
    video[2, 16:48, 16:48] = noise(9)[:32, :32]  # something else for one frame
    seen = flow_tracks(video).seen[:, -1].reshape(32, 32)
    assert seen[9:23, 9:23].mean() < 0.4 and seen[:6].mean() > 0.9


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"), [(64, 64, 32, 32), (16, 40, 32, 80), (64, 48, 43, 32)]
)
def test_the_grid_is_centred_and_even_at_any_shape(height: int, width: int, rows: int, columns: int) -> None:
    first = flow_tracks(np.zeros((2, height, width, 3), np.uint8)).points[:, 0]
    assert len(first) == rows * columns
    assert first.mean(axis=0) == pytest.approx(((width - 1) / 2, (height - 1) / 2))
    assert first.min() > -0.5 and first[0] == pytest.approx(
        (width / columns / 2 - 0.5, height / rows / 2 - 0.5)
    )


def test_flow_is_read_between_pixels_as_opencv_reads_it() -> None:
    rng = np.random.default_rng(0)
    field, at = rng.normal(size=(9, 14, 2)), rng.uniform(-3, 16, (200, 2))
    expected = cv2.remap(
        field, at[None].astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )[0]
    assert field_at(field, at) == pytest.approx(expected, abs=0.15)  # OpenCV's places are 1/32 px apart
    corners = np.array([[0.0, 0], [13, 8], [5, 3], [-9, 99]])
    assert field_at(field, corners).tolist() == [
        field[0, 0].tolist(),
        field[8, 13].tolist(),
        field[3, 5].tolist(),
        field[8, 0].tolist(),
    ]


def test_a_cut_loses_nearly_all_points() -> None:
    blocks = (
        np.random.default_rng(0)
        .integers(0, 255, (20, 40, 3))
        .astype(np.uint8)
        .repeat(4, 0)
        .repeat(4, 1)[:64, :64]
    )
    assert flow_tracks(np.stack([blocks, 255 - blocks[::-1]])).seen[:, 1].mean() < 0.2


def test_a_blank_clip_stands_still() -> None:
    found = flow_tracks(np.full((4, 32, 32, 3), 128, np.uint8))
    assert found.seen.all() and np.abs(found.steps).max() < 1e-6


def test_steps_are_in_shorter_sides_and_known_between_two_seen_frames() -> None:
    tracks = Tracks([[[0, 0], [32, 0], [32, 16]]], [[True, True, False]], 64, 128)
    assert tracks.steps.tolist() == [[[0.5, 0], [0, 0.25]]]
    assert tracks.known.tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("points", "seen"),
    [
        (np.zeros((2, 3, 2)), np.ones((3, 2), bool)),
        (np.zeros((2, 1, 2)), np.ones((2, 1), bool)),
        (np.zeros((2, 3, 3)), np.ones((2, 3), bool)),
        (np.full((2, 3, 2), np.nan), np.ones((2, 3), bool)),
    ],
)
def test_tracks_of_the_wrong_kind_are_refused(points: np.ndarray, seen: np.ndarray) -> None:
    with pytest.raises(RequestError, match="expected"):
        Tracks(points, seen, 64, 64)


def test_clips_that_cannot_be_tracked_are_refused() -> None:
    for video in (np.zeros((1, 64, 64, 3), np.uint8), np.zeros((3, 8, 8, 3), np.uint8)):
        with pytest.raises(RequestError, match="frames >= 2"):
            flow_tracks(video)
    with pytest.raises(RequestError, match="across"):
        flow_tracks(pan((1, 0)), across=0)
    with pytest.raises(RequestError, match="same points"):
        tap_vid(flow_tracks(pan((1, 0)), 8), flow_tracks(pan((1, 0)), 9))


def test_chosen_points_are_followed_wherever_they_are() -> None:
    points = np.array([[20.0, 20.0], [30.25, 40.5]])
    found = follow(carried(noise(), [(2 * i, -i) for i in range(6)]), points)
    wanted = points[:, None] + np.array([(2 * i, -i) for i in range(6)])
    assert found.seen.all() and np.abs(found.points - wanted).max() < 0.5
    for wrong in (points[0], points[..., :1]):
        with pytest.raises(RequestError, match="expected points"):
            follow(carried(noise(), [(0, 0)] * 2), wrong)
