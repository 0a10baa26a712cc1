"""The smallest CogVideoX, from words, an image, a clip, or a clip that controls."""

from __future__ import annotations

from typing import Any

from tiny.parts import TEXT, t5_text


def _cogvideox_parts(channels: int) -> dict[str, Any]:
    from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel

    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=channels,
        out_channels=4,
        time_embed_dim=8,
        text_embed_dim=TEXT,
        num_layers=3,
        sample_height=8,
        sample_width=12,
        sample_frames=13,
        use_rotary_positional_embeddings=True,
    )
    vae = AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * 3,
        up_block_types=("CogVideoXUpBlock3D",) * 3,
        block_out_channels=(8, 8, 8),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=4,
        sample_height=32,
        sample_width=48,
    )
    scheduler = CogVideoXDDIMScheduler(
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        set_alpha_to_one=True,
        snr_shift_scale=3.0,
    )
    return {**t5_text(), "vae": vae, "transformer": transformer, "scheduler": scheduler}


def cogvideox() -> Any:
    from diffusers import CogVideoXPipeline

    return CogVideoXPipeline(**_cogvideox_parts(4))


def cogvideox_image() -> Any:
    from diffusers import CogVideoXDPMScheduler, CogVideoXImageToVideoPipeline

    parts = _cogvideox_parts(8)
    parts["scheduler"] = CogVideoXDPMScheduler.from_config(
        parts["scheduler"].config
    )  # as the 5b models have it
    return CogVideoXImageToVideoPipeline(**parts)


def cogvideox_video() -> Any:
    from diffusers import CogVideoXVideoToVideoPipeline

    return CogVideoXVideoToVideoPipeline(**_cogvideox_parts(4))


def cogvideox_control() -> Any:
    from diffusers import CogVideoXFunControlPipeline

    return CogVideoXFunControlPipeline(**_cogvideox_parts(8))
