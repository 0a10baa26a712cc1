"""What has the miniature learned of motion? Scores on scenes that it was never trained on."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from moft.feature import ccr, pool
from moft.hooks import capture
from moft.miniature.clips import ClipMaker, Clips, World

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNetMotionModel

BLOCKS = ("down_blocks.1", "down_blocks.2", "mid_block", "up_blocks.0", "up_blocks.1", "up_blocks.2")
HELD_OUT_SEED = 987_654  # textures of this seed are never trained on
_PANS = World(textures=96, photos=0, objects=0, zooms=0, turns=0)


@cache
def held_out_pans(n: int) -> Clips:
    """Steady pans over held-out textures."""
    return ClipMaker(_PANS, HELD_OUT_SEED).render(n)


@torch.no_grad()
def encode(vae: AutoencoderKL, video: Tensor) -> Tensor:
    """Video (b f 3 h w) in 0…1 → latents (b c f h w)."""
    mean = vae.encode(video.flatten(0, 1) * 2 - 1).latent_dist.mean
    return mean.unflatten(0, video.shape[:2]).transpose(1, 2) * vae.config.scaling_factor


@torch.no_grad()
def block_features(
    unet: UNetMotionModel, latents: Tensor, t: int, text: Tensor, blocks: tuple[str, ...], seed: int = 0
) -> dict[str, Tensor]:
    """Outputs (b f c h w) of the blocks for latents noised to timestep t."""
    from moft.miniature.model import scheduler

    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed)).to(latents)
    frames = latents.shape[2]
    found: dict[str, list[Tensor]] = {name: [] for name in blocks}
    for x, e in zip(latents.split(64), noise.split(64), strict=True):
        noisy = scheduler().add_noise(x, e, torch.tensor([t]))
        with capture(unet, blocks) as seen:
            unet(noisy, t, text.expand(len(x) * frames, -1, -1))
        for name, value in seen.items():
            value = value[0] if isinstance(value, tuple) else value
            found[name].append(value.unflatten(0, (len(x), frames)))
    return {name: torch.cat(parts) for name, parts in found.items()}


def ridge_r2(features: Tensor, truth: Tensor, strengths: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0)) -> float:
    """R² on the second half of the rows of a ridge regression fitted on the first; strength chosen inside the first."""
    from sklearn.linear_model import RidgeCV
    from sklearn.metrics import r2_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    half = len(features) // 2
    x, y = features.flatten(1).numpy(), truth.numpy()
    fitted = make_pipeline(StandardScaler(), RidgeCV(strengths)).fit(x[:half], y[:half])
    return float(r2_score(y[half:], fitted.predict(x[half:])))


def block_scores(unet: UNetMotionModel, vae: AutoencoderKL, text: Tensor, n: int = 512) -> dict[str, float]:
    """R² of velocity from pooled CCR features, per block and timestep, prompt empty."""
    clips = held_out_pans(n)
    latents = encode(vae, clips.video.to(text.device))
    unet.eval()
    scores = {}
    for t in (100, 300, 600):
        for name, value in block_features(unet, latents, t, text, BLOCKS).items():
            scores[f"{name}@{t}"] = round(ridge_r2(pool(ccr(value)).float().cpu(), clips.velocity), 3)
    unet.train()
    return scores
