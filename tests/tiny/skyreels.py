"""The smallest SkyReels V2, from words and from an image."""

from __future__ import annotations

from typing import Any

from tiny.parts import TEXT, image_processor, vision_config
from tiny.wan import _wan_parts


def _skyreels_transformer(channels: int = 16, **kwargs: Any) -> Any:
    from diffusers import SkyReelsV2Transformer3DModel

    return SkyReelsV2Transformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=channels,
        out_channels=16,
        text_dim=TEXT,
        freq_dim=64,
        ffn_dim=32,
        num_layers=3,
        rope_max_seq_len=32,
        **kwargs,
    )


def skyreels() -> Any:
    from diffusers import SkyReelsV2Pipeline

    return SkyReelsV2Pipeline(**_wan_parts(), transformer=_skyreels_transformer())


def skyreels_image() -> Any:
    from diffusers import SkyReelsV2ImageToVideoPipeline
    from transformers import CLIPVisionModelWithProjection

    return SkyReelsV2ImageToVideoPipeline(
        **_wan_parts(),
        transformer=_skyreels_transformer(36, image_dim=32, added_kv_proj_dim=24),
        image_encoder=CLIPVisionModelWithProjection(vision_config(32)),
        image_processor=image_processor(32),
    )
