"""The smallest EasyAnimate."""

from __future__ import annotations

from typing import Any

from tiny.parts import language


def _easyanimate_parts() -> dict[str, Any]:
    from diffusers import (
        AutoencoderKLMagvit,
        EasyAnimateTransformer3DModel,
        FlowMatchEulerDiscreteScheduler,
    )

    transformer = EasyAnimateTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=4,
        out_channels=4,
        time_embed_dim=8,
        text_embed_dim=16,
        num_layers=3,
        mmdit_layers=3,
        sample_width=12,
        sample_height=8,
        patch_size=2,
    )
    vae = AutoencoderKLMagvit(
        in_channels=3,
        latent_channels=4,
        out_channels=3,
        block_out_channels=[8, 8, 8, 8],
        down_block_types=["SpatialDownBlock3D", *["SpatialTemporalDownBlock3D"] * 3],
        up_block_types=["SpatialUpBlock3D", *["SpatialTemporalUpBlock3D"] * 3],
        layers_per_block=1,
        norm_num_groups=4,
        spatial_group_norm=False,
    )
    return {
        **language(16),
        "vae": vae,
        "transformer": transformer,
        "scheduler": FlowMatchEulerDiscreteScheduler(),
    }


def easyanimate() -> Any:
    from diffusers import EasyAnimatePipeline

    return EasyAnimatePipeline(**_easyanimate_parts())
