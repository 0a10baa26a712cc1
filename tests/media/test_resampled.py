"""Clips come to the frames and the size of a run, and what that changes is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn import noise_clip, noise_picture

from moft.errors import RequestError
from moft.media.reading import read_video
from moft.media.resampled import read_evenly, read_followed
from moft.request.like import Like
from moft.types import ClipSize

SIZE = ClipSize(4, 32, 32)


def test_a_clip_of_the_run_s_frames_and_size_is_itself(tmp_path: Path) -> None:
    path, said = str(noise_clip(tmp_path / "a.mp4", 4)), list[str]()
    assert np.array_equal(read_evenly(path, ClipSize(4, 64, 64), said.append), read_video(path)) and not said


def test_a_part_of_a_clip_is_spread_over_the_frames_and_it_is_said(tmp_path: Path) -> None:
    path, said = str(noise_clip(tmp_path / "a.mp4", 6)), list[str]()
    clip = read_evenly(path, SIZE, said.append, start=1, end=4)
    assert np.array_equal(clip, read_video(path, size=(32, 32))[[1, 2, 2, 3]])
    assert said == [f"{path}: 3 frames resampled to 4, 0.75 times as fast"]


def test_a_picture_is_no_clip(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="2 frames or more, got 1; pan it first"):
        read_evenly(str(noise_picture(tmp_path / "a.png")), SIZE)


def test_where_to_look_is_said_at_the_size_of_the_clip_to_follow(tmp_path: Path) -> None:
    path = str(noise_clip(tmp_path / "a.mp4", 4))
    followed = read_followed(Like(path, like_region="box:0,0,32,64"), SIZE)
    assert followed.video.shape == (4, 32, 32, 3) and followed.look is not None
    np.testing.assert_allclose(followed.look[:, [2, 12, 19, 29]], [[1, 1, 0, 0]] * 32, atol=0.02)
    assert read_followed(Like(path), SIZE).look is None
