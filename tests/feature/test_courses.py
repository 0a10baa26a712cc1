"""What a layer's whole curves say of whole courses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny

from moft.errors import RequestError
from moft.feature.courses import course_of, find_courses
from moft.feature.statistics import Statistics
from moft.feature.target import OfField
from moft.field.field import Field
from moft.known.filmed import journey
from moft.models.families import default_layer, family_of
from moft.request.motion import Motion
from moft.steering.objective import EARLY, LATER, UPDATES, FollowCourse, follow
from moft.types import ClipSize

PHOTOS = [np.random.default_rng(i).integers(0, 256, (48, 64, 3)).astype(np.uint8) for i in range(2)]
ONES = torch.ones(2)
KNOWN = Statistics(torch.tensor([0, 3]), torch.eye(2), -ONES, ONES, "up_blocks.1", 300, "m")


def test_what_was_put_into_curves_is_found_in_them() -> None:
    generator = torch.Generator().manual_seed(0)
    courses = torch.randn(4, 3, 4, 2, generator=generator)
    feature = torch.randn(1, 4, 3, 2, 5, generator=generator)
    shown = course_of(feature, courses)
    assert shown.shape == (1, 4, 2, 2, 5)
    by_hand = sum(feature[0, f, c, 1, 2] * courses[f, c, 3, 0] for f in range(4) for c in range(3))
    torch.testing.assert_close(shown[0, 3, 0, 1, 2], by_hand)


def test_another_length_is_read_in_the_same_time() -> None:
    courses = torch.eye(5).view(5, 1, 5, 1).expand(5, 1, 5, 2)  # says what the one channel is
    ramp = torch.linspace(-1, 1, 9).view(1, 9, 1, 1, 1).expand(1, 9, 1, 3, 3)
    shown = course_of(ramp, courses)
    torch.testing.assert_close(shown[0, :, 0, 1, 1], torch.linspace(-1, 1, 5))


def test_another_layer_is_refused() -> None:
    with pytest.raises(RequestError, match="3 channels.*got 7.*moft channels"):
        course_of(torch.zeros(1, 4, 7, 2, 2), torch.zeros(4, 3, 4, 2))


@pytest.mark.parametrize("count", [3, 12])  # fewer places than numbers in a curve, and more
def test_they_are_found_from_clips_of_known_motion(count: int) -> None:
    pipe = tiny("animatediff")
    family = family_of(pipe)
    layer = default_layer(family, getattr(pipe, family.attribute))
    size = ClipSize(4, 32, 32)
    found = find_courses(pipe, lambda i: journey(PHOTOS, size, i), count, layer)
    assert found.shape[0] == found.shape[2] == 4 and found.shape[3] == 2 and found.isfinite().all()
    assert found.abs().sum() > 0
    with pytest.raises(RequestError, match="one or more, got 0"):
        find_courses(pipe, lambda i: journey(PHOTOS, size, i), 0, layer)


def test_changes_of_speed_are_asked_for_more_than_steadiness() -> None:
    steps = np.zeros((7, 4, 4, 2))
    steps[:4, ..., 0], steps[4:, ..., 0] = 0.02, -0.02  # there and nearly back
    steps[..., 1] = 0.01  # and steadily down
    wanted = OfField(Field.of_steps(steps), KNOWN).course((8, 4, 4), ClipSize(8, 64, 64))
    assert wanted.shape == (1, 8, 2, 4, 4)
    plain = torch.from_numpy(Field.of_steps(steps).displacement).float().permute(0, 3, 1, 2)
    torch.testing.assert_close(wanted[0, :, 1], plain[:, 1])  # a steady way, as large as it is
    bend = wanted[0, :, 0] / plain[:, 0]
    assert (bend[plain[:, 0].abs() > 0.01] > 1).all()


def test_they_are_kept_in_the_file_and_older_files_have_none(tmp_path: Path) -> None:
    courses = torch.randn(3, 5, 3, 2)
    known = replace(KNOWN, courses=courses)
    known.save(tmp_path / "new.safetensors")
    KNOWN.save(tmp_path / "old.safetensors")
    read = Statistics.load(tmp_path / "new.safetensors")
    assert read.courses is not None and torch.equal(read.courses, courses)
    assert read.digest == known.digest != KNOWN.digest
    assert Statistics.load(tmp_path / "old.safetensors").courses is None


@pytest.mark.parametrize(
    "courses",
    [
        torch.zeros(3, 5, 4, 2),
        torch.zeros(3, 5, 3),
        torch.zeros(3, 5, 3, 2).long(),
        torch.full((3, 5, 3, 2), torch.nan),
    ],
    ids=["other frames", "no axes", "integers", "nan"],
)
def test_bent_ones_are_refused(courses: torch.Tensor) -> None:
    with pytest.raises(RequestError, match="courses: expected"):
        replace(KNOWN, courses=courses)


def test_clips_that_go_every_way_are_exactly_known() -> None:
    size = ClipSize(8, 64, 64)
    first, again = journey(PHOTOS, size, 5), journey(PHOTOS, size, 5)
    assert (first.video == again.video).all() and first.steps.shape == (7, 64, 64, 2)
    speeds = [np.linalg.norm(journey(PHOTOS, size, i).scene.mean((1, 2)), axis=-1) for i in range(12)]
    assert max(speed.max() for speed in speeds) < 5  # px a frame
    assert sum(np.ptp(speed) > 0.2 for speed in speeds) >= 4  # of many the speed changes


def test_what_bends_is_told_from_what_goes_evenly() -> None:
    even = [Motion("left 2px"), Motion("zoom in"), Motion(path=((0, 0), (0.1, 0.05), (0.2, 0.1)))]
    bent = [
        Motion("left", ease="in"),
        Motion("zoom in", span=(0, 0.5)),
        Motion(path=((0, 0), (0.1, 0), (0, 0))),
    ]
    assert not any(motion.bends for motion in even) and all(motion.bends for motion in bent)
    assert not Motion(path=((0, 0), (0, 0))).bends


def test_another_loss_asks_no_courses_and_keeps_its_steps() -> None:
    known = replace(KNOWN, courses=torch.zeros(3, 5, 3, 2))
    target = OfField(Field.of_steps(np.full((3, 2, 2, 2), 0.1)), known)
    own, other = (follow(target, None, alone=True, loss=loss) for loss in (None, "position"))
    assert isinstance(own, FollowCourse) and (own.updates, own.steps) == (1, LATER)
    assert not isinstance(other, FollowCourse) and (other.updates, other.steps) == (UPDATES, EARLY)
