"""What a model's layers show of clips that it did not make: encoded, brought to a noise level, read there.

Clips are uint8 (b f h w 3), timesteps noise levels 0…1000, features (b f c h w), float32.
"""

from __future__ import annotations

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

INVERSION_STEPS = 25
FEWER = "use a shorter clip, a smaller size, or in Python pipe.enable_model_cpu_offload() and VAE tiling"


def noised_features(tap: Tap, videos: np.ndarray, timestep: int, prompt: str = "", seed: int = 0) -> Tensor:
    """Features (b f c h w) of clips uint8 (b f h w 3), noised to a timestep in one go.

    Args:
        seed: of the noise.
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
    tap: Tap, videos: np.ndarray, timestep: int, layers: Sequence[str], prompt: str = "", seed: int = 0
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
    tap: Tap, videos: np.ndarray, timestep: int, layers: Sequence[str], prompt: str, seed: int
) -> dict[str, Tensor]:
    latents = encode(tap, videos)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed)).to(latents)
    noisy, told = tap.noised(latents, noise, timestep)
    size = 1 if tap.host.takes_one else len(latents)
    features: dict[str, list[Tensor]] = {name: [] for name in layers}
    for i in range(0, len(latents), size):
        some, images = slice(i, i + size), videos[i : i + size, 0]
        call = tap.first_call([prompt] * size, latents[some], images)
        with capture(tap.denoiser, layers) as seen:
            tap.features_of(noisy[some], told, call)
        for name in layers:
            if name not in seen:
                raise BackboneError(
                    f"{name!r} runs behind {tap.layer!r}, where reading stops; read it by itself"
                )
            features[name].append(tap.grid(seen[name], call, name).float())
    return {name: torch.cat(parts) for name, parts in features.items()}


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
    pixels = torch.from_numpy(np.ascontiguousarray(videos)).permute(0, 1, 4, 2, 3).float() / 255
    latents = tap.host.encode(pixels).to(tap.host.device)
    check_finite(latents, "the latents of a clip, encoded", tap.pipe)
    return latents
