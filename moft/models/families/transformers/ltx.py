"""LTX-Video: latents travel as packed tokens. A given first frame is never handed to a step."""

from __future__ import annotations

from moft.models.families.family import INSIDE, Family

LTX = Family(
    name="LTX",
    pipelines={
        "LTXPipeline": "text",
        "LTXImageToVideoPipeline": "text, image",
        "LTXConditionPipeline": "text, image (video)",
        "LTXModularPipeline": "text (image)",
    },
    denoiser="LTXVideoTransformer3DModel",
    attribute="transformer",
    features={"": "b (f h w) c"},
    layer="transformer_blocks.*",
    kv_sites=r"transformer_blocks\.[0-3]\.attn1",
    fps=25,  # the pipeline's own `frame_rate`
    batched=("encoder_hidden_states", "encoder_attention_mask", "video_coords"),
    layout="b (f h w) c",
    stepped=("b (f h w) c", INSIDE),
    grid=("num_frames", "height", "width"),
    places="video_coords",
    frame_stride=8,
)
