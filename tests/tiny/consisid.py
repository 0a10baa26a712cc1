"""The smallest ConsisID."""

from __future__ import annotations

from typing import Any

from tiny.cogvideox import _cogvideox_parts
from tiny.parts import TEXT


def consisid() -> Any:
    from diffusers import ConsisIDPipeline, ConsisIDTransformer3DModel

    transformer = ConsisIDTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=8,
        out_channels=4,
        time_embed_dim=8,
        text_embed_dim=TEXT,
        num_layers=3,
        sample_height=8,
        sample_width=12,
        sample_frames=17,
        use_rotary_positional_embeddings=True,
    )
    return ConsisIDPipeline(**{**_cogvideox_parts(8), "transformer": transformer})
