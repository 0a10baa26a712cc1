"""How far measuring reaches, and what it says where a mean says little: on clips that were drawn."""

from __future__ import annotations

import math
import subprocess
import sys

import cv2
import numpy as np
import pytest
from drawn import carried, noise, pan, photograph, zoomed

from moft.metrics.motion import judged, measure
from moft.request.motion import Motion
from moft.runs.words import describe, in_words
from moft.types import ClipSize


def fast(share: float, angle: float, source: str = "noise", side: int = 64) -> np.ndarray:
    """Two frames whose content goes by a share of the side at an angle."""
    picture = cv2.resize(noise() if source == "noise" else photograph(source), (4 * side, 4 * side))
    x, y = share * side * math.cos(angle), share * side * math.sin(angle)
    frames = []
    for i in (-0.5, 0.5):
        shift = np.float32([[1, 0, i * x - 1.5 * side], [0, 1, i * y - 1.5 * side]])
        frames.append(cv2.warpAffine(picture, shift, (side, side), flags=cv2.INTER_LINEAR))
    return np.stack(frames)


@pytest.mark.parametrize("source", ["noise", "china.jpg", "flower.jpg"])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.15, 0.25, 0.4, 0.5])
def test_a_pan_is_right_to_a_tenth_up_to_half_the_side(source: str, share: float) -> None:
    for angle in (0, 1.5 * math.pi):
        found = measure(fast(share, angle, source))
        wanted = (64 * share * math.cos(angle), 64 * share * math.sin(angle))
        assert math.dist(found.inside, wanted) <= 0.1 * 64 * share
        assert found.found > 0.6 and not found.lost


def test_a_pan_of_a_larger_picture_is_right_too() -> None:
    assert measure(fast(0.3, math.pi, side=200)).inside == pytest.approx((-60, 0), abs=3)


def turned(degrees: float, scale: float = 1.0) -> np.ndarray:
    """Content turned clockwise by so much a frame about the centre."""
    clip = []
    for i in range(4):
        matrix = cv2.getRotationMatrix2D((199.5, 199.5), -degrees * i, scale**i)
        whole = cv2.warpAffine(noise(3), matrix, (400, 400), flags=cv2.INTER_CUBIC)
        clip.append(cv2.resize(whole[72:328, 72:328], (64, 64), interpolation=cv2.INTER_AREA))
    return np.stack(clip)


@pytest.mark.parametrize("degrees", [4, -4])
def test_a_turn_is_followed_by_one_that_turns_that_way(degrees: float) -> None:
    way = "clockwise" if degrees > 0 else "counterclockwise"
    found, size = measure(turned(degrees)), ClipSize(4, 64, 64)
    verdict = judged(found, Motion(f"turn {way} 4deg"), size)
    assert verdict.followed and verdict.share == pytest.approx(1, rel=0.05)
    other = "counterclockwise" if degrees > 0 else "clockwise"
    assert not judged(found, Motion(f"turn {other} 4deg"), size).followed
    assert not judged(found, Motion(f"turn {way} 20deg"), size).followed


@pytest.mark.parametrize("degrees", [1.5, 4, 9, -4])
def test_a_turn_has_its_degrees_and_is_not_still(degrees: float) -> None:
    found = measure(turned(degrees))
    assert found.turn == pytest.approx(degrees, rel=0.05) and found.zoom == pytest.approx(0, abs=0.004)
    assert found.named == f"turning {'counter' if degrees < 0 else ''}clockwise" and found.speed < 0.1
    assert found.named in describe(found.to_json()) and "still" not in describe(found.to_json())


def test_a_turn_that_zooms_is_told_as_both() -> None:
    found = measure(turned(2.5, 1.04))
    assert found.named == "zoom in, turning clockwise"
    assert found.zoom == pytest.approx(0.04, rel=0.1) and found.turn == pytest.approx(2.5, rel=0.1)


@pytest.mark.parametrize("rate", [1.03, 1.1, 1.2, 1 / 1.1])
def test_a_zoom_is_named(rate: float) -> None:
    assert measure(zoomed(rate)).named == f"zoom {'in' if rate > 1 else 'out'}"


@pytest.mark.parametrize("speed", [1, 2, 4, 8])
def test_halves_that_move_apart_are_neither_still_nor_a_zoom(speed: int) -> None:
    left, right = pan((-speed, 0), 3)[:, :, :32], pan((speed, 0), 3, noise(7))[:, :, 32:]
    found = measure(np.concatenate([left, right], 2))
    assert found.named == "apart" and found.mean_speed == pytest.approx(speed, rel=0.1)
    assert [q and q[0] for q in found.quarters] == pytest.approx([-speed, speed, -speed, speed], rel=0.15)
    assert "top left (-" in describe(found.to_json()) and "still" not in describe(found.to_json())


def mover(speed: int, side: int = 20) -> np.ndarray:
    """A patch that goes right over a ground that stands still."""
    clip, patch = pan((0, 0), 4, noise(5)), pan((0, 0), 2, noise(9))[0][10 : 10 + side, 10 : 10 + side]
    for i, frame in enumerate(clip):
        frame[20 : 20 + side, 8 + speed * i : 8 + speed * i + side] = patch
    return clip


@pytest.mark.parametrize("speed", [2, 3, 4])
def test_a_small_mover_is_a_part_and_makes_no_verdict_on_the_frame(speed: int) -> None:
    clip = mover(speed)
    found, size = measure(clip), ClipSize.of(clip)
    assert found.named == "part" and found.moving == pytest.approx(0.15, abs=0.06)
    assert found.mover is not None and found.mover[0] > 0.6 * speed > 1 > abs(found.mover[1])
    assert found.where is not None
    x, y, width, height = found.where
    assert (y, height) == pytest.approx((20, 20), abs=4) and 4 <= x <= 14 and x + width >= 24 + 2 * speed
    verdict = judged(found, Motion("right", speed=f"{found.speed:.2f}px"), size)
    assert not verdict.followed and verdict.share > 0.9 and "of it moves" in str(verdict.reason)
    assert "still but for" in describe(found.to_json())
    mask = np.zeros((64, 64))
    mask[20:40, 8:46] = 1
    assert judged(measure(clip, mask), Motion("right", speed="1px"), size).followed


def test_a_large_mover_makes_the_verdict() -> None:
    clip = mover(2, 36)
    assert judged(measure(clip), Motion("right", speed="1px"), ClipSize.of(clip)).followed


@pytest.mark.parametrize("deviation", [2, 5, 10])
def test_noise_over_a_still_clip_leaves_it_still(deviation: float) -> None:
    drawn = np.random.default_rng(0).normal(0, deviation, (4, 64, 64, 3))
    found = measure(np.clip(pan((0, 0), 4) + drawn, 0, 255).astype(np.uint8))
    assert found.named == "still" and found.found > 0.9


def cut_clips() -> dict[str, np.ndarray]:
    return {
        "a cut": np.concatenate([pan((0, 0), 1, photograph(p)) for p in ("china.jpg", "flower.jpg")]),
        "black": np.zeros((4, 64, 64, 3), np.uint8),
        "grey": np.full((4, 64, 64, 3), 128, np.uint8),
        "noise": np.random.default_rng(0).integers(0, 255, (4, 64, 64, 3)).astype(np.uint8),
    }


@pytest.mark.parametrize("kind", ["a cut", "black", "grey", "noise"])
def test_what_cannot_be_found_again_is_unknown_and_follows_nothing(kind: str) -> None:
    clip = cut_clips()[kind]
    found, size = measure(clip), ClipSize.of(clip)
    assert found.named == "unknown" and found.found < 0.2 and "found again" in describe(found.to_json())
    asked = (Motion("still"), Motion(math.degrees(math.atan2(*found.inside[::-1])), speed="0.5px"))
    assert not any(judged(found, motion, size).followed for motion in asked)
    if kind in ("black", "grey"):
        assert "found again" in str(judged(found, Motion("still"), size).reason)


def test_a_cut_between_pans_is_told_with_its_frame() -> None:
    clips = [pan((1, 0), 4, photograph(p)) for p in ("china.jpg", "flower.jpg")]
    found = measure(np.concatenate(clips))
    assert found.lost == (3,) and "lost after frame 4: a cut?" in describe(found.to_json())


def test_there_and_back_is_named() -> None:
    clip = carried(noise(), [(0, 0), (3, 0), (6, 0), (3, 0), (0, 0)])
    assert measure(clip).named == "there and back"


def test_a_record_without_the_names_is_still_described() -> None:
    old = {"inside": [-1.42, 0.1], "outside": None, "speed": 1.43, "mean_speed": 1.6, "zoom": 0.001}
    assert describe(old) == "left, 1.43 px a frame (-1.42, +0.10); zoom +0.10% a frame"
    told = {"followed": True, "share": 0.5, "angle": 3.0, "motion": old}
    assert in_words({"goal": {"direction": "left"}, "steered": told}).startswith("yes, 50%")


def test_memory_does_not_grow_with_the_frames() -> None:
    """Of five times as many frames of 180 x 320 px, no more than their own bytes and 20 MB."""
    program = """
import resource, sys, numpy as np
from moft.metrics.motion import measure
frames = int(sys.argv[1])
wide = np.random.default_rng(0).integers(0, 255, (34, 80, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
clip = np.stack([wide[:180, i : i + 320] for i in range(frames)])
measure(clip)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - 2 * clip.nbytes)
"""
    few, many = (
        int(subprocess.run([sys.executable, "-c", program, n], capture_output=True, check=True).stdout)
        for n in ("3", "16")
    )
    assert many - few < 20e6


def test_what_trembles_less_than_a_still_clip_may_is_still() -> None:
    chance = np.random.default_rng(0)
    parts = [
        carried(noise(i), list(map(tuple, chance.uniform(-0.3, 0.3, (6, 2)))))[:, :32, :32] for i in range(4)
    ]
    found = measure(np.concatenate([np.concatenate(parts[:2], 2), np.concatenate(parts[2:], 2)], 1))
    assert found.moving > 0.3 and found.mean_speed < 0.32 and found.named == "still"
