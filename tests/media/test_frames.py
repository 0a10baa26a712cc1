"""Which frames, at what size, beside each other."""

import numpy as np
import pytest
from movies import smooth
from PIL import Image

from moft.errors import MediaError
from moft.media.frames import evenly, side_by_side
from moft.media.reading import read_video


def test_evenly_keeps_both_ends_and_repeats_what_is_too_few():
    assert evenly(5, 3).tolist() == [0, 2, 4] and evenly(2, 4).tolist() == [0, 0, 1, 1]
    assert evenly(3, 3).tolist() == [0, 1, 2] and evenly(7, 1).tolist() == [0]


def test_side_by_side_leaves_a_white_gap():
    left, right = np.zeros((2, 8, 10, 3), np.uint8), np.full((2, 8, 6, 3), 7, np.uint8)
    both = side_by_side(left, right)
    gap = both.shape[2] - 16
    assert both.shape[:2] == (2, 8) and both.dtype == np.uint8 and 0 < gap < 10
    assert np.array_equal(both[:, :, :10], left) and np.array_equal(both[:, :, 10 + gap :], right)
    assert (both[:, :, 10 : 10 + gap] == 255).all()
    assert np.array_equal(side_by_side(left), left)


def test_side_by_side_refuses_what_does_not_line_up():
    for videos in ((), (smooth(2), smooth(3)), (smooth(2, 8), smooth(2, 9)), (smooth(2) / 255,)):
        with pytest.raises(MediaError, match="cannot join"):
            side_by_side(*videos)


def test_size_crops_the_centre_before_it_scales(tmp_path):
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, :20], picture[:, 60:] = (255, 0, 0), (255, 0, 0)
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert read_video(tmp_path / "a.png", size=(20, 20))[:, :, 1:-1].max() == 0
    assert read_video(tmp_path / "a.png", size=(20, 40))[0, 10, 0].tolist() == [255, 0, 0]


def test_scaling_down_averages_instead_of_picking(tmp_path):
    checks = np.indices((64, 64)).sum(0)[..., None].repeat(3, 2) % 2 * 255
    Image.fromarray(checks.astype(np.uint8)).save(tmp_path / "a.png")
    assert np.abs(read_video(tmp_path / "a.png", size=(8, 8)).astype(int) - 127).max() <= 3


@pytest.mark.parametrize("size", [(7, 300), (301, 5), (48, 64), (187, 1)])
def test_any_size_can_be_asked_for(clip, size):
    assert read_video(clip, frames=1, size=size).shape == (1, *size, 3)
