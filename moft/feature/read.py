"""What a model's layers show of clips that it did not make: encoded, brought to a noise level, read there.

Clips are uint8 (b f h w 3), timesteps noise levels 0…1000, features (b f c h w), float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from moft.errors import BackboneError
from moft.finite import check_finite
from moft.memory import enough_memory
from moft.models.hooks import capture
from moft.models.inversion import inverted
from moft.models.tap import Tap
from moft.types import ClipSize

INVERSION_STEPS = 25
# Cells of latents that are read at once, eight clips of the miniature, and that times the denoiser's weights:
# a large model gains nothing by several clips.
_CELLS, _WORK = 2**14, 2**37
Seed = int | Sequence[int]  # of the noise: of all clips together, or of each
FEWER = "use a shorter clip, a smaller size, or in Python pipe.enable_model_cpu_offload() and VAE tiling"


def at_once(tap: Tap, size: ClipSize) -> int:
    """How many clips of a size a model reads at once: as few as memory wants, 1 or more."""
    unit, stride = tap.host.pixels_per_cell, tap.host.frame_stride
    return _fitting(tap, (size.frames - 1) // stride + 1, size.height // unit, size.width // unit)


def _fitting(tap: Tap, *sides: int) -> int:
    cells = max(1, math.prod(sides))
    weights = sum(p.numel() for p in tap.denoiser.parameters())
    return max(1, min(_CELLS // cells, _WORK // (cells * max(1, weights))))


def noised_features(tap: Tap, videos: np.ndarray, timestep: int, prompt: str = "", seed: Seed = 0) -> Tensor:
    """Features (b f c h w) of clips uint8 (b f h w 3), noised to a timestep in one go.

    Args:
        seed: of the noise; with one for each clip, what is read of it is the same among any others.
    """
    return noised_layers(tap, videos, timestep, (tap.layer,), prompt, seed)[tap.layer]


@torch.no_grad()
def both_ways(tap: Tap, videos: np.ndarray, timestep: int, prompt: str = "", seed: int = 0) -> Tensor:
    """The mean of a clip's `noised_features` and, turned back, those of it played backwards: (b f c h w).

    Motion back in time is the same motion; what else the noise and the picture leave in the feature is not,
    and some of it goes.
    """
    forwards = noised_features(tap, videos, timestep, prompt, seed)
    return (forwards + noised_features(tap, videos[:, ::-1], timestep, prompt, seed).flip(1)) / 2


def noised_layers(
    tap: Tap, videos: np.ndarray, timestep: int, layers: Sequence[str], prompt: str = "", seed: Seed = 0
) -> dict[str, Tensor]:
    """As `noised_features`, for several layers in one pass: by their names.

    Args:
        layers: submodules of the denoiser; the pass stops behind `tap.layer`, so name that one last.
    Raises:
        BackboneError: a layer that the pass does not reach, a model that wants more than that, features that
            are no numbers, or too little memory.
    """
    with enough_memory("reading a clip", FEWER):
        features = _noised_layers(tap, videos, timestep, layers, prompt, seed)
    for name, feature in features.items():
        check_finite(feature, f"the features of {name!r}", tap.pipe)
    return features


def _noised_layers(
    tap: Tap, videos: np.ndarray, timestep: int, layers: Sequence[str], prompt: str, seed: Seed
) -> dict[str, Tensor]:
    latents = encode(tap, videos)
    noisy, told = tap.noised(latents, _noise(latents, seed), timestep)
    size = 1 if tap.host.takes_one else _fitting(tap, *latents.shape[2:])
    features: dict[str, list[Tensor]] = {name: [] for name in layers}
    for i in range(0, len(latents), size):
        some, images = slice(i, i + size), videos[i : i + size, 0]
        call = tap.first_call([prompt] * len(images), latents[some], images)
        with capture(tap.denoiser, layers) as seen:
            tap.features_of(noisy[some], told, call)
        for name in layers:
            if name not in seen:
                raise BackboneError(
                    f"{name!r} runs behind {tap.layer!r}, where reading stops; read it by itself"
                )
            features[name].append(tap.grid(seen[name], call, name).float())
    return {name: torch.cat(parts) for name, parts in features.items()}


def _noise(latents: Tensor, seed: Seed) -> Tensor:
    if isinstance(seed, int):
        return torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed)).to(latents)
    return torch.cat([_noise(one[None], number) for one, number in zip(latents, seed, strict=True)])


@torch.no_grad()
def inverted_features(tap: Tap, videos: np.ndarray, timestep: int, prompt: str = "", seed: int = 0) -> Tensor:
    """Features (b f c h w) of clips brought to a timestep by inversion: deterministic, the seed has no say.

    Raises:
        BackboneError: a sampler other than DDIM, latents or features that are no numbers, too little memory.
    """
    with enough_memory("inverting a clip", FEWER):
        latents = encode(tap, videos)
        call = tap.first_call([prompt] * len(latents), latents)
        levels = inverted(tap, latents, INVERSION_STEPS, prompt)
        reached, noisy = next((level for level in levels if level[0] >= timestep), (timestep, latents))
        features = tap.features_of(noisy, reached, call)
    check_finite(features, f"the features of {tap.layer!r}", tap.pipe)
    return features


def encode(tap: Tap, videos: np.ndarray) -> Tensor:
    """Clips uint8 (b f h w 3) → latents (b c f h w), as the denoiser expects them, where it runs.

    Raises:
        BackboneError: the VAE wants a setting first, or gives no numbers.
    """
    clips = torch.from_numpy(np.ascontiguousarray(videos)).permute(0, 1, 4, 2, 3)
    parts = [tap.host.encode(clip[None].float() / 255) for clip in clips]
    latents = torch.cat(parts).to(tap.host.device)
    check_finite(latents, "the latents of a clip, encoded", tap.pipe)
    return latents
