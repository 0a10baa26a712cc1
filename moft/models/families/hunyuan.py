"""HunyuanVideo: text and video tokens side by side. Guidance is distilled into the model: one call a step."""

from __future__ import annotations

from moft.models.families.family import Family

FAMILY = Family(
    name="HunyuanVideo",
    pipelines={"HunyuanVideoPipeline": "text"},
    denoiser="HunyuanVideoTransformer3DModel",
    attribute="transformer",
    features={"": "b (f h w) c"},
    layer="transformer_blocks.*",
    kv_sites=r"transformer_blocks\.[0-3]\.attn",
    fps=24,  # as it was trained; the example of diffusers shows it slower, at 15
    guidance="true_cfg_scale",  # its `guidance_scale` is an input of the model, never a second branch
    frame_stride=4,
)
