"""Clips whose motion is known because it was drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

FINE = 4  # the source has this many pixels per clip pixel, so that quarter pixels are drawn exactly


def noise(seed: int = 0) -> np.ndarray:
    field = np.random.default_rng(seed).normal(size=(400, 400, 3))
    fine, coarse = (cv2.GaussianBlur(field, (0, 0), s) for s in (5, 12))
    smooth = 5 * fine + 12 * coarse
    return np.clip(128 + 50 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def photograph(name: str) -> np.ndarray:
    datasets = pytest.importorskip("sklearn.datasets")
    return datasets.load_sample_image(name)[10:410, 100:500]


def carried(picture: np.ndarray, positions: list[tuple[float, float]]) -> np.ndarray:
    """The picture's content at each position (x, y) px, seen through a 64 x 64 window."""
    clip = []
    for x, y in positions:
        moved = np.roll(picture, (round(FINE * y), round(FINE * x)), axis=(0, 1))
        clip.append(cv2.resize(moved[72:328, 72:328], (64, 64), interpolation=cv2.INTER_AREA))
    return np.stack(clip)


def pan(velocity: tuple[float, float], frames: int = 5, picture: np.ndarray | None = None) -> np.ndarray:
    picture = noise() if picture is None else picture
    return carried(picture, [(velocity[0] * i, velocity[1] * i) for i in range(frames)])


def zoomed(rate: float, frames: int = 5) -> np.ndarray:
    """Content scaled by `rate` a frame about the centre."""
    picture, clip = noise(3), []
    for i in range(frames):
        zoom = cv2.getRotationMatrix2D((199.5, 199.5), 0, rate**i)
        scaled = cv2.warpAffine(picture, zoom, (400, 400), flags=cv2.INTER_CUBIC)
        clip.append(cv2.resize(scaled[72:328, 72:328], (64, 64), interpolation=cv2.INTER_AREA))
    return np.stack(clip)
