"""AnimateDiff: a Stable Diffusion UNet with motion modules. Frames are folded into the batch."""

from __future__ import annotations

from moft.models.families.family import UNET_SEGMENTS, Family

ANIMATEDIFF = Family(
    name="AnimateDiff",
    pipelines={
        "AnimateDiffPipeline": "text",
        "AnimateDiffVideoToVideoPipeline": "text, video",
        "AnimateDiffControlNetPipeline": "text, video",
        "AnimateDiffVideoToVideoControlNetPipeline": "text, video",
        "AnimateDiffSparseControlNetPipeline": "text, image",
        "AnimateDiffSDXLPipeline": "text",
        "PIAPipeline": "text, image",
    },
    denoiser="UNetMotionModel",
    attribute="unet",
    features={"": "(b f) c h w"},
    layer="up_blocks.1",
    kv_sites=r"up_blocks\.[1-3]\.attentions\.\d+\.transformer_blocks\.\d+\.attn1",
    fps=8,  # as its motion modules were trained
    batched=(
        "encoder_hidden_states",
        "added_cond_kwargs",
        "down_block_additional_residuals",
        "mid_block_additional_residual",
    ),
    latents="sample",
    segments=UNET_SEGMENTS,
)
