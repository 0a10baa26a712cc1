"""The smallest Stable Video Diffusion."""

from __future__ import annotations

from typing import Any

from tiny.parts import LATENT_FRAMES, image_processor, vision_config


def svd() -> Any:
    from diffusers import (
        AutoencoderKLTemporalDecoder,
        EulerDiscreteScheduler,
        StableVideoDiffusionPipeline,
        UNetSpatioTemporalConditionModel,
    )
    from transformers import CLIPVisionModelWithProjection

    unet = UNetSpatioTemporalConditionModel(
        sample_size=16,
        block_out_channels=(32, 32, 32),
        layers_per_block=1,
        num_attention_heads=(2, 2, 2),
        down_block_types=(
            "CrossAttnDownBlockSpatioTemporal",
            "CrossAttnDownBlockSpatioTemporal",
            "DownBlockSpatioTemporal",
        ),
        up_block_types=(
            "UpBlockSpatioTemporal",
            "CrossAttnUpBlockSpatioTemporal",
            "CrossAttnUpBlockSpatioTemporal",
        ),
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=24,
        cross_attention_dim=32,
        num_frames=LATENT_FRAMES,
    )
    vae = AutoencoderKLTemporalDecoder(
        down_block_types=("DownEncoderBlock2D",) * 3, block_out_channels=(32, 32, 32)
    )
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_type="continuous",
        sigma_min=0.002,
        sigma_max=700.0,
        use_karras_sigmas=True,
        steps_offset=1,
        timestep_spacing="leading",
    )
    return StableVideoDiffusionPipeline(
        vae=vae,
        unet=unet,
        scheduler=scheduler,
        image_encoder=CLIPVisionModelWithProjection(vision_config(224)),
        feature_extractor=image_processor(224),
    )
