"""Motions out of nodes are moft's own requests, and pictures of them show what they ask."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import moft
from moft.field.arrows import ORANGE
from moft.field.files.reading import read_field

SIZE = moft.ClipSize(4, 32, 48)
GREY = torch.full((1, 32, 48, 3), 0.5)
LEFT_HALF = torch.zeros(1, 32, 48)
LEFT_HALF[:, :, :24] = 1


def arrows(images: torch.Tensor) -> Any:
    """Where arrows are, (f h w)."""
    return ((images * 255 - torch.tensor(ORANGE)).abs().sum(-1) < 40).numpy()


@pytest.mark.parametrize(
    ("camera", "content"),
    [("pan right", (-1, 0)), ("pan left", (1, 0)), ("tilt up", (0, 1)), ("tilt down", (0, -1))],
)
def test_content_goes_against_the_camera(call: Any, camera: str, content: tuple[int, int]) -> None:
    ((motion,),) = call("MoftMotionFromCamera", camera=camera, speed="1px")
    assert np.array_equal(motion.velocity(SIZE), content)


def test_content_turns_against_the_camera_and_grows_as_it_comes_near(call: Any) -> None:
    ((roll,),) = call("MoftMotionFromCamera", camera="roll clockwise", speed="3deg")
    assert roll.angle(SIZE)[-1] == pytest.approx(-math.radians(9))
    ((zoom,),) = call("MoftMotionFromCamera", camera="zoom in")
    assert zoom.scale(SIZE)[-1] > 1


def test_motions_are_put_in_masks_and_set_together(call: Any) -> None:
    (left,), (right,) = call("MoftMotionFromDirection"), call("MoftMotionFromDirection", direction="right")
    (inside,) = call("MoftMotionInMask", motion=left, mask=LEFT_HALF)
    (both,) = call("MoftCombineMotions", motion_1=inside, motion_2=right)
    assert both == (*inside, *right) and both[1] == moft.Motion("right")
    assert np.array_equal(moft.read_region(both[0].region, SIZE), LEFT_HALF[0])
    (shown,) = call("MoftVisualizeMotion", motion=both, images=GREY, frames=4)
    width = (shown.shape[2] - 4) // 2
    first, second = arrows(shown[:, :, :width]), arrows(shown[:, :, -width:])
    middle, edge = width // 2, width // 8
    assert first[:, :, : middle - edge].any() and not first[:, :, middle + edge :].any()
    assert second[:, :, middle + edge :].any() and not second[:, :, : middle - edge].any()


def test_tracks_ask_for_the_field_that_they_mean(call: Any) -> None:
    path = torch.tensor([[[8.0 + 2 * i, y] for y in (8, 24)] for i in range(4)])
    tracks = {"track_path": path, "track_visibility": torch.ones(4, 2, dtype=torch.bool)}
    ((along,),) = call("MoftMotionFromTracks", tracks=tracks, strength=2.0)
    assert along.strength == 2 and isinstance(along, moft.Along)
    field = read_field(along.field, (32, 48))
    near = field.weight[1:] > 0.5
    assert near.any()
    np.testing.assert_allclose(field.steps[near] * 32, [[2, 0]] * near.sum(), atol=0.01)
    ((half,),) = call("MoftMotionFromTracks", tracks=tracks, width=96, height=64)
    smaller = read_field(half.field)
    near = smaller.weight[1:] > 0.5
    np.testing.assert_allclose(smaller.steps[near] * 32, [[1, 0]] * near.sum(), atol=0.01)
    (shown,) = call("MoftVisualizeMotion", motion=(along,), images=GREY, frames=4)
    assert arrows(shown).any()


def test_a_clip_is_followed_or_a_part_of_it(call: Any) -> None:
    clip = torch.rand(4, 32, 48, 3, generator=torch.Generator().manual_seed(0))
    ((whole,),) = call("MoftMotionFromClip", clip=clip)
    assert np.array_equal(moft.read_video(whole.like), (clip * 255).round().numpy())
    ((part,),) = call("MoftMotionFromClip", clip=clip, part="mover2", clip_mask=LEFT_HALF, per_position=False)
    assert part.like == whole.like + "#mover2" and part.like_region is not None
    ((seen,),) = call("MoftMotionFromClip", clip=clip, by="moft")
    assert not seen.by_flow and whole.by_flow


def test_tracks_of_a_clip_go_as_it_does(call: Any) -> None:
    wide = torch.rand(16, 40, 3, generator=torch.Generator().manual_seed(1))
    wide = torch.nn.functional.interpolate(wide.movedim(-1, 0)[None], scale_factor=4, mode="bicubic")[0]
    clip = torch.stack([wide.movedim(0, -1)[:, 2 * i : 2 * i + 128] for i in range(4)]).clamp(0, 1)
    (tracks,) = call("MoftTrackClip", clip=clip, across=6)
    path, seen = tracks["track_path"], tracks["track_visibility"]
    far = (path[-1] - path[0])[seen[-1]]
    assert len(far) > 12 and far[:, 0].median() == pytest.approx(-6, abs=0.3)
    (drawn,) = call("MoftDrawTracks", tracks=tracks, images=clip)
    assert len(drawn) == 4 and drawn.shape[1] >= 64
