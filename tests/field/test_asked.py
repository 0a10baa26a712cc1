"""What words ask of each place is what a clip that does so shows."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import photograph

from moft.errors import RequestError
from moft.field.asked import asked_flow, middle
from moft.field.field import Field
from moft.known.filmed import ROLL, filmed
from moft.known.pans import pan
from moft.metrics.flow import dense_flow
from moft.request.motion import Motion
from moft.types import ClipSize

SIZE = ClipSize(6, 64, 64)
RIGHT = Motion("right", speed="2px")


@pytest.mark.parametrize("motion", [RIGHT, Motion(225, speed="1px"), Motion("zoom out", speed="2%")])
def test_the_asked_flow_is_that_of_a_clip_that_does_as_asked(motion: Motion) -> None:
    found, asked = dense_flow(pan(photograph("flower.jpg"), motion, SIZE, zoom=1.6)), asked_flow(motion, SIZE)
    inner = (slice(None), slice(8, 56), slice(8, 56))
    assert asked.shape == found.shape
    assert np.abs(found[inner] - asked[inner]).mean() < 0.25


def test_the_asked_flow_of_a_turn_is_that_of_a_clip_that_turns() -> None:
    shown = filmed("roll", [photograph("flower.jpg")], SIZE, seed=0)
    way = "clockwise" if shown.steps[0, 0, 32, 0] > 0 else "counterclockwise"
    asked = asked_flow(Motion(f"turn {way}", speed=f"{np.degrees(ROLL)}deg"), SIZE)
    assert np.abs(asked - shown.steps).max() < 0.05


def test_stillness_asks_for_no_flow() -> None:
    assert not asked_flow(Motion("still"), SIZE).any()


@pytest.mark.parametrize(
    ("motion", "steps"),  # along x, of the shorter side, in the right column
    [
        (RIGHT, [2 / 64] * 5),
        (Motion("left", speed="2%"), [-0.02] * 5),
        (Motion("up"), [0] * 5),
        (Motion("still"), [0] * 5),
        (Motion(path=((0, 0), (0.1, 0), (0.1, 0.3))), [0.04, 0.04, 0.02, 0, 0]),
        (Motion("right 2px", span=(0.4, 0.8)), [0, 0, 2 / 64, 2 / 64, 0]),
        (Motion("right 2px", ease="in"), [2 / 64 * 5 * x for x in (0.04, 0.12, 0.20, 0.28, 0.36)]),
        (Motion("zoom in", speed="2%"), [0.04 * 31.5 / 64] * 5),
        (Motion("zoom out", speed="2%"), [(1 / 1.04 - 1) * 31.5 / 64] * 5),
        (Motion("turn clockwise", speed="90deg"), [(0.5 - 31.5) / 64] * 5),  # from the right to the bottom
    ],
)
def test_a_motion_is_a_field(motion: Motion, steps: list[float]) -> None:
    field = Field.of_motion(motion, SIZE)
    assert field.displacement.shape == (6, 64, 64, 2) and (field.weight == 1).all()
    np.testing.assert_allclose(field.steps[:, 31, 63, 0], steps, atol=1e-6)


def test_speeds_are_of_the_shorter_side_in_a_wide_picture() -> None:
    field = Field.of_motion(Motion("right 2px"), ClipSize(3, 32, 64))
    np.testing.assert_allclose(field.steps[..., 0], np.full((2, 32, 64), 2 / 32), rtol=1e-6)


def test_one_frame_moves_nowhere() -> None:
    with pytest.raises(RequestError, match="2 frames or more to move in"):
        Field.of_motion(RIGHT, ClipSize(1, 64, 64))


@pytest.mark.parametrize("text", ["zoom in 2%", "turn clockwise 3deg"])
def test_what_zooms_or_turns_in_a_region_goes_about_its_middle(text: str) -> None:
    """The middle stays, and what is as far from it as something from the picture's middle goes as that
    does."""
    size = ClipSize(4, 32, 64)
    mask = np.zeros((32, 64))
    mask[4:12, 40:56] = 1
    about = middle("box:40,4,16,8", mask, size)
    assert about == pytest.approx((0.5, -0.25))
    for clip in (np.repeat(mask[None], 4, 0), mask[::4, ::4], np.repeat(mask, 3, 1)):  # at any resolution
        assert middle("box:40,4,16,8", clip, size) == pytest.approx(about)
    whole, there = asked_flow(Motion(text), size), asked_flow(Motion(text), size, about)
    np.testing.assert_allclose(there[:, :24, 16:], whole[:, 8:, :48], atol=1e-5)
    field = Field.of_motion(Motion(text), size, about)
    np.testing.assert_allclose(field.steps * 32, there, atol=1e-5)


def test_what_others_leave_is_the_cameras_and_goes_about_the_pictures_middle() -> None:
    mask = np.ones((64, 64))
    mask[:, :32] = 0
    for named in (None, "rest"):
        assert middle(named, mask, SIZE) == (0, 0)
    assert middle("a.png", None, SIZE) == (0, 0)
