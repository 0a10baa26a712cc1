"""HunyuanVideo and 1.5: text and video tokens side by side. Guidance is distilled into the model, one call a
step, or two calls, the conditional one first."""

from __future__ import annotations

from dataclasses import replace

from moft.models.families.family import Family

HUNYUAN = Family(
    name="HunyuanVideo",
    pipelines={
        "HunyuanVideoPipeline": "text",
        "HunyuanVideoImageToVideoPipeline": "text, image",
        "HunyuanSkyreelsImageToVideoPipeline": "text, image",
    },
    denoiser="HunyuanVideoTransformer3DModel",
    attribute="transformer",
    features={"": "b (f h w) c"},
    layer="transformer_blocks.*",
    kv_sites=r"transformer_blocks\.[0-3]\.attn",
    fps=24,  # as it was trained; the example of diffusers shows it slower, at 15
    guidance="true_cfg_scale",  # its `guidance_scale` is an input of the model, never a second branch
    frame_stride=4,
)

HUNYUAN15 = replace(
    HUNYUAN,
    name="HunyuanVideo 1.5",
    pipelines={
        "HunyuanVideo15Pipeline": "text",
        "HunyuanVideo15ImageToVideoPipeline": "text, image",
        "HunyuanVideo15ModularPipeline": "text (image)",
    },
    denoiser="HunyuanVideo15Transformer3DModel",
    guidance="guidance_scale",  # of its guider, a component; the pipeline takes none
)
