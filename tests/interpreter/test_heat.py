"""Heat maps without a report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import moft
from moft.interpreter.clips import Clip
from moft.interpreter.heat import heat_map
from moft.interpreter.viewpoint import ExplainSettings, Viewpoint, choose_viewpoint
from moft.known.pans import pan


@pytest.fixture(scope="module")
def viewpoint(tiny_animatediff: Any, tiny_statistics: moft.Statistics) -> Viewpoint:
    return choose_viewpoint(moft.Model(tiny_animatediff, given=tiny_statistics), ExplainSettings(), print)


@pytest.fixture(scope="module")
def clip(viewpoint: Viewpoint) -> Clip:
    photo = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    return Clip("pan", pan(photo, moft.Motion("left", speed=0.03), viewpoint.size))


def test_a_clip_is_like_its_own_point_by_the_cosine_of_moft(viewpoint: Viewpoint, clip: Clip) -> None:
    found = heat_map(viewpoint, clip, clip, (20, 30, 0), seed=4)
    kept = viewpoint.statistics.channels
    one, other = (viewpoint.features(clip.video[None], seed)[0][:, kept] for seed in (4, 5))
    frames, _, rows, columns = one.shape
    assert found.likeness.shape == (frames, rows, columns)
    one, other = one - one.mean(0), other - other.mean(0)  # Eq. 2
    vector = one[:, :, 30 * rows // 64, 20 * columns // 64]
    for f, row, column in ((0, 0, 0), (3, 4, 2), (frames - 1, rows - 1, columns - 1)):
        cosine = torch.nn.functional.cosine_similarity(vector[f], other[f, :, row, column], dim=0)
        assert float(found.likeness[f, row, column]) == pytest.approx(float(cosine), abs=1e-5)


def test_a_point_is_where_most_moves_unless_it_is_given_and_lies_inside(
    viewpoint: Viewpoint, clip: Clip
) -> None:
    x, y, frame = heat_map(viewpoint, clip, clip).point
    assert 8 <= x < 56 and 8 <= y < 56 and frame == 0
    with pytest.raises(moft.RequestError, match="point"):
        heat_map(viewpoint, clip, clip, (64, 0, 0))


def test_it_is_drawn_frame_by_frame(viewpoint: Viewpoint, clip: Clip) -> None:
    drawn = heat_map(viewpoint, clip, clip, (20, 30, 0)).drawn()
    assert len(drawn) == len(clip.video) and drawn.dtype == np.uint8
