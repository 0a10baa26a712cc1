"""What scenes are made of: procedural textures and crops of photographs, as tiles that repeat without a
seam."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
import torch.nn.functional as F

from moft.known.photographs import training_photographs

TEXTURES = ("noise", "cells", "checks", "stripes")
PHOTO = "photo"  # a texture that keeps its own colours, so its caption names none
TILE = 128  # texels; textures tile, so a camera never runs out of scene


@dataclasses.dataclass(frozen=True)
class Bank:
    """Textures made once and seen from everywhere: `tiles` (n 3 132 132), 2 texels at each edge wrapped
    round."""

    tiles: torch.Tensor
    kinds: list[str]

    @classmethod
    def make(cls, textures: int, photos: bool, seed: int, device: str = "cpu") -> Bank:
        """`textures` procedural tiles and, if asked, a quarter as many crops of photographs."""
        rng = np.random.default_rng(seed)
        kinds = [TEXTURES[i % len(TEXTURES)] for i in range(textures)]
        tiles = [np.repeat(_texture(kind, rng)[None], 3, 0) for kind in kinds]
        if photos:
            more = max(1, textures // 4)
            kinds += [PHOTO] * more
            tiles += [_photo_tile(rng) for _ in range(more)]
        stacked = torch.from_numpy(np.stack(tiles).astype(np.float32))
        return cls(F.pad(stacked, (2, 2, 2, 2), mode="circular").to(device), kinds)


def _fractal(rng: np.random.Generator, slope: float) -> np.ndarray:
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(TILE), np.fft.fftfreq(TILE))) * TILE
    spectrum = np.fft.fft2(rng.standard_normal((TILE, TILE))) / np.maximum(k, 1.5) ** slope
    spectrum[(k > TILE / 7) | (k < 1)] = 0
    return _stretch(np.fft.ifft2(spectrum).real)


def _stretch(grey: np.ndarray) -> np.ndarray:
    """Spread grey values over 0..1, so that every texture has contrast."""
    low, high = np.percentile(grey, (3, 97))
    return np.clip((grey - low) / (high - low + 1e-6), 0, 1)


def _waves(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A warped coordinate that tiles, and the wave number along it."""
    y, x = np.meshgrid(*[np.arange(TILE) / TILE] * 2, indexing="ij")
    n = rng.integers(4, 10)
    angle = rng.uniform(0, math.pi)
    a, b = round(n * math.cos(angle)), round(n * math.sin(angle))
    return 2 * math.pi * (a * x + b * y) + rng.uniform(0, 2 * math.pi), math.hypot(a, b)


def _texture(kind: str, rng: np.random.Generator) -> np.ndarray:
    """One grey tile (128 128) in 0..1. All but noise carry a little of it: pure stripes would hide their
    motion."""
    noise = _fractal(rng, rng.uniform(1.2, 2.0))
    if kind == "noise":
        return noise
    if kind == "stripes":
        pattern = 0.5 + 0.5 * np.tanh(2 * np.sin(_waves(rng)[0] + 2.5 * noise))
    elif kind == "checks":
        phase, _ = _waves(rng)
        pattern = 0.5 + 0.5 * np.tanh(3 * np.sin(phase) * np.sin(np.rot90(phase)))
    else:
        points = rng.uniform(0, TILE, (rng.integers(24, 80), 2))
        y, x = np.meshgrid(*[np.arange(TILE)] * 2, indexing="ij")
        gap = np.abs(np.stack([y, x], -1)[:, :, None] - points)
        pattern = _stretch(np.sqrt((np.minimum(gap, TILE - gap) ** 2).sum(-1).min(-1)))
    return _stretch(0.75 * pattern + 0.25 * noise)


def _photo_tile(rng: np.random.Generator) -> np.ndarray:
    """A random square of a training photograph, mirrored so that it tiles, (3 128 128) in 0..1."""
    from PIL import Image

    photos = list(training_photographs().values())
    photo = photos[rng.integers(len(photos))]
    side = int(rng.uniform(0.35, 1.0) * min(photo.shape[:2]))
    top, left = (int(rng.integers(n - side + 1)) for n in photo.shape[:2])
    crop = Image.fromarray(photo[top : top + side, left : left + side])
    corner = np.asarray(crop.resize((TILE // 2, TILE // 2), Image.Resampling.BOX), np.float32) / 255
    half = np.concatenate([corner, corner[:, ::-1]], 1)
    return np.concatenate([half, half[::-1]], 0).transpose(2, 0, 1)
