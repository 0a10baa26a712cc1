"""A field drawn as arrows, and a picture carried along it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn import noise

from moft.errors import RequestError
from moft.field.arrows import COLOURS, ORANGE, TAIL, with_arrows, with_tracks
from moft.field.carried import carried
from moft.field.field import Field
from moft.field.tracks import Tracks
from moft.metrics.agreement import agreement
from moft.request.motion import Motion
from moft.types import ClipSize

SIZE = ClipSize(6, 64, 96)
PICTURE = cv2.resize(noise(2)[:256, :384], (96, 64), interpolation=cv2.INTER_AREA)


def field_of(text: str) -> Field:
    return Field.of_motion(Motion(text), SIZE)


def test_a_picture_that_is_carried_by_whole_px_is_itself_at_another_place() -> None:
    clip = carried(PICTURE, field_of("right 3px"))
    assert clip.shape == (6, 64, 96, 3) and clip.dtype == np.uint8 and np.array_equal(clip[0], PICTURE)
    for i, frame in enumerate(clip):
        np.testing.assert_allclose(frame[:, 3 * i :], PICTURE[:, : 96 - 3 * i].astype(int), atol=1)
        assert np.ptp(frame[:, : 3 * i].astype(int), axis=1).max() <= 1 if i else True  # edges are repeated


def test_a_zoom_is_that_of_the_picture_however_many_steps_it_takes() -> None:
    last = carried(PICTURE, field_of("zoom in 2%"))[-1]
    zoom = cv2.getRotationMatrix2D((47.5, 31.5), 0, 1.04**5)
    wanted = cv2.warpAffine(PICTURE, zoom, (96, 64), flags=cv2.INTER_CUBIC)
    assert np.abs(last.astype(int) - wanted)[4:-4, 4:-4].mean() < 1.5
    assert np.abs(PICTURE.astype(int) - wanted)[4:-4, 4:-4].mean() > 15


@pytest.mark.parametrize("text", ["up-left 1.5px", "zoom out 2%", "zoom in 2%"])
def test_what_is_carried_moves_as_the_field_says(text: str) -> None:
    field = field_of(text)
    found = agreement(carried(PICTURE, field), field.steps * SIZE.side)
    assert found.cosine > 0.97 and found.share == pytest.approx(1, abs=0.12)


def test_what_the_field_says_nothing_of_stays() -> None:
    left = np.zeros((64, 96), np.float32)
    left[:, :32] = 1
    clip = carried(PICTURE, field_of("down 2px").masked(left))
    assert np.array_equal(clip[-1][:, 40:], PICTURE[:, 40:])
    np.testing.assert_allclose(clip[-1][10:, :24], PICTURE[:-10, :24].astype(int), atol=1)


def arrows(video: np.ndarray) -> np.ndarray:
    """Where arrows are, (f h w)."""
    return np.asarray(np.abs(video.astype(int) - ORANGE).sum(-1) < 40)


def test_arrows_point_where_it_goes_and_are_only_where_it_says_so() -> None:
    grey = np.full((6, 64, 96, 3), 128, np.uint8)
    left = np.zeros((64, 96), np.float32)
    left[:, :48] = 1
    drawn = with_arrows(grey, field_of("right 2px").masked(left))
    assert drawn.shape == (6, 384, 576, 3)
    seen = arrows(drawn)
    assert seen[:, :, :280].any((1, 2)).all() and not seen[:, :, 296:].any()
    cell = np.abs(drawn[0, 144:180, 108:144].astype(int) - 176).max(-1) > 20  # one arrow and its outline
    assert cell[:, 18:].any(1).sum() > 1.3 * cell[:, :18].any(1).sum()  # its head is in front
    assert cell.any(0).sum() > 2 * cell.any(1).sum()


def test_what_stands_still_is_a_dot_and_what_is_faster_is_longer() -> None:
    steps = np.zeros((5, 64, 96, 2))
    steps[:, :, 32:64, 1], steps[:, :, 64:, 1] = 1 / 64, 2 / 64
    seen = arrows(with_arrows(np.full((6, 64, 96, 3), 128, np.uint8), Field.of_steps(steps)))[0]
    tall = [seen[180:216, x : x + 36].any(1).sum() for x in (72, 252, 468)]
    assert 0 < tall[0] < tall[1] / 2 and tall[1] < 0.7 * tall[2]


def test_tracks_are_drawn_where_points_are_and_came_from() -> None:
    points = np.array([[[10.0 + 4 * i, 20] for i in range(6)], [[10, 50] for _ in range(6)]])
    visible = np.array([[True] * 6, [True, True, False, False, True, True]])
    clip = np.zeros((6, 64, 96, 3), np.uint8)
    drawn = with_tracks(clip, Tracks(points, visible))
    assert np.array_equal(drawn, with_tracks(clip[:1], Tracks(points, visible)))
    factor = drawn.shape[1] // 64
    for n, colour in enumerate(COLOURS[:2]):
        for i in range(6):
            found = np.abs(drawn[i].astype(int) - colour).sum(-1) < 40
            if not visible[n, i]:
                assert not found.any()
                continue
            rows, columns = np.nonzero(found)
            x, y = factor * (points[n, i] + 0.5)
            first = factor * (points[n, max(i - TAIL, 0), 0] + 0.5)
            assert columns.min() == pytest.approx(first, abs=2 * factor) and rows.mean() == pytest.approx(
                y, abs=2
            )
            assert columns.max() == pytest.approx(x, abs=factor)


def test_a_way_that_was_not_seen_is_not_drawn() -> None:
    points = np.array([[[10.0 + 16 * i, 20] for i in range(4)]])
    drawn = with_tracks(
        np.zeros((1, 64, 96, 3), np.uint8), Tracks(points, np.array([[True, True, False, True]]))
    )
    between = drawn[3, :, 6 * 30 : 6 * 52].astype(int)
    assert not (np.abs(between - ORANGE).sum(-1) < 40).any()


def test_tracks_of_another_length_than_the_clip_are_refused() -> None:
    tracks = Tracks(np.zeros((1, 4, 2)), np.ones((1, 4), bool))
    with pytest.raises(RequestError, match="or as many as the tracks have frames, 4, got 3"):
        with_tracks(np.zeros((3, 64, 64, 3), np.uint8), tracks)
