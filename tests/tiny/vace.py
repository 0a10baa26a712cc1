"""The smallest Wan VACE."""

from __future__ import annotations

from typing import Any

from tiny.parts import TEXT
from tiny.wan import _wan_parts


def _vace_transformer() -> Any:
    from diffusers import WanVACETransformer3DModel

    return WanVACETransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=16,
        out_channels=16,
        text_dim=TEXT,
        freq_dim=64,
        ffn_dim=32,
        num_layers=3,
        rope_max_seq_len=32,
        vace_layers=[0, 2],
        vace_in_channels=96,
    )


def vace() -> Any:
    from diffusers import WanVACEPipeline

    return WanVACEPipeline(**_wan_parts(), transformer=_vace_transformer())
