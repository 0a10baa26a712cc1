"""Wan 2.1 and 2.2: a transformer over space and time. Guidance is two calls, the conditional one first."""

from __future__ import annotations

from moft.models.families.family import Family

FAMILY = Family(
    name="Wan",
    pipelines={"WanPipeline": "text", "WanImageToVideoPipeline": "text, image"},
    denoiser="WanTransformer3DModel",
    attribute="transformer",
    expert="transformer_2",
    features={"": "b (f h w) c"},
    layer="blocks.*",
    kv_sites=r"blocks\.[0-3]\.attn1",  # further in, keys and values carry motion too
    fps=16,  # as diffusers writes its clips
    frame_stride=4,
)
