"""AnimateDiff: a Stable Diffusion UNet with motion modules. Frames are folded into the batch, (b f) c h w."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from moft.backbones.family import Family


def _to_features(output: Any, call: Mapping[str, Any], _denoiser: nn.Module) -> Tensor:
    return output.unflatten(0, call["sample"].shape[:3:2])


def _encode(pipe: Any, video: Tensor) -> Tensor:
    images = (video.flatten(0, 1) * 2 - 1).to(pipe.vae.device, pipe.vae.dtype)
    latents = pipe.vae.encode(images).latent_dist.mean * pipe.vae.config.scaling_factor
    return latents.unflatten(0, video.shape[:2]).transpose(1, 2)


ANIMATEDIFF = Family(
    name="AnimateDiff",
    pipelines=("AnimateDiffPipeline",),
    denoiser="UNetMotionModel",
    attribute="unet",
    latents="sample",
    batched=("encoder_hidden_states",),
    layer="up_blocks.1",
    kv_sites=r"up_blocks\.1\.attentions\.\d+\.transformer_blocks\.\d+\.attn1",
    to_features=_to_features,
    encode=_encode,
)
