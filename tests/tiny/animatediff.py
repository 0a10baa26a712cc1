"""The smallest AnimateDiff, and its pipelines with a clip, control nets, or SDXL."""

from __future__ import annotations

from typing import Any

from tiny.parts import TEXT, awaken, clip_text, ddim, image_vae


def _animatediff_parts() -> dict[str, Any]:
    from moft.miniature import model

    unet = model.denoiser((32, 32, 32))
    return {**clip_text(), "vae": image_vae(), "unet": unet, "motion_adapter": None, "scheduler": ddim()}


def animatediff() -> Any:
    from diffusers import AnimateDiffPipeline

    return AnimateDiffPipeline(**_animatediff_parts())


def animatediff_video() -> Any:
    from diffusers import AnimateDiffVideoToVideoPipeline

    return AnimateDiffVideoToVideoPipeline(**_animatediff_parts())


def animatediff_controlnet() -> Any:
    from diffusers import AnimateDiffControlNetPipeline, ControlNetModel

    controlnet = ControlNetModel(
        block_out_channels=(32, 32, 32),
        layers_per_block=1,
        norm_num_groups=16,
        cross_attention_dim=TEXT,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        attention_head_dim=8,
        conditioning_embedding_out_channels=(16, 16, 16),
    )
    awaken(controlnet)
    return AnimateDiffControlNetPipeline(**_animatediff_parts(), controlnet=controlnet)


def animatediff_sparsectrl() -> Any:
    from diffusers import AnimateDiffSparseControlNetPipeline, SparseControlNetModel

    controlnet = SparseControlNetModel(
        block_out_channels=(32, 32, 32),
        layers_per_block=1,
        norm_num_groups=16,
        cross_attention_dim=TEXT,
        down_block_types=("DownBlockMotion", "CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion"),
        attention_head_dim=8,
        motion_num_attention_heads=2,
    )
    awaken(controlnet)
    return AnimateDiffSparseControlNetPipeline(**_animatediff_parts(), controlnet=controlnet)


def animatediff_sdxl() -> Any:
    from diffusers import AnimateDiffSDXLPipeline, UNetMotionModel
    from transformers import CLIPTextModelWithProjection

    parts = _animatediff_parts()
    config = {k: v for k, v in parts["unet"].config.items() if not k.startswith("_")}
    config |= {
        "cross_attention_dim": 2 * TEXT,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 6 * 8 + TEXT,
    }
    second = CLIPTextModelWithProjection(parts["text_encoder"].config)
    return AnimateDiffSDXLPipeline(
        **{**parts, "unet": UNetMotionModel(**config)}, text_encoder_2=second, tokenizer_2=parts["tokenizer"]
    )


def animatediff_video_controlnet() -> Any:
    from diffusers import AnimateDiffVideoToVideoControlNetPipeline

    controlnet = animatediff_controlnet().controlnet
    return AnimateDiffVideoToVideoControlNetPipeline(**_animatediff_parts(), controlnet=controlnet)


def pia() -> Any:
    """The image's latents and a mask lie behind the noisy ones."""
    from diffusers import PIAPipeline, UNetMotionModel

    parts = _animatediff_parts()
    config = {k: v for k, v in parts["unet"].config.items() if not k.startswith("_")}
    return PIAPipeline(**{**parts, "unet": UNetMotionModel(**(config | {"in_channels": 9}))})
