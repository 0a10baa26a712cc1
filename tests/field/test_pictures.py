"""The story of a steered run: what was asked at each place, and panels that tell where it was met."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from moft.field.pictures import CAPTION, GAP, story
from moft.known.pans import pan
from moft.request.motion import Motion
from moft.types import ClipSize

SIZE = ClipSize(6, 64, 64)
LEFT_HALF = np.repeat(np.array([[1.0] * 32 + [0.0] * 32]), 64, 0)
RIGHT = Motion("right", speed="2px")
PHOTO = load_sample_image("flower.jpg")
SIDE = 192  # of a panel


def heat(video: np.ndarray) -> np.ndarray:
    return video[:, CAPTION:, -SIDE:].astype(int)


def test_what_does_as_asked_is_dark_and_what_does_not_is_bright() -> None:
    right, left = (pan(PHOTO, Motion(way, speed="2px"), SIZE, zoom=1.6) for way in ("right", "left"))
    good, bad = (heat(story(left, clip, [(RIGHT, None)])) for clip in (right, left))
    inner = (slice(None), slice(30, 160), slice(30, 160))
    assert good[inner].mean() < 0.7 * bad[inner].mean()


def test_there_is_a_panel_for_each_clip_and_what_was_not_asked_is_grey() -> None:
    clip = pan(PHOTO, RIGHT, SIZE, zoom=1.6)
    three = story(clip, clip, [(RIGHT, LEFT_HALF)])
    assert three.shape == (6, SIDE + CAPTION, 4 * (SIDE + GAP) - GAP, 3) and three.dtype == np.uint8
    assert story(clip, clip, [(RIGHT, None)], [clip]).shape[2] == 5 * (SIDE + GAP) - GAP
    assert (
        story(clip, clip, [], [clip, clip]).shape[2] == 6 * (SIDE + GAP) - GAP
    )  # no motion that could be named
    colours = np.ptp(heat(three), axis=-1)
    assert colours[:, :, 110:].max() == 0 < colours[:, :, :80].mean()


def test_a_field_has_arrows_at_each_place() -> None:
    clip = pan(PHOTO, RIGHT, SIZE, zoom=1.6)
    apart = np.zeros((5, 64, 64, 2), np.float32)
    apart[:, :, :32, 0], apart[:, :, 32:, 0] = 2, -2
    panel = story(clip, clip, [(apart, None)])[0, CAPTION:, -2 * SIDE - GAP : -SIDE - GAP].astype(int)
    orange = (panel[..., 0] > 180) & (panel[..., 2] < 60) & (panel[..., 1] > 130)
    for row in range(4):
        for column in range(4):
            place = orange[48 * row : 48 * (row + 1), 48 * column : 48 * (column + 1)]
            assert place.sum() > 20, (row, column)
    wrong = heat(story(clip, clip, [(apart, None)]))[:, 30:160]
    assert wrong[:, :, 110:160].mean() > 1.5 * wrong[:, :, 30:80].mean()


def test_arrows_stand_in_each_region() -> None:
    clip = pan(PHOTO, RIGHT, SIZE, zoom=1.6)
    moving = np.stack([np.roll(LEFT_HALF, 8 * i, 1) for i in range(6)])  # a region that moves
    video = story(clip, clip, [(RIGHT, moving)])[
        :, CAPTION:, 2 * (SIDE + GAP) : 3 * (SIDE + GAP) - GAP
    ].astype(int)
    blue = (np.abs(video - (0, 114, 178)).sum(-1) < 30).any(1)  # columns with the measured arrow
    middles = [np.flatnonzero(columns).mean() for columns in blue]
    assert middles[0] == pytest.approx(48, abs=8) and middles[2] - middles[0] == pytest.approx(48, abs=6)
