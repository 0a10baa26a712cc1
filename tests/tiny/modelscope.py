"""The smallest ModelScope, from words and from a clip."""

from __future__ import annotations

from typing import Any

from tiny.parts import TEXT, clip_text, ddim, image_vae


def _modelscope_parts() -> dict[str, Any]:
    from diffusers import UNet3DConditionModel

    unet = UNet3DConditionModel(
        sample_size=16,
        block_out_channels=(32, 32, 32),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D"),
        cross_attention_dim=TEXT,
        attention_head_dim=8,
    )
    return {**clip_text(), "vae": image_vae(), "unet": unet, "scheduler": ddim()}


def modelscope() -> Any:
    from diffusers import TextToVideoSDPipeline

    return TextToVideoSDPipeline(**_modelscope_parts())


def modelscope_video() -> Any:
    from diffusers import VideoToVideoSDPipeline

    return VideoToVideoSDPipeline(**_modelscope_parts())
