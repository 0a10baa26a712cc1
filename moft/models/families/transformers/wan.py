"""Wan 2.1 and 2.2 and what came of them: a transformer over space and time. Guidance is two calls, the
conditional one first."""

from __future__ import annotations

from dataclasses import replace

from moft.models.families.family import Family

WAN = Family(
    name="Wan",
    pipelines={
        "WanPipeline": "text",
        "WanImageToVideoPipeline": "text, image",
        "WanVideoToVideoPipeline": "text, video",
        "LucyEditPipeline": "text, video",
        "WanModularPipeline": "text",
        "WanImage2VideoModularPipeline": "text, image",
        "Wan22ModularPipeline": "text",
        "Wan22Image2VideoModularPipeline": "text, image",
    },
    denoiser="WanTransformer3DModel",
    attribute="transformer",
    expert="transformer_2",
    shown={"LucyEditPipeline": "video"},
    features={"": "b (f h w) c"},
    layer="blocks.*",
    kv_sites=r"blocks\.[0-3]\.attn1",  # further in, keys and values carry motion too
    fps=16,  # as diffusers writes its clips
    frame_stride=4,
)

VACE = replace(
    WAN,
    name="Wan VACE",
    pipelines={"WanVACEPipeline": "text (video)", "Wan22VaceModularPipeline": "text (video)"},
    denoiser="WanVACETransformer3DModel",
    takes_batches=False,
)

SKYREELS = replace(
    WAN,
    name="SkyReels V2",
    pipelines={"SkyReelsV2Pipeline": "text", "SkyReelsV2ImageToVideoPipeline": "text, image"},
    denoiser="SkyReelsV2Transformer3DModel",
    expert=None,
    fps=24,  # as it was trained
)
