"""LTX-2: latents of picture and sound travel side by side, as packed tokens; both are steered through the
picture alone."""

from __future__ import annotations

from moft.models.families.family import INSIDE, Family

LTX2 = Family(
    name="LTX-2",
    pipelines={
        "LTX2Pipeline": "text",
        "LTX2ImageToVideoPipeline": "text, image",
        "LTX2ConditionPipeline": "text (image, video)",
        "LTX2ModularPipeline": "text (image, video)",
        "LTX25ModularPipeline": "text (image, video)",
    },
    denoiser="LTX2VideoTransformer3DModel",
    attribute="transformer",
    features={"": "b (f h w) c"},
    layer="transformer_blocks.*",
    kv_sites=r"transformer_blocks\.[0-3]\.attn1",
    fps=24,  # the pipeline's own `frame_rate`
    batched=(
        "audio_hidden_states",
        "encoder_hidden_states",
        "audio_encoder_hidden_states",
        "encoder_attention_mask",
        "audio_encoder_attention_mask",
        "video_coords",
        "audio_coords",
    ),
    told=("timestep", "sigma"),
    told_beside={"audio_timestep": "timestep", "audio_sigma": "sigma"},
    layout="b (f h w) c",
    stepped=("b (f h w) c", INSIDE),
    grid=("num_frames", "height", "width"),
    takes_latents=False,  # from an image they would lie otherwise
    frame_stride=8,
)
