"""The smallest SkyReels V2, from words and from an image."""

from __future__ import annotations

from typing import Any

from tiny.parts import image_processor, vision_config
from tiny.wan import _wan_parts, _wan_transformer

_TRANSFORMER = "SkyReelsV2Transformer3DModel"


def skyreels() -> Any:
    from diffusers import SkyReelsV2Pipeline

    return SkyReelsV2Pipeline(**_wan_parts(), transformer=_wan_transformer(kind=_TRANSFORMER))


def skyreels_image() -> Any:
    from diffusers import SkyReelsV2ImageToVideoPipeline
    from transformers import CLIPVisionModelWithProjection

    return SkyReelsV2ImageToVideoPipeline(
        **_wan_parts(),
        transformer=_wan_transformer(36, _TRANSFORMER, image_dim=32, added_kv_proj_dim=24),
        image_encoder=CLIPVisionModelWithProjection(vision_config(32)),
        image_processor=image_processor(32),
    )
