"""Given clips, as a model takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn import noise_clip, noise_picture
from PIL import Image
from planted import SIZE

from moft.errors import MediaError
from moft.interpreter.clips import read_clip
from moft.metrics.flow import dense_flow


def test_a_long_clip_is_read_with_a_stride_that_keeps_it_slow_enough(tmp_path: Path) -> None:
    slow, fast = noise_clip(tmp_path / "slow.mp4", 40, 1), noise_clip(tmp_path / "fast.mp4", 40, 3)
    assert "one in 2 of the first 16 frames" in str(read_clip(slow, SIZE).note)
    assert "the first 8 frames" in str(read_clip(fast, SIZE).note)
    assert abs(np.median(dense_flow(read_clip(slow, SIZE).video)[..., 0]) - 2) < 0.3


def test_a_short_clip_is_resampled_and_said_to_be(tmp_path: Path) -> None:
    clip = read_clip(noise_clip(tmp_path / "short.mp4", 4), SIZE)
    assert clip.video.shape == (8, 64, 64, 3) and "4 frames, fewer than the model's 8; resampled" in str(
        clip.note
    )
    assert (clip.video[0] == clip.video[1]).all()


def test_a_picture_is_panned_with_exact_flow(tmp_path: Path) -> None:
    clip = read_clip(noise_picture(tmp_path / "a.png"), SIZE)
    assert clip.true is not None and np.allclose(clip.true, [-0.03 * 64, 0])
    blurred = np.asarray([np.asarray(Image.fromarray(f).resize((64, 64))) for f in clip.video])
    assert abs(np.median(dense_flow(blurred)[..., 0]) + 1.92) < 0.5


def test_a_clip_of_one_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="2 frames or more"):
        read_clip(noise_clip(tmp_path / "one.mp4", 1), SIZE)
