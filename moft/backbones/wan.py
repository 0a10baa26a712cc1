"""Wan 2.1: a transformer over space and time. The guidance batch is two calls, the conditional one first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from moft.backbones.family import Family


def _to_features(output: Any, call: Mapping[str, Any], denoiser: Any) -> Tensor:
    frames, height, width = (
        n // p for n, p in zip(call["hidden_states"].shape[2:], denoiser.config.patch_size, strict=True)
    )
    return rearrange(output, "b (f h w) c -> b f c h w", f=frames, h=height, w=width)


def _encode(pipe: Any, video: Tensor) -> Tensor:
    clip = (video.transpose(1, 2) * 2 - 1).to(pipe.vae.device, pipe.vae.dtype)
    latents = pipe.vae.encode(clip).latent_dist.mode()
    mean, std = (
        torch.tensor(values).view(1, -1, 1, 1, 1).to(latents)
        for values in (pipe.vae.config.latents_mean, pipe.vae.config.latents_std)
    )
    return (latents - mean) / std


WAN = Family(
    name="Wan",
    pipelines=("WanPipeline",),
    denoiser="WanTransformer3DModel",
    attribute="transformer",
    latents="hidden_states",
    batched=(),  # two calls, so a call holds one branch
    layer="blocks.14",
    kv_sites=r"blocks\.[0-3]\.attn1",  # keys and values carry motion too in a transformer: only the first blocks
    to_features=_to_features,
    encode=_encode,
    frame_stride=4,
)
