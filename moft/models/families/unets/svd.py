"""Stable Video Diffusion: starts from an image, its latents behind the noisy ones; no prompt."""

from __future__ import annotations

from moft.models.families.family import UNET_SEGMENTS, Family

SVD = Family(
    name="Stable Video Diffusion",
    pipelines={"StableVideoDiffusionPipeline": "image"},
    denoiser="UNetSpatioTemporalConditionModel",
    attribute="unet",
    features={"": "(b f) c h w"},
    layer="up_blocks.1",
    kv_sites=r"up_blocks\.[1-3]\.attentions\.\d+\.transformer_blocks\.\d+\.attn1",
    fps=7,  # the pipeline's own `fps`
    batched=("encoder_hidden_states", "added_time_ids"),
    latents="sample",
    layout="b f c h w",
    guidance="max_guidance_scale",
    segments=UNET_SEGMENTS,
)
