"""CogVideoX: a transformer over the tokens of text and video together, four frames a latent frame."""

from __future__ import annotations

from dataclasses import replace

from moft.models.families.family import Family

COGVIDEOX = Family(
    name="CogVideoX",
    pipelines={
        "CogVideoXPipeline": "text",
        "CogVideoXImageToVideoPipeline": "text, image",
        "CogVideoXVideoToVideoPipeline": "text, video",
        "CogVideoXFunControlPipeline": "text, video",
    },
    denoiser="CogVideoXTransformer3DModel",
    attribute="transformer",
    shown={"CogVideoXFunControlPipeline": "control_video"},
    features={"": "b (f h w) c"},
    layer="transformer_blocks.*",
    kv_sites=r"transformer_blocks\.[0-3]\.attn1",
    fps=8,  # as diffusers writes its clips
    batched=("encoder_hidden_states",),
    layout="b f c h w",
    frame_stride=4,
)

CONSISID = replace(
    COGVIDEOX,
    name="ConsisID",
    pipelines={"ConsisIDPipeline": "text, image"},
    denoiser="ConsisIDTransformer3DModel",
)
