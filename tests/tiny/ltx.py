"""The smallest LTX-Video, from words, an image, or conditions."""

from __future__ import annotations

from typing import Any

from tiny.parts import TEXT, t5_text

WANTS = {"LTXConditionPipeline": lambda size: {"video": None}}  # it takes a picture or a clip


def _ltx_parts() -> dict[str, Any]:
    from diffusers import AutoencoderKLLTXVideo, FlowMatchEulerDiscreteScheduler, LTXVideoTransformer3DModel

    transformer = LTXVideoTransformer3DModel(
        in_channels=8,
        out_channels=8,
        num_attention_heads=2,
        attention_head_dim=16,
        cross_attention_dim=32,
        num_layers=3,
        caption_channels=TEXT,
    )
    vae = AutoencoderKLLTXVideo(
        latent_channels=8,
        block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        layers_per_block=(1,) * 5,
        decoder_layers_per_block=(1,) * 5,
        spatio_temporal_scaling=(True, True, True, False),
        decoder_spatio_temporal_scaling=(True, True, True, False),
    )
    scheduler = FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05, shift_terminal=0.1
    )
    return {**t5_text(), "vae": vae, "transformer": transformer, "scheduler": scheduler}


def ltx() -> Any:
    from diffusers import LTXPipeline

    return LTXPipeline(**_ltx_parts())


def ltx_image() -> Any:
    from diffusers import LTXImageToVideoPipeline

    return LTXImageToVideoPipeline(**_ltx_parts())


def ltx_condition() -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, LTXConditionPipeline

    return LTXConditionPipeline(**{**_ltx_parts(), "scheduler": FlowMatchEulerDiscreteScheduler()})
