"""Published models at their real sizes: denoisers without weights, how they are called, in how many steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
from diffusers.models.embeddings import get_3d_rotary_pos_embed_allegro
from torch import Tensor


@dataclass(frozen=True)
class Published:
    """A published model: its denoiser, how a pipeline calls it, and in how many steps."""

    model: str
    family: str
    denoiser: Callable[[], torch.nn.Module]
    call: Callable[[int], dict[str, Any]]  # number of clips in the batch → the denoiser's arguments
    steps: int = 50
    branches: int = 2  # guidance batch; 1 for distilled guidance


def _t(*shape: int) -> Tensor:
    return torch.zeros(shape)


def _ones(*shape: int) -> Tensor:
    return torch.ones(shape)


def _allegro_rope() -> tuple[Any, Any]:
    """As its pipeline makes it."""
    grid = (22, 45, 80)
    *frequencies, t, h, w = get_3d_rotary_pos_embed_allegro(
        96, ((0, 0), grid[1:]), grid[1:], grid[0], (2.2, 2.0, 2.0)
    )
    places = torch.cartesian_prod(t.long(), h.long(), w.long()).T.reshape(3, 1, -1)
    return tuple(frequencies), tuple(places)


def _class(name: str, **config: Any) -> Callable[[], torch.nn.Module]:
    return lambda: getattr(diffusers, name)(**config)


_SD = dict(block_out_channels=(320, 640, 1280, 1280), layers_per_block=2)

MODELS = (
    Published(
        "AnimateDiff v1.5, 16 × 512²",
        "AnimateDiff",
        _class(
            "UNetMotionModel",
            **_SD,
            cross_attention_dim=768,
            num_attention_heads=8,
            motion_num_attention_heads=8,
            use_motion_mid_block=False,
        ),
        lambda n: dict(
            sample=_t(n, 4, 16, 64, 64), timestep=_t(1), encoder_hidden_states=_t(16 * n, 77, 768)
        ),
        steps=25,
    ),
    Published(
        "ModelScope 1.7B, 16 × 256²",
        "ModelScope",
        _class("UNet3DConditionModel", **_SD, cross_attention_dim=1024, attention_head_dim=64),
        lambda n: dict(sample=_t(n, 4, 16, 32, 32), timestep=_t(1), encoder_hidden_states=_t(n, 77, 1024)),
    ),
    Published(
        "SVD, 14 × 576 × 1024",
        "Stable Video Diffusion",
        _class("UNetSpatioTemporalConditionModel", num_attention_heads=(5, 10, 20, 20)),
        lambda n: dict(
            sample=_t(n, 14, 8, 72, 128),
            timestep=_t(1),
            encoder_hidden_states=_t(n, 1, 1024),
            added_time_ids=_t(n, 3),
        ),
        steps=25,
    ),
    Published(
        "CogVideoX-2b, 49 × 480 × 720",
        "CogVideoX",
        _class("CogVideoXTransformer3DModel"),
        lambda n: dict(
            hidden_states=_t(n, 13, 16, 60, 90), timestep=_t(n), encoder_hidden_states=_t(n, 226, 4096)
        ),
    ),
    Published(
        "Wan 2.1 T2V 1.3B, 81 × 480 × 832",
        "Wan",
        _class("WanTransformer3DModel", num_attention_heads=12, ffn_dim=8960, num_layers=30),
        lambda n: dict(
            hidden_states=_t(n, 16, 21, 60, 104), timestep=_t(n), encoder_hidden_states=_t(n, 512, 4096)
        ),
    ),
    Published(
        "LTX-Video 2B, 161 × 512 × 704",
        "LTX",
        _class("LTXVideoTransformer3DModel"),
        lambda n: dict(
            hidden_states=_t(n, 21 * 16 * 22, 128),
            timestep=_t(n),
            encoder_hidden_states=_t(n, 128, 4096),
            encoder_attention_mask=_ones(n, 128),
            num_frames=21,
            height=16,
            width=22,
            rope_interpolation_scale=(8 / 25, 32, 32),
        ),
    ),
    Published(
        "Latte-1, 16 × 512²",
        "Latte",
        _class(
            "LatteTransformer3DModel",
            num_attention_heads=16,
            attention_head_dim=72,
            in_channels=4,
            out_channels=8,
            num_layers=28,
            cross_attention_dim=1152,
            attention_bias=True,
            sample_size=64,
            patch_size=2,
            activation_fn="gelu-approximate",
            num_embeds_ada_norm=1000,
            norm_type="ada_norm_single",
            norm_elementwise_affine=False,
            norm_eps=1e-6,
            caption_channels=4096,
            video_length=16,
        ),
        lambda n: dict(
            hidden_states=_t(n, 4, 16, 64, 64), timestep=_t(n), encoder_hidden_states=_t(n, 120, 4096)
        ),
    ),
    Published(
        "HunyuanVideo, 61 × 544 × 960",
        "HunyuanVideo",
        _class("HunyuanVideoTransformer3DModel"),
        lambda n: dict(
            hidden_states=_t(n, 16, 16, 68, 120),
            timestep=_t(n),
            encoder_hidden_states=_t(n, 256, 4096),
            encoder_attention_mask=_ones(n, 256),
            pooled_projections=_t(n, 768),
            guidance=_t(n),
        ),
        branches=1,
    ),
    Published(
        "Mochi 1, 85 × 480 × 848",
        "Mochi",
        _class("MochiTransformer3DModel"),
        lambda n: dict(
            hidden_states=_t(n, 12, 15, 60, 106),
            timestep=_t(n),
            encoder_hidden_states=_t(n, 256, 4096),
            encoder_attention_mask=_ones(n, 256).bool(),
        ),
        steps=64,
    ),
    Published(
        "Allegro, 88 × 720 × 1280",
        "Allegro",
        _class("AllegroTransformer3DModel"),
        lambda n: dict(
            hidden_states=_t(n, 4, 22, 90, 160),
            timestep=_t(n),
            encoder_hidden_states=_t(n, 512, 4096),
            encoder_attention_mask=_ones(n, 512),
            image_rotary_emb=_allegro_rope(),
        ),
        steps=100,
    ),
)
