"""The noise that a clip begins with is led along the motion."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from moft.feature.statistics import Statistics
from moft.feature.target import Synthesised
from moft.request.motion import Motion
from moft.steering.loop import Moment
from moft.steering.noise import WarpNoise, along
from moft.steering.objective import follow
from moft.steering.told import Report
from moft.types import ClipSize

WHERE = torch.ones(5, 8, 12, dtype=torch.bool)
NOISE = torch.randn(2, 3, 5, 8, 12, generator=torch.Generator().manual_seed(0))


def pan(x: float, y: float) -> Tensor:
    """A displacement (5 8 12 2) by so many cells a frame, against the middle one."""
    steps = torch.arange(5.0) - 2
    return (steps[:, None] * torch.tensor([x, y]))[:, None, None].expand(5, 8, 12, 2)


def test_noise_goes_along_a_pan_from_the_middle_frame() -> None:
    moved = along(NOISE, pan(1, 0), WHERE)
    assert torch.equal(moved[:, :, 2], NOISE[:, :, 2])
    for frame in range(4):
        assert torch.equal(moved[:, :, frame + 1, :, 1:], moved[:, :, frame, :, :-1])
    assert torch.equal(along(NOISE, pan(0, -1), WHERE)[:, :, 4, :-2], NOISE[:, :, 2, 2:])


def test_what_comes_in_is_noise_of_its_own_and_goes_along_from_then_on() -> None:
    moved = along(NOISE, pan(1, 0), WHERE)
    assert torch.equal(moved[:, :, 3, :, 0], NOISE[:, :, 3, :, 0])
    assert torch.equal(moved[:, :, 4, :, 1], NOISE[:, :, 3, :, 0])


def test_what_does_not_move_is_one_noise_in_all_frames() -> None:
    assert torch.equal(along(NOISE, pan(0, 0), WHERE), NOISE[:, :, 2:3].expand_as(NOISE))


@pytest.mark.parametrize("growth", [-0.2, 0.3])
def test_a_zoom_leaves_each_frame_as_white_as_it_was(growth: float) -> None:
    """No number stands in a frame twice."""
    y, x = torch.meshgrid(torch.arange(8.0) - 3.5, torch.arange(12.0) - 5.5, indexing="ij")
    steps = growth * (torch.arange(5.0) - 2)
    moved = along(NOISE, steps[:, None, None, None] * torch.stack([x, y], -1), WHERE)
    for frame in moved[0, 0]:
        assert len(frame.unique()) == frame.numel()
    shared = [
        float((moved[0, 0, 2].flatten()[:, None] == one.flatten()).any(0).float().mean())
        for one in moved[0, 0]
    ]
    assert shared[2] == 1 and min(shared) > 0.2


def test_outside_of_where_it_is_asked_noise_stays() -> None:
    half = WHERE.clone()
    half[..., 6:] = False
    moved = along(NOISE, pan(1, 0), half)
    assert torch.equal(moved[..., 6:], NOISE[..., 6:])
    assert torch.equal(moved[:, :, 3, :, 1:6], NOISE[:, :, 2, :, :5])


def test_noise_is_not_changed_in_place_and_parts_of_a_cell_are_rounded() -> None:
    before = NOISE.clone()
    moved = along(NOISE, pan(0.5, 0), WHERE)
    assert torch.equal(NOISE, before)
    assert torch.equal(moved[:, :, 4, :, 1:], NOISE[:, :, 2, :, :-1])


# ---------------------------------------------------------------- between the first two steps

RIGHT = Motion("right", speed="4px")


def led(
    index: int = 1,
    *,
    count: int = 10,
    first: int = 0,
    given: int = 0,
    carries: bool = True,
    motion: Motion = RIGHT,
    region: Tensor | None = None,
    further: float | None = 1.0,
    noise: bool = True,
) -> Tensor:
    """The noise of a clip of 5 frames of 48 x 32 px, asked to go to the right by 4 px, one cell, a frame."""
    one = torch.ones(1)
    statistics = Statistics(torch.tensor([0]), torch.ones(1, 2), -one, one, "up_blocks.1", 300, "m")
    objective = follow(Synthesised(motion, statistics), region, alone=True, noise=noise)
    tap = cast(Any, SimpleNamespace(host=SimpleNamespace(carries=lambda made: carries)))
    moment = Moment(index, count, ClipSize(5, 32, 48), [], lambda *_: None, first, given)
    report = Report()
    moved = WarpNoise(tap, lambda size: [objective], further, report).apply(NOISE, moment)
    assert report.warped == (not torch.equal(moved, NOISE))
    return moved


def test_it_goes_as_far_as_was_asked_in_cells() -> None:
    torch.testing.assert_close(led(), along(NOISE, pan(1, 0), WHERE), rtol=0, atol=0)


@pytest.mark.parametrize(
    "told", [{"index": 2}, {"count": 1}, {"first": 1, "index": 2}, {"carries": False}], ids=str
)
def test_it_is_left_once_content_is_there_and_where_it_would_be_lost(told: dict[str, Any]) -> None:
    assert led(**told) is NOISE


def test_a_picture_that_the_clip_begins_with_is_left_and_lends_no_noise() -> None:
    moved = led(given=3)
    assert torch.equal(moved[:, :, :3], NOISE[:, :, :3]) and torch.equal(moved[:, :, 3], NOISE[:, :, 3])
    assert torch.equal(moved[:, :, 4, :, 1:], NOISE[:, :, 3, :, :-1])


@pytest.mark.parametrize("frames", [(), (5,)], ids=["a picture", "a clip"])
def test_a_mask_says_where_noise_goes_along(frames: tuple[int, ...]) -> None:
    mask = torch.zeros(*frames, 32, 48)
    mask[..., :24] = 1
    moved = led(region=mask)
    assert torch.equal(moved[..., 6:], NOISE[..., 6:])
    assert torch.equal(moved[:, :, 3, :, 1:6], NOISE[:, :, 2, :, :5])


def test_what_is_to_be_still_has_one_noise_in_all_frames() -> None:
    """That of the frame in the middle, where it was asked."""
    for region in (None, torch.cat([torch.ones(32, 24), torch.zeros(32, 24)], 1)):
        moved = led(further=None, motion=Motion("still"), region=region)
        stays = slice(0, 12 if region is None else 6)
        assert torch.equal(moved[..., stays], NOISE[:, :, 2:3, :, stays].expand_as(moved[..., stays]))
        assert torch.equal(moved[..., 6:], NOISE[..., 6:]) == (region is not None)


def test_what_suits_a_whole_frame_is_half_as_far_again_and_a_region_as_far() -> None:
    assert torch.equal(led(further=None), led(further=1.5)) and not torch.equal(led(), led(further=1.5))
    region = torch.ones(32, 48)
    assert torch.equal(led(further=None, region=region), led(further=1.0, region=region))


def test_a_run_that_begins_from_a_clip_has_no_noise_to_lead_and_is_pushed_as_the_release_does() -> None:
    assert led(further=None, noise=False) is NOISE


def test_where_things_come_back_noise_stays_unless_it_is_said() -> None:
    back = Motion(path=((0.0, 0.0), (0.4, 0.0), (0.0, 0.0)))
    assert led(further=None, motion=back) is NOISE
    assert not torch.equal(led(motion=back), NOISE)
