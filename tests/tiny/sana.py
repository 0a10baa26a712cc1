"""The smallest Sana Video, from words and from an image."""

from __future__ import annotations

from typing import Any

from moft.types import ClipSize
from tiny.parts import language, wan_vae


def _plain(size: ClipSize) -> dict[str, Any]:
    return {"complex_human_instruction": []}


WANTS = {"SanaVideoPipeline": _plain, "SanaImageToVideoPipeline": _plain}


def _sana_parts() -> dict[str, Any]:
    from diffusers import FlowMatchEulerDiscreteScheduler, SanaVideoTransformer3DModel

    transformer = SanaVideoTransformer3DModel(
        in_channels=16,
        out_channels=16,
        num_attention_heads=2,
        attention_head_dim=12,
        num_layers=3,
        num_cross_attention_heads=2,
        cross_attention_head_dim=12,
        cross_attention_dim=24,
        caption_channels=16,
        mlp_ratio=2.5,
        sample_size=30,
        rope_max_seq_len=32,
    )
    return {
        **language(16),
        "vae": wan_vae(),
        "transformer": transformer,
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=7.0),
    }


def sana() -> Any:
    from diffusers import SanaVideoPipeline

    return SanaVideoPipeline(**_sana_parts())


def sana_image() -> Any:
    from diffusers import SanaImageToVideoPipeline

    return SanaImageToVideoPipeline(**_sana_parts())
