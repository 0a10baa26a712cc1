"""The smallest Latte."""

from __future__ import annotations

from typing import Any

from tiny.parts import LATENT_FRAMES, TEXT, ddim, image_vae, t5_text


def latte() -> Any:
    from diffusers import LattePipeline, LatteTransformer3DModel

    transformer = LatteTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=4,
        out_channels=8,
        num_layers=3,
        cross_attention_dim=32,
        attention_bias=True,
        sample_size=8,
        patch_size=2,
        activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000,
        norm_type="ada_norm_single",
        norm_elementwise_affine=False,
        caption_channels=TEXT,
        video_length=LATENT_FRAMES,
    )
    return LattePipeline(**t5_text(), vae=image_vae(), transformer=transformer, scheduler=ddim())
