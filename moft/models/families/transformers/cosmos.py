"""Cosmos Predict 2.5, where each frame is told its own timestep, 0 to 1, and Cosmos 1, whose scheduler is
also asked for clean latents. A mask says which frames are given."""

from __future__ import annotations

from dataclasses import replace

from moft.models.families.family import Family

COSMOS25 = Family(
    name="Cosmos 2.5",
    pipelines={"Cosmos2_5_PredictBasePipeline": "text (image, video)"},
    denoiser="CosmosTransformer3DModel",
    attribute="transformer",
    features={"": "b (f h w) c"},
    layer="transformer_blocks.*",
    kv_sites=r"transformer_blocks\.[0-3]\.attn1",
    fps=16,  # as diffusers writes its clips
    told_scale=0.001,
    given="condition_mask",
    frame_stride=4,
)

COSMOS = replace(
    COSMOS25,
    name="Cosmos 1",
    pipelines={"CosmosTextToWorldPipeline": "text", "CosmosVideoToWorldPipeline": "text, image (video)"},
    fps=30,  # as diffusers writes its clips
    told_scale=1.0,
    stepping="pred_original_sample",
    frame_stride=8,
)
