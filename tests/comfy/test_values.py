"""ComfyUI's values become moft's and come back as they were."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch

import moft
from moft.field.files.reading import read_tracks

PATHS = '[[{"x": 4, "y": 8}, {"x": 6, "y": 8}, {"x": 8, "y": 9}], [{"x": 20, "y": 20}, {"x": 21, "y": 20}]]'


@pytest.fixture
def values(nodes: Any) -> Any:
    return sys.modules["moft_nodes.values"]


@pytest.fixture
def files(nodes: Any) -> Any:
    return sys.modules["moft_nodes.files"]


def test_every_grey_of_an_image_comes_back(values: Any) -> None:
    video = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    images = values.images_of(video)
    assert images.dtype == torch.float32 and images.max() == 1
    assert np.array_equal(values.video_of(images), video)
    alpha = torch.cat([images, torch.zeros(1, 16, 16, 1)], -1)
    assert np.array_equal(values.video_of(alpha), video)


def test_a_clip_is_read_as_it_was(files: Any, values: Any) -> None:
    video = np.random.default_rng(0).integers(0, 256, (12, 16, 24, 3), np.uint8)
    name = files.clip_file(values.images_of(video))
    assert np.array_equal(moft.read_video(name), video)
    assert files.clip_file(values.images_of(video)) == name != files.clip_file(values.images_of(video[::-1]))
    first = files.picture_file(values.images_of(video))
    assert np.array_equal(moft.read_video(first), video[:1])


def test_a_mask_is_read_as_it_was(files: Any) -> None:
    size = moft.ClipSize(3, 16, 24)
    mask = torch.zeros(1, 16, 24)
    mask[:, :, :12] = 1
    assert np.array_equal(moft.read_region(files.mask_file(mask), size), mask[0])
    moving = torch.zeros(3, 16, 24)
    for i in range(3):
        moving[i, :, 8 * i : 8 * i + 8] = 1
    assert np.array_equal(moft.read_region(files.mask_file(moving), size), moving)
    ramp = torch.linspace(0, 1, 24).expand(16, -1)  # soft edges count in part
    np.testing.assert_allclose(moft.read_region(files.mask_file(ramp), size), ramp, atol=0.004)


def test_tracks_are_as_comfyui_has_them(call: Any, values: Any, files: Any) -> None:
    (tracks,) = call("MoftReadTracks", tracks=PATHS)
    path, seen = tracks["track_path"], tracks["track_visibility"]
    assert path.shape == (3, 2, 2) and path.dtype == torch.float32 and path[2, 0].tolist() == [8, 9]
    assert seen.shape == (3, 2) and seen.dtype == torch.bool and not seen[2, 1] and seen.sum() == 5
    again = read_tracks(files.tracks_file(tracks))
    assert np.array_equal(again.points, path.transpose(0, 1)) and np.array_equal(again.visible, seen.T)


def test_one_visibility_for_all_points_is_that_of_each(values: Any) -> None:
    path = torch.zeros(4, 3, 2)  # as Wan-Move's nodes give it beside a mask
    _, seen = values.points_of({"track_path": path, "track_visibility": torch.tensor([[1], [1], [0], [1]])})
    assert seen.T.tolist() == [[True, True, False, True]] * 3
    assert values.points_of({"track_path": path})[1].all()


def test_what_is_no_tracks_is_refused(call: Any) -> None:
    with pytest.raises(moft.RequestError, match="expected TRACKS"):
        call("MoftMotionFromTracks", tracks={"points": 1})
    with pytest.raises(moft.RequestError, match="list of paths"):
        call("MoftReadTracks", tracks="[1, 2]")
