"""The smallest HunyuanVideo 1.5, from words and from an image; its guidance is a component."""

from __future__ import annotations

from typing import Any

from tiny.parts import TEXT, language, t5_text


def _hunyuan15_parts(task: str) -> dict[str, Any]:
    from diffusers import (
        AutoencoderKLHunyuanVideo15,
        FlowMatchEulerDiscreteScheduler,
        HunyuanVideo15Transformer3DModel,
    )
    from diffusers.guiders import ClassifierFreeGuidance

    transformer = HunyuanVideo15Transformer3DModel(
        in_channels=9,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=16,
        num_layers=3,
        num_refiner_layers=1,
        mlp_ratio=2.0,
        text_embed_dim=16,
        text_embed_2_dim=TEXT,
        image_embed_dim=32,
        rope_axes_dim=(4, 6, 6),
        target_size=40,
        task_type=task,
    )
    vae = AutoencoderKLHunyuanVideo15(
        latent_channels=4,
        block_out_channels=(8, 8, 8),
        layers_per_block=1,
        spatial_compression_ratio=4,
        temporal_compression_ratio=4,
        downsample_match_channel=False,
        upsample_match_channel=False,
    )
    glyphs = t5_text()
    return {
        **language(16, layers=3),
        "text_encoder_2": glyphs["text_encoder"],
        "tokenizer_2": glyphs["tokenizer"],
        "transformer": transformer,
        "vae": vae,
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=7.0),
        "guider": ClassifierFreeGuidance(guidance_scale=4.0),
    }


def _brief(pipe: Any) -> Any:
    """With few tokens of text and of the image."""
    pipe.prompt_template_encode_start_idx, pipe.tokenizer_max_length, pipe.tokenizer_2_max_length = 0, 16, 8
    pipe.vision_num_semantic_tokens = 4
    return pipe


def hunyuan15() -> Any:
    from diffusers import HunyuanVideo15Pipeline

    return _brief(HunyuanVideo15Pipeline(**_hunyuan15_parts("t2v")))


def hunyuan15_image() -> Any:
    from diffusers import HunyuanVideo15ImageToVideoPipeline
    from transformers import SiglipImageProcessor, SiglipVisionConfig, SiglipVisionModel

    vision = SiglipVisionConfig(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=16,
        patch_size=8,
    )
    return _brief(
        HunyuanVideo15ImageToVideoPipeline(
            **_hunyuan15_parts("i2v"),
            image_encoder=SiglipVisionModel(vision),
            feature_extractor=SiglipImageProcessor(size={"height": 16, "width": 16}),
        )
    )
