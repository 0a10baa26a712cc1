"""Allegro: a transformer over space and time; every latent frame, the first one too, stands for four."""

from __future__ import annotations

from moft.models.families.family import Family

ALLEGRO = Family(
    name="Allegro",
    pipelines={"AllegroPipeline": "text"},
    denoiser="AllegroTransformer3DModel",
    attribute="transformer",
    features={"": "b (f h w) c"},
    layer="transformer_blocks.*",
    kv_sites=r"transformer_blocks\.[0-3]\.attn1",
    fps=15,  # as diffusers writes its clips
    batched=("encoder_hidden_states", "encoder_attention_mask"),
    frame_stride=4,
    first_frames=4,
)
