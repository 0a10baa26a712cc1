"""Clips come with the flow that they have."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from drawn import noise

from moft.known.clips import object_batches, object_clips, panned_clips, steadied
from moft.metrics.motion import measure
from moft.types import ClipSize

SIZE = ClipSize(4, 48, 64)


def test_a_larger_clip_has_the_same_flow_in_its_own_pixels() -> None:
    small, large = object_clips(2, ClipSize(4, 64, 64), 3), object_clips(2, ClipSize(4, 128, 192), 3)
    assert small.size == ClipSize(4, 64, 64) and large.size == ClipSize(4, 128, 192) and len(large) == 2
    assert small.video.dtype == large.video.dtype == np.uint8 and large.video.shape == (2, 4, 128, 192, 3)
    assert np.allclose(large.flow, small.flow.repeat(2, 2).repeat(3, 3) * (3, 2))


def test_batches_go_on_and_a_seed_starts_them_again() -> None:
    first, second = (next(batches) for batches in [object_batches(1, ClipSize(4, 64, 64), 3)] * 2)
    assert np.array_equal(first.video, object_clips(1, ClipSize(4, 64, 64), 3).video)
    assert not np.array_equal(first.video, second.video)


def test_panned_clips_move_as_their_flow_says() -> None:
    clips = panned_clips([noise(), noise(1)], SIZE, 3)
    for video, flow in zip(clips.video, clips.flow, strict=True):
        assert (flow == flow[0, 0, 0]).all()
        assert measure(video).inside == pytest.approx(flow[0, 0, 0].tolist(), abs=0.2)


def test_a_camera_that_goes_along_leaves_a_pan_nearly_still_and_knows_what_is_left() -> None:
    clips = panned_clips([noise(), noise(1)], SIZE, 3)
    still = steadied(clips, 0)
    assert np.abs(still.flow).max() < 4 * 48 / 160 < np.abs(clips.flow).max()
    for video, flow in zip(still.video, still.flow, strict=True):
        inner = np.zeros((48, 64))
        inner[12:36, 16:48] = 1
        assert measure(video, inner).inside == pytest.approx(flow[0, 0, 0].tolist(), abs=0.2)


def test_the_flow_of_cells_is_the_mean_of_their_pixels_and_frames() -> None:
    clips = object_clips(2, ClipSize(4, 64, 64), 3)
    cells = clips.cells(torch.zeros(2, 2, 5, 8, 4))
    expected = clips.flow.reshape(2, 2, 2, 8, 8, 4, 16, 2).mean((2, 4, 6))
    assert cells.shape == (2, 2, 8, 4, 2) and np.allclose(cells, expected, atol=1e-5)
