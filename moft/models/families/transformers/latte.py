"""Latte, the architecture of Open-Sora 1: spatial and temporal transformer blocks in turn."""

from __future__ import annotations

from moft.models.families.family import Family

LATTE = Family(
    name="Latte",
    pipelines={"LattePipeline": "text"},
    denoiser="LatteTransformer3DModel",
    attribute="transformer",
    features={"transformer_blocks": "(b f) (h w) c", "temporal_transformer_blocks": "(b h w) f c"},
    layer="temporal_transformer_blocks.*",
    kv_sites=r"transformer_blocks\.[0-3]\.attn1",
    fps=8,  # as its authors write its clips
    batched=("encoder_hidden_states",),
    frames="video_length",
)
