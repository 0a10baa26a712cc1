"""The smallest Allegro."""

from __future__ import annotations

from typing import Any

from tiny.parts import CELLS, LATENT_FRAMES, TEXT, t5_text


def allegro() -> Any:
    from diffusers import (
        AllegroPipeline,
        AllegroTransformer3DModel,
        AutoencoderKLAllegro,
        EulerAncestralDiscreteScheduler,
    )

    transformer = AllegroTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=18,
        num_layers=3,
        cross_attention_dim=36,
        caption_channels=TEXT,
        sample_height=8,
        sample_width=12,
        sample_frames=LATENT_FRAMES,
    )
    vae = AutoencoderKLAllegro(block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4)
    vae.enable_tiling()  # without, diffusers refuses; its one size of tile must fit the clip
    vae.kernel = vae.stride = (4 * LATENT_FRAMES, 8 * CELLS[0], 8 * CELLS[1])
    scheduler = EulerAncestralDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction"
    )
    return AllegroPipeline(**t5_text(), transformer=transformer, vae=vae, scheduler=scheduler)
