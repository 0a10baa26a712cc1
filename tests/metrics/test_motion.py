"""What is measured on clips whose motion is known because it was drawn."""

import json
import math

import numpy as np
import pytest
from drawn import carried, noise, pan, photograph, zoomed

from moft.errors import RequestError
from moft.metrics.flow import dense_flow
from moft.metrics.motion import MeasuredMotion, followed, judged, measure
from moft.request.motion import Motion
from moft.types import ClipSize


@pytest.mark.parametrize("source", ["china.jpg", "flower.jpg", "noise"])
@pytest.mark.parametrize("speed", [0.5, 1, 2, 4])
def test_mean_motion_of_a_pan_is_within_a_tenth(source: str, speed: float) -> None:
    picture = noise() if source == "noise" else photograph(source)
    for direction in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        velocity = (speed * direction[0], speed * direction[1])
        seen = measure(pan(velocity, 3, picture)).inside
        assert math.dist(seen, velocity) <= 0.1 * speed


def test_smooth_sky_does_not_stay_behind_in_a_slow_pan() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    picture = datasets.load_sample_image("china.jpg")[27:427, 60:460]
    assert measure(pan((-0.25, 0.25), 3, picture)).inside == pytest.approx((-0.25, 0.25), rel=0.1)


def test_speed_is_the_length_of_the_mean_and_per_frame_follows_the_clip() -> None:
    measured = measure(carried(noise(), [(0, 0), (3, 0), (3, 2)]))
    assert measured.per_frame[0] == pytest.approx((3, 0), abs=0.1)
    assert measured.per_frame[1] == pytest.approx((0, 2), abs=0.1)
    assert measured.inside == pytest.approx((1.5, 1), abs=0.1)
    assert measured.speed == pytest.approx(math.hypot(*measured.inside))
    assert measured.mean_speed == pytest.approx(2.5, abs=0.1)
    assert measured.outside is None


def test_there_and_back_cancels_in_speed_but_not_in_mean_speed() -> None:
    measured = measure(carried(noise(), [(0, 0), (2, 0), (0, 0)]))
    assert measured.speed < 0.1
    assert measured.mean_speed > 1.8


def test_a_still_clip_measures_zero() -> None:
    measured = measure(pan((0, 0)))
    assert measured.mean_speed == pytest.approx(0, abs=1e-3)
    assert measured.zoom == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_constant_grey_clip_measures_zero_and_never_nan(grey: int) -> None:
    measured = measure(np.full((3, 64, 64, 3), grey, np.uint8), np.eye(64))
    assert measured.outside is not None
    values = [*measured.inside, *measured.outside, measured.speed, measured.mean_speed, measured.zoom]
    assert values == pytest.approx([0.0] * 7, abs=1e-6)


def test_moving_and_still_halves_are_told_apart() -> None:
    video = pan((0, 0), picture=noise(5))
    video[:, :, :32] = pan((0, 2))[:, :, :32]
    left_half = np.zeros((64, 64), np.float32)
    left_half[:, :32] = 1
    measured = measure(video, left_half)
    assert measured.inside == pytest.approx((0, 2), abs=0.3)
    assert measured.outside == pytest.approx((0, 0), abs=0.3)
    swapped = measure(video, 1 - left_half)
    assert swapped.inside == pytest.approx(measured.outside)
    assert swapped.outside == pytest.approx(measured.inside)


def test_a_mask_of_another_size_covers_the_same_part_of_the_frame() -> None:
    video = pan((0, 0), picture=noise(5))
    video[:, :, :32] = pan((0, 2))[:, :, :32]
    small, large = np.array([[1.0, 0.0]]), np.repeat([[1.0, 0.0]], 320, axis=1)
    exact = np.repeat([[1.0, 0.0]], 32, axis=1).repeat(64, axis=0)
    assert measure(video, small) == measure(video, large) == measure(video, exact)
    first, last = np.zeros((64, 64)), np.zeros((64, 64))
    first[:, :21], last[:, 43:] = 1, 1  # a third of 64 px, by pixel centres, the same from either end
    assert measure(video, np.array([[1.0, 0.0, 0.0]])) == measure(video, first)
    assert measure(video, np.array([[0.0, 0.0, 1.0]])) == measure(video, last)


def test_a_soft_mask_weighs_pixels() -> None:
    video = pan((0, 0), picture=noise(5))
    video[:, :, :32] = pan((0, 2))[:, :, :32]
    inside = measure(video, np.array([[1.0, 0.5]])).inside
    hard = measure(video, np.array([[1.0, 0.0]]))
    assert hard.outside is not None
    assert inside[1] == pytest.approx((hard.inside[1] + 0.5 * hard.outside[1]) / 1.5)


@pytest.mark.parametrize("rate", [1.04, 1.02, 1 / 1.02, 1 / 1.04])
def test_zoom_has_the_drawn_sign_and_rate(rate: float) -> None:
    measured = measure(zoomed(rate))
    assert measured.zoom == pytest.approx(rate - 1, rel=0.1)
    assert measured.speed < 0.1


def test_zoom_is_the_same_in_a_clip_that_is_not_square() -> None:
    for clip in (zoomed(1.03)[:, :48], zoomed(1.03)[:, :, :48]):
        assert measure(clip).zoom == pytest.approx(0.03, rel=0.1)


def test_a_single_pixel_has_no_zoom() -> None:
    pixel = np.zeros((64, 64))
    pixel[30, 40] = 1
    assert measure(pan((1, 0), 2), pixel).zoom == 0


def test_a_pan_is_no_zoom() -> None:
    assert abs(measure(pan((2, 1))).zoom) < 0.002


def test_a_clip_played_backwards_negates() -> None:
    for clip in (pan((2, -1)), zoomed(1.03)):
        forth, back = measure(clip), measure(clip[::-1])
        assert back.inside == pytest.approx((-forth.inside[0], -forth.inside[1]), abs=0.1)
        assert back.zoom == pytest.approx(-forth.zoom, abs=0.003)
        assert max(forth.speed, abs(forth.zoom)) > 0.02


def test_measured_motion_is_plain_json() -> None:
    data = measure(pan((1, 0), 3), np.array([[1.0, 0.0]])).to_json()
    assert {"inside", "outside", "per_frame", "speed", "mean_speed", "zoom"} <= set(data)
    assert {"turn", "named", "moving", "mover", "where", "quarters", "found", "lost"} <= set(data)
    assert json.loads(json.dumps(data)) == data


MEASURED: dict[tuple[bytes, tuple[int, ...]], MeasuredMotion] = {}  # each clip once


def asked(motion: Motion, video: np.ndarray) -> bool:
    key = video.tobytes(), video.shape
    if key not in MEASURED:
        MEASURED[key] = measure(video)
    return followed(MEASURED[key], motion, ClipSize.of(video))


def test_a_direction_is_followed_within_45_degrees_and_from_a_third_of_the_speed() -> None:
    video = pan((-2, 0))
    assert asked(Motion("left", speed="2px"), video)
    assert asked(Motion(180 + 40, speed="2px"), video)
    assert not asked(Motion(180 + 50, speed="2px"), video)
    assert not asked(Motion("right", speed="2px"), video)
    assert asked(Motion("left", speed="6px"), video)
    assert not asked(Motion("left", speed="7px"), video)


def test_still_is_followed_by_a_still_clip_only() -> None:
    for motion in (Motion("still"), Motion("left", speed=0), Motion(path=[(0, 0), (0, 0)])):
        assert asked(motion, pan((0, 0)))
        assert not asked(motion, pan((0.5, 0)))
        assert not asked(motion, carried(noise(), [(0, 0), (2, 0), (0, 0)]))


def test_a_zoom_is_followed_by_its_sign_and_rate() -> None:
    assert asked(Motion("zoom in", speed=0.01), zoomed(1.02))
    assert asked(Motion("zoom out", speed=0.01), zoomed(1 / 1.02))
    assert not asked(Motion("zoom out", speed=0.01), zoomed(1.02))
    assert not asked(Motion("zoom in", speed=0.04), zoomed(1.02))
    assert not asked(Motion("zoom in", speed=0.01), pan((2, 0)))


def test_a_path_is_followed_by_its_shape_and_amplitude() -> None:
    there_and_back = carried(noise(), [(0, 0), (3, 0), (6, 0), (3, 0), (0, 0)])
    assert asked(Motion(path=[(0, 0), (6 / 64, 0), (0, 0)]), there_and_back)
    assert not asked(Motion(path=[(0, 0), (-6 / 64, 0), (0, 0)]), there_and_back)
    assert not asked(Motion(path=[(0, 0), (0, 6 / 64), (0, 0)]), there_and_back)
    assert not asked(Motion(path=[(0, 0), (24 / 64, 0), (0, 0)]), there_and_back)
    assert not asked(Motion(path=[(0, 0), (6 / 64, 0), (0, 0)]), pan((3, 0)))
    assert not asked(Motion(path=[(0, 0), (6 / 64, 0)]), pan((1.5, 3)))  # far enough right, but mostly down
    assert not asked(Motion(path=[(0, 0), (6 / 64, 0), (0, 0)]), pan((0, 0)))


def test_followed_refuses_another_number_of_frames() -> None:
    measured = MeasuredMotion((1, 0), None, ((1, 0), (1, 0)), 1, 1, 0)
    assert followed(measured, Motion("right", speed="1px"), ClipSize(3, 64, 64))
    with pytest.raises(RequestError, match="3 frames"):
        followed(measured, Motion("right"), ClipSize(4, 64, 64))


@pytest.mark.parametrize(
    ("video", "received"),
    [
        (np.zeros((1, 64, 64, 3), np.uint8), "(1, 64, 64, 3)"),
        (np.zeros((2, 64, 64, 4), np.uint8), "(2, 64, 64, 4)"),
        (np.zeros((2, 64, 64), np.uint8), "(2, 64, 64)"),
        (np.zeros((2, 15, 64, 3), np.uint8), "(2, 15, 64, 3)"),
        (np.zeros((2, 64, 64, 3), np.float32), "float32"),
        ([[0]], "[[0]]"),
    ],
)
def test_a_video_of_the_wrong_kind_is_refused_naming_what_came(video: np.ndarray, received: str) -> None:
    for function in (dense_flow, measure):
        with pytest.raises(RequestError, match="frames >= 2") as refusal:
            function(video)
        assert received in str(refusal.value)


@pytest.mark.parametrize(
    "mask",
    [
        np.ones((64, 64, 1)),
        np.ones((64, 64), np.uint8),
        np.ones((0, 4)),
        np.full((4, 4), 255.0),
        np.full((4, 4), -0.1),
        np.full((4, 4), np.nan),
        [[1.0]],
    ],
)
def test_a_mask_of_the_wrong_kind_is_refused(mask: np.ndarray) -> None:
    with pytest.raises(RequestError, match="mask"):
        measure(pan((0, 0), 2), mask)


def test_a_mask_without_a_region_inside_the_border_is_refused() -> None:
    only_border = np.zeros((64, 64))
    only_border[:4] = 1
    for empty in (np.zeros((64, 64)), only_border):
        with pytest.raises(RequestError, match="4 px or more"):
            measure(pan((0, 0), 2), empty)
    assert measure(pan((0, 0), 2), np.ones((3, 3))).outside is None


# ---------------------------------------------------------------- regions that move, and by how much


def test_a_region_of_each_frame_is_measured_where_it_is() -> None:
    video = np.concatenate([pan((2, 0))[:, :, :32], pan((-2, 0))[:, :, 32:]], 2)
    mask = np.zeros((5, 64, 64))
    mask[:2, :, :24] = mask[2:, :, 40:] = 1  # the border between the halves left out
    assert [x for x, _ in measure(video, mask).per_frame] == pytest.approx([2, 2, -2, -2], abs=0.2)


def test_a_region_alike_in_all_frames_is_one_that_does_not_move() -> None:
    video, mask = pan((1, 2)), np.zeros((32, 32))
    mask[8:20, 10:30] = 1
    assert measure(video, mask) == measure(video, np.repeat(mask[None], 5, 0))


def test_steps_without_a_region_count_as_the_others() -> None:
    mask = np.ones((5, 64, 64))
    mask[1] = 0
    some, found = measure(pan((2, 0))), measure(pan((2, 0)), mask)
    others = np.delete(np.array(some.per_frame), 1, 0).mean(0)
    assert found.per_frame[1] == pytest.approx(tuple(others)) and found.inside == pytest.approx(tuple(others))
    assert math.isfinite(found.zoom) and math.isfinite(found.mean_speed)


def test_masks_of_another_number_of_frames_are_refused() -> None:
    with pytest.raises(RequestError, match="one for each of 5 frames"):
        measure(pan((1, 0)), np.ones((4, 64, 64)))


def verdict(velocity: tuple[float, float], motion: Motion) -> tuple[bool, float, float | None]:
    found = judged(measure(pan(velocity)), motion, ClipSize(5, 64, 64))
    return found.followed, found.share, found.angle


def test_a_verdict_says_by_how_much_a_direction_was_missed() -> None:
    right = Motion("right", speed="2px")
    assert verdict((2, 0), right) == (True, pytest.approx(1, abs=0.1), pytest.approx(0, abs=3))
    assert verdict((1, 0), right) == (True, pytest.approx(0.5, abs=0.1), pytest.approx(0, abs=3))
    assert verdict((0, 2), right) == (False, pytest.approx(0, abs=0.1), pytest.approx(90, abs=3))
    assert verdict((-2, 0), right) == (False, pytest.approx(-1, abs=0.1), pytest.approx(180, abs=3))


def test_a_verdict_on_stillness_and_zooms_has_no_angle() -> None:
    assert verdict((0, 0), Motion("still")) == (True, 1.0, None)
    fine, share, angle = verdict((2, 0), Motion("still"))
    assert not fine and share == pytest.approx(0.16, abs=0.03) and angle is None  # 0.32 px would be still
    found = judged(measure(zoomed(1.02)), Motion("zoom in", speed="0.64px"), ClipSize(5, 64, 64))
    assert found.followed and found.share == pytest.approx(1, abs=0.2) and found.angle is None


def test_a_clip_without_motion_goes_nowhere() -> None:
    grey = np.full((5, 64, 64, 3), 90, np.uint8)
    found = judged(measure(grey), Motion("left"), ClipSize(5, 64, 64))
    assert (found.followed, found.share, found.angle) == (False, 0, None)


def test_a_motion_with_a_course_is_followed_by_its_course() -> None:
    late = Motion("right", speed="2px", span=(0.5, 1))
    done = carried(noise(), [(0, 0), (0, 0), (0, 0), (2, 0), (4, 0)])
    back = carried(noise(), [(0, 0), (-2, 0), (-4, 0), (-2, 0), (0, 0)])
    found = judged(measure(done), late, ClipSize(5, 64, 64))
    assert (
        found.followed
        and found.share == pytest.approx(1, abs=0.1)
        and found.angle == pytest.approx(0, abs=10)
    )
    assert not followed(measure(back), late, ClipSize(5, 64, 64))


def test_a_zoom_in_a_span_is_judged_by_its_mean_rate() -> None:
    half = Motion("zoom in", speed="1.28px", span=(0, 0.5))  # 4 % a frame, in half of the frames
    assert judged(measure(zoomed(1.02)), half, ClipSize(5, 64, 64)).share == pytest.approx(1, abs=0.2)
