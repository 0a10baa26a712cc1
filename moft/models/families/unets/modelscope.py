"""ModelScope and ZeroScope: a UNet with temporal layers. Its pipelines have no callback."""

from __future__ import annotations

from moft.models.families.family import UNET_SEGMENTS, Family

MODELSCOPE = Family(
    name="ModelScope",
    pipelines={"TextToVideoSDPipeline": "text", "VideoToVideoSDPipeline": "text, video"},
    denoiser="UNet3DConditionModel",
    attribute="unet",
    features={"": "(b f) c h w"},
    layer="up_blocks.1",
    kv_sites=r"up_blocks\.[1-3]\.attentions\.\d+\.transformer_blocks\.\d+\.attn1",
    fps=8,  # as it was trained
    batched=("encoder_hidden_states",),
    latents="sample",
    stepped=("(b f) c h w",),
    segments=UNET_SEGMENTS,
)
