"""Kandinsky 5: channels last; what conditions lies behind the latents, in what a callback gets too."""

from __future__ import annotations

from moft.models.families.family import Family

KANDINSKY = Family(
    name="Kandinsky 5",
    pipelines={"Kandinsky5T2VPipeline": "text", "Kandinsky5I2VPipeline": "text, image"},
    denoiser="Kandinsky5Transformer3DModel",
    attribute="transformer",
    features={"": "b (f h w) c"},
    layer="visual_transformer_blocks.*",
    kv_sites=r"visual_transformer_blocks\.[0-3]\.self_attention",
    projections=("to_key", "to_value"),
    fps=24,  # as diffusers writes its clips
    layout="b f h w c",
    channels="in_visual_dim",
    takes_latents=False,  # but with what conditions behind them
    config={"attention_type": "regular"},  # "nabla" orders its tokens in squares
    frame_stride=4,
)
