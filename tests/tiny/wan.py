"""The smallest Wan: 2.1, 2.2 with its two denoisers, 2.2 5B with a timestep per token, and their kin."""

from __future__ import annotations

from typing import Any

from tiny.parts import TEXT, image_processor, t5_text, vision_config, wan_vae


def _wan_transformer(channels: int = 16, kind: str = "WanTransformer3DModel", **kwargs: Any) -> Any:
    """Of this class of diffusers."""
    import diffusers

    return getattr(diffusers, kind)(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=channels,
        out_channels=16,
        text_dim=TEXT,
        freq_dim=64,
        ffn_dim=32,
        num_layers=3,
        rope_max_seq_len=32,
        **kwargs,
    )


def _wan_parts() -> dict[str, Any]:
    from diffusers import UniPCMultistepScheduler

    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    )
    return {**t5_text(), "vae": wan_vae(), "scheduler": scheduler}


def wan() -> Any:
    from diffusers import WanPipeline

    return WanPipeline(**_wan_parts(), transformer=_wan_transformer())


def wan_image() -> Any:
    """Wan 2.1: the image also goes through an encoder of its own."""
    from diffusers import WanImageToVideoPipeline
    from transformers import CLIPVisionModel

    transformer = _wan_transformer(36, image_dim=32, added_kv_proj_dim=24)
    return WanImageToVideoPipeline(
        **_wan_parts(),
        transformer=transformer,
        image_encoder=CLIPVisionModel(vision_config(32)),
        image_processor=image_processor(32),
    )


def wan22() -> Any:
    """Wan 2.2: one denoiser for the noisy steps, one for the others."""
    from diffusers import WanPipeline

    both = {"transformer": _wan_transformer(), "transformer_2": _wan_transformer()}
    return WanPipeline(**_wan_parts(), **both, boundary_ratio=0.9)


def wan22_image() -> Any:
    from diffusers import WanImageToVideoPipeline

    both = {"transformer": _wan_transformer(36), "transformer_2": _wan_transformer(36)}
    return WanImageToVideoPipeline(**_wan_parts(), **both, boundary_ratio=0.9)


def wan22_5b() -> Any:
    """Wan 2.2 5B: a timestep per token."""
    from diffusers import WanPipeline

    return WanPipeline(**_wan_parts(), transformer=_wan_transformer(), expand_timesteps=True)


def wan22_5b_image() -> Any:
    from diffusers import WanImageToVideoPipeline

    return WanImageToVideoPipeline(**_wan_parts(), transformer=_wan_transformer(), expand_timesteps=True)


def wan_video() -> Any:
    from diffusers import WanVideoToVideoPipeline

    return WanVideoToVideoPipeline(**_wan_parts(), transformer=_wan_transformer())


def lucy() -> Any:
    """Edits a clip, whose latents lie behind the noisy ones."""
    from diffusers import LucyEditPipeline

    return LucyEditPipeline(**_wan_parts(), transformer=_wan_transformer(32), expand_timesteps=True)
