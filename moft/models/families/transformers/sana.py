"""Sana Video: linear attention over space and time."""

from __future__ import annotations

from moft.models.families.family import Family

SANA = Family(
    name="Sana Video",
    pipelines={"SanaVideoPipeline": "text", "SanaImageToVideoPipeline": "text, image"},
    denoiser="SanaVideoTransformer3DModel",
    attribute="transformer",
    features={"": "b (f h w) c"},
    layer="transformer_blocks.*",
    kv_sites=r"transformer_blocks\.[0-3]\.attn1",
    fps=16,  # as diffusers writes its clips
    batched=("encoder_hidden_states", "encoder_attention_mask"),
    frames="frames",
    exactly={"use_resolution_binning": False},
    frame_stride=4,
)
