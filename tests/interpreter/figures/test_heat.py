"""Similarity as colour, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest

from moft.interpreter.figures.heat import draw_heat_maps, heat_frames


@pytest.mark.parametrize(("clips", "rows", "wide"), [(1, 4, True), (1, 9, True), (2, 8, True), (5, 4, False)])
def test_maps_of_few_clips_stand_side_by_side(clips: int, rows: int, wide: bool) -> None:
    picture, flow, cells = np.zeros((16, 16, 3), np.uint8), np.ones((16, 16, 2)), np.zeros((4, 4))
    names = [f"up_blocks.{i}.motion_modules.0" for i in range(rows)]
    figure = draw_heat_maps(
        picture,
        (8, 8, 0),
        {f"{i}: clip.mp4": picture for i in range(clips)},
        [flow] * clips,
        {name: [cells] * clips for name in names},
        {name: [0.5] * clips for name in names},
    )
    shown = [panel for panel in figure.axes if panel.images and panel.get_title()]
    assert len(shown) == 1 + clips * (1 + rows)
    width, height = figure.get_size_inches()
    assert bool(height < 1.3 * width) and width < 12
    figure.canvas.draw()
    boxes = [panel.title.get_window_extent() for panel in shown]
    if wide:  # no title runs into another
        apart = [not a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i]]
        assert all(apart)


def test_a_map_covers_the_picture_that_it_is_of_cell_by_cell() -> None:
    picture, rows = np.zeros((3, 48, 64, 3), np.uint8), np.full((1, 3, 4), -1.0)
    rows[:, -1] = 1
    clip = heat_frames(picture, (1, 1, 0), picture, {"moft": rows}, height=18 + 96)
    assert clip.shape == (3, 18 + 96, 3 * (128 + 4), 3)  # source, target and map, each with a gap
    shown = clip[1, 18:, -132:-4].astype(int)
    low, high = shown[0, 0], shown[-1, 0]
    assert (shown[:64] == low).all() and (shown[64:] == high).all() and np.abs(low - high).max() > 100
