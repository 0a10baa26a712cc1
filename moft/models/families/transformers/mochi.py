"""Mochi 1: an asymmetric transformer over text and video; timesteps count up, from noise at 0."""

from __future__ import annotations

from moft.models.families.family import Family

MOCHI = Family(
    name="Mochi",
    pipelines={"MochiPipeline": "text"},
    denoiser="MochiTransformer3DModel",
    attribute="transformer",
    features={"": "b (f h w) c"},
    layer="transformer_blocks.*",
    kv_sites=r"transformer_blocks\.[0-3]\.attn1",
    fps=30,  # as its authors write its clips
    batched=("encoder_hidden_states", "encoder_attention_mask"),
    frame_stride=6,
)
