"""VBench's dimensions of one clip against closed forms, drawn clips, and OpenCV."""

import math

import cv2
import numpy as np
import pytest
from drawn import carried, noise, pan, zoomed
from scipy.ndimage import gaussian_filter

from moft.errors import RequestError
from moft.metrics.quality import (
    Encoder,
    Judge,
    camera_motion,
    consistency,
    dynamic_degree,
    imaging_quality,
    psnr,
    temporal_flickering,
)
from moft.metrics.tracks import Tracks, flow_tracks

RNG = np.random.default_rng(0)


def test_flickering_is_the_mean_difference_of_neighbouring_frames() -> None:
    frames = np.array([0, 51, 0, 102], np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    assert temporal_flickering(frames) == pytest.approx(1 - (51 + 51 + 102) / 3 / 255)
    assert temporal_flickering(frames[:1].repeat(4, 0)) == temporal_flickering(frames[:1]) == 1
    assert temporal_flickering(np.stack([np.zeros((8, 8, 3)), np.full((8, 8, 3), 255)]).astype(np.uint8)) == 0


def test_flickering_agrees_with_opencv() -> None:
    video = RNG.integers(0, 256, (5, 16, 24, 3), np.uint8)
    steps = [
        cv2.absdiff(a.astype(np.float32), b.astype(np.float32)).mean()
        for a, b in zip(video, video[1:], strict=False)
    ]
    assert temporal_flickering(video) == pytest.approx((255 - np.mean(steps)) / 255, abs=1e-6)


def test_a_clip_is_dynamic_from_six_pixels_of_256_in_a_quarter_of_its_frames() -> None:
    assert not dynamic_degree(pan((0, 0)))
    assert not dynamic_degree(pan((1, 0)))  # the bound is 1.5 px at 64
    assert dynamic_degree(pan((2, 0)))
    jumps = carried(noise(), [(0, 0)] * 6 + [(3, 0)] * 6)
    assert not dynamic_degree(jumps)  # one fast step, where three are needed
    assert dynamic_degree(jumps[4:9])


def test_a_small_thing_that_moves_is_enough() -> None:
    video = pan((0, 0), 5)
    video[:, 20:44, 20:44] = pan((3, 0), 5, noise(5))[:, 20:44, 20:44]  # 14 % of the picture
    assert dynamic_degree(video)


def test_dynamic_degree_thins_out_fast_clips_and_asks_more_of_slow_ones() -> None:
    slow = pan((1, 0), 9)
    assert dynamic_degree(slow, fps=24) and not dynamic_degree(slow, fps=8)  # every third frame: 3 px
    assert dynamic_degree(pan((2, 0)), fps=8) and not dynamic_degree(pan((2, 0)), fps=4)
    assert not dynamic_degree(pan((0, 0), 2))  # VBench's own rounding would say so of any 2 frames
    for fps in (0, -1, math.nan):
        with pytest.raises(RequestError, match="fps"):
            dynamic_degree(slow, fps=fps)


@pytest.mark.parametrize(
    ("clip", "labels"),
    [
        (pan((0, 0)), ("static",)),
        (pan((-2, 0)), ("pan_right",)),
        (pan((2, 0)), ("pan_left",)),
        (pan((0, -2)), ("tilt_down",)),
        (pan((0, 2)), ("tilt_up",)),
        (pan((2, 2)), ("pan_left", "tilt_up")),
        (zoomed(1.05), ("zoom_in",)),
        (zoomed(1 / 1.05), ("zoom_out",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_camera_is_named_opposite_to_the_picture(clip: np.ndarray, labels: tuple[str, ...]) -> None:
    assert set(labels) <= set(camera_motion(flow_tracks(clip)))


def four(
    top: tuple[float, float], down: tuple[float, float], left: tuple[float, float], right: tuple[float, float]
) -> Tracks:
    start = np.array([(31.5, 0), (31.5, 63), (0, 31.5), (63, 31.5)])
    points = np.stack([start, start + [top, down, left, right]], axis=1)
    return Tracks(points, np.ones((4, 2), bool), 64, 64)


def test_camera_labels_follow_the_rule_of_the_four_edges() -> None:
    none = (0.0, 0.0)
    assert camera_motion(four((0, -3), (0, 3), (-3, 0), (3, 0))) == ("zoom_in",)
    assert camera_motion(four((0, 3), (0, -3), none, none)) == ("zoom_out",)  # static gives way
    assert camera_motion(four((3, 0), (-3, 0), (0, 3), (0, -3))) == ()  # it turns: nothing agrees
    assert camera_motion(four((-3, -3), (-3, -3), (-3, -3), (-3, -3))) == ("pan_right", "tilt_down")
    bound = 0.005 * 64
    assert camera_motion(four(*[(0.99 * bound, 0)] * 4)) == ("static",)
    assert camera_motion(four(*[(1.01 * bound, 0)] * 4)) == ("pan_left",)
    with pytest.raises(RequestError, match="track"):
        camera_motion(Tracks(np.zeros((0, 2, 2)), np.zeros((0, 2), bool), 64, 64))


def test_consistency_is_vbenchs_mean_with_any_encoder() -> None:
    codes = RNG.normal(size=(5, 7))
    video = np.zeros((5, 8, 8, 3), np.uint8)

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return max(0.0, float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))

    sums = [(cosine(codes[i], codes[i - 1]) + cosine(codes[i], codes[0])) / 2 for i in range(1, 5)]
    assert consistency(video, Encoder("random", lambda _: codes)) == pytest.approx(np.mean(sums))
    with pytest.raises(RequestError, match="random"):
        consistency(video, Encoder("random", lambda _: codes[:3]))
    with pytest.raises(RequestError, match="2 frames"):
        consistency(video[:1])


def test_thumbnails_tell_another_scene_and_are_defined_for_black() -> None:
    clip = pan((1, 0))
    cut = np.concatenate([clip, pan((1, 0), picture=255 - noise(8))])
    assert consistency(clip) > 0.98 > consistency(cut)
    black = np.zeros((3, 16, 16, 3), np.uint8)
    assert consistency(black) == 1
    black[1:] = 255
    assert consistency(black) == pytest.approx(0.25)  # white is like white before, unlike black first


def test_imaging_quality_is_the_mean_rating_of_any_judge() -> None:
    video = np.zeros((3, 8, 8, 3), np.uint8)
    assert imaging_quality(video, Judge("fixed", lambda _: np.array([0.2, 0.3, 0.7]))) == pytest.approx(0.4)
    for ratings in (np.ones(2), np.ones((3, 1)), np.array([1, np.nan, 1])):
        with pytest.raises(RequestError, match="one finite rating.*nobody"):
            imaging_quality(video, Judge("nobody", lambda _, ratings=ratings: ratings))
    with pytest.raises(RequestError, match="0 frames"):
        imaging_quality(video[:0])


def test_sharpness_falls_with_blur_and_is_nought_for_one_plain_colour() -> None:
    sharp = pan((2, 0))
    found = [
        imaging_quality(np.stack([gaussian_filter(frame, (width, width, 0)) for frame in sharp]))
        for width in (0, 1, 2, 4)
    ]
    assert found == sorted(found, reverse=True) and 1 >= found[0] > found[-1] + 0.2 > 0.2
    for level in (0, 128, 255):
        assert imaging_quality(np.full((2, 32, 32, 3), level, np.uint8)) == 0


def test_psnr_is_ten_times_the_logarithm_of_the_peak_over_the_error() -> None:
    black = np.zeros((2, 4, 4, 3), np.uint8)
    assert psnr(black, black) == math.inf and psnr(black, black + 255) == 0
    assert psnr(black + 10, black) == psnr(black, black + 10) == pytest.approx(20 * math.log10(25.5))
