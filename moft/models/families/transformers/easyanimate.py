"""EasyAnimate 5: text and video tokens side by side."""

from __future__ import annotations

from moft.models.families.family import Family

EASYANIMATE = Family(
    name="EasyAnimate",
    pipelines={"EasyAnimatePipeline": "text"},
    denoiser="EasyAnimateTransformer3DModel",
    attribute="transformer",
    features={"": "b (f h w) c"},
    layer="transformer_blocks.*",
    kv_sites=r"transformer_blocks\.[0-3]\.attn1",
    fps=8,  # as diffusers writes its clips
    batched=("encoder_hidden_states", "encoder_hidden_states_t5"),
    negative="",
    frame_stride=4,
)
