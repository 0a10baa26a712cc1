"""Clips whose motion is known because it was drawn."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from moft.media.writing import write_video

FINE = 4  # the source has this many pixels per clip pixel, so that quarter pixels are drawn exactly


@cache
def noise(seed: int = 0) -> np.ndarray:
    """Smooth noise uint8 (400 400 3), made once and read-only."""
    field = np.random.default_rng(seed).normal(size=(400, 400, 3))
    fine, coarse = (cv2.GaussianBlur(field, (0, 0), s) for s in (5, 12))
    smooth = 5 * fine + 12 * coarse
    picture = np.clip(128 + 50 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    picture.flags.writeable = False
    return picture


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


def slopes(velocity: torch.Tensor) -> np.ndarray:
    """Clips uint8 (b 8 64 64 3) of two slopes, red along x and green along y, that go by velocities (b 2) px
    a frame."""
    clock, axis = torch.arange(8.0) - 3.5, torch.arange(64.0)
    at = axis - velocity[:, :, None, None] * clock[:, None]  # (b 2 f 64)
    x, y = at[:, 0, :, None, :].expand(-1, -1, 64, -1), at[:, 1, :, :, None].expand(-1, -1, -1, 64)
    return (64 + 2 * torch.stack([x, y, torch.zeros_like(x)], -1)).round().clamp(0, 255).byte().numpy()


def noise_clip(path: Path, frames: int, step: int = 2) -> Path:
    """A file of frames of 64 x 64 px whose content goes to the right by `step` px a frame."""
    field = np.random.default_rng(0).integers(0, 255, (24, 80, 3)).astype(np.uint8)
    fine = field.repeat(4, 0).repeat(4, 1)
    write_video(path, np.stack([fine[:64, 200 - step * i : 264 - step * i] for i in range(frames)]))
    return path


def noise_picture(path: Path) -> Path:
    """A file of one picture of 120 x 90 px."""
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (90, 120, 3), np.uint8)).save(path)
    return path
