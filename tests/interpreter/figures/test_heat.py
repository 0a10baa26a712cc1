"""Similarity as colour, frame by frame."""

from __future__ import annotations

import numpy as np

from moft.interpreter.figures.heat import heat_frames


def test_a_map_covers_the_picture_that_it_is_of_cell_by_cell() -> None:
    picture, rows = np.zeros((3, 48, 64, 3), np.uint8), np.full((1, 3, 4), -1.0)
    rows[:, -1] = 1
    clip = heat_frames(picture, (1, 1, 0), picture, {"moft": rows}, height=18 + 96)
    assert clip.shape == (3, 18 + 96, 3 * (128 + 4), 3)  # source, target and map, each with a gap
    shown = clip[1, 18:, -132:-4].astype(int)
    low, high = shown[0, 0], shown[-1, 0]
    assert (shown[:64] == low).all() and (shown[64:] == high).all() and np.abs(low - high).max() > 100
