"""A miniature of Stable Video Diffusion: no prompt, it goes on from a picture.

Its classes have 32 norm groups fixed in the code, so that it takes nothing over from the other miniatures,
not even their VAE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from moft.known.renderer import FRAMES, SIZE
from moft.known.world.scenes import Mixture
from moft.miniature import model
from moft.miniature.curriculum import PANS, SOME, Stage
from moft.miniature.model import LATENT_CHANNELS, LATENT_SIZE, Build
from moft.miniature.pool import Rows

if TYPE_CHECKING:
    from diffusers import (
        AutoencoderKLTemporalDecoder,
        EulerDiscreteScheduler,
        StableVideoDiffusionPipeline,
        UNetSpatioTemporalConditionModel,
    )
    from transformers import CLIPVisionModelWithProjection

_IMAGE = 32  # numbers that the image encoder says of a picture
_TOLD = (6, 127, 0.02)  # the pipeline's own: frames a second less one, motion bucket, noise on the picture
_ALONE = 0.1  # share of clips that are not shown their picture, for classifier-free guidance


@torch.no_grad()
def vae() -> AutoencoderKLTemporalDecoder:
    """64x64 px → 16x16 cells of 4 channels, each frame by itself: what mixes frames in its decoder does
    nothing, and stays so."""
    from diffusers import AutoencoderKLTemporalDecoder

    coder = AutoencoderKLTemporalDecoder(
        down_block_types=("DownEncoderBlock2D",) * 3,
        block_out_channels=(64, 64, 64),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        sample_size=SIZE,
        scaling_factor=1.0,
        force_upcast=False,
    )
    for name, weight in coder.named_parameters():
        if "temporal_res_block" in name or "time_" in name:
            weight.requires_grad_(False)
        if "temporal_res_block.conv2" in name or "time_conv_out" in name:
            weight.zero_()
    coder.decoder.time_conv_out.weight[:, :, 1, 0, 0] = torch.eye(3)
    return coder


def image_encoder(_tokens: object) -> CLIPVisionModelWithProjection:
    """It says nought of every picture: what is in it comes by its latents."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=_IMAGE,
            intermediate_size=_IMAGE,
            projection_dim=_IMAGE,
            num_hidden_layers=1,
            num_attention_heads=1,
            image_size=224,
            patch_size=56,
        )
    )
    nn.init.zeros_(encoder.visual_projection.weight)
    return encoder.requires_grad_(False)


def denoiser() -> UNetSpatioTemporalConditionModel:
    """Stable Video Diffusion's UNet with three levels of 16, 8 and 4 cells."""
    from diffusers import UNetSpatioTemporalConditionModel

    return UNetSpatioTemporalConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=2 * LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=(
            "DownBlockSpatioTemporal",
            "CrossAttnDownBlockSpatioTemporal",
            "CrossAttnDownBlockSpatioTemporal",
        ),
        up_block_types=(
            "CrossAttnUpBlockSpatioTemporal",
            "CrossAttnUpBlockSpatioTemporal",
            "UpBlockSpatioTemporal",
        ),
        block_out_channels=(64, 64, 96),
        layers_per_block=1,
        num_attention_heads=(1, 2, 2),
        cross_attention_dim=_IMAGE,
        addition_time_embed_dim=16,
        projection_class_embeddings_input_dim=16 * len(_TOLD),
        num_frames=FRAMES,
    )


def scheduler() -> EulerDiscreteScheduler:
    """Stable Video Diffusion's sampler, from as much noise as the miniatures' schedule ends with."""
    from diffusers import EulerDiscreteScheduler

    return EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_type="continuous",
        timestep_spacing="leading",
        steps_offset=1,
        use_karras_sigmas=True,
        sigma_min=0.02,
        sigma_max=14.6,
    )


def _picture(coder: Any, latents: Tensor) -> Rows:
    """The first frame as the pipeline gives it to the denoiser: not scaled."""
    return {"picture": latents[:, :, 0] / coder.config.scaling_factor}


def _denoise(unet: nn.Module, _image: nn.Module, noisy: Tensor, t: Tensor, rows: Rows) -> Tensor:
    """Its noise levels are told as a quarter of log sigma; its prediction is v of the scaled latents."""
    b = len(noisy)
    alphas = model.scheduler().alphas_cumprod.to(noisy)[t]
    level = 0.25 * ((1 - alphas) / alphas).sqrt().log()
    shown = rows["picture"].to(noisy) * (torch.rand(b, 1, 1, 1, device=noisy.device) >= _ALONE)
    both = torch.cat([noisy, shown[:, :, None].expand_as(noisy)], 1).transpose(1, 2)
    said = noisy.new_zeros(b, 1, _IMAGE)
    told = noisy.new_tensor(_TOLD).expand(b, -1)
    return unet(both, level, said, added_time_ids=told).sample.transpose(1, 2)


def assemble(
    unet: UNetSpatioTemporalConditionModel,
    autoencoder: AutoencoderKLTemporalDecoder,
    image: CLIPVisionModelWithProjection,
) -> StableVideoDiffusionPipeline:
    """The pipeline as `StableVideoDiffusionPipeline.from_pretrained` will open it."""
    from diffusers import StableVideoDiffusionPipeline
    from transformers import CLIPImageProcessor

    return StableVideoDiffusionPipeline(
        vae=autoencoder,
        image_encoder=image,
        unet=unet,
        scheduler=scheduler(),
        feature_extractor=CLIPImageProcessor(size=224, crop_size=224),
    )


SVD = Build(
    name="svd",
    tokenizer=model.tokenizer,  # of captions that it is not told
    text_encoder=image_encoder,
    reads="image_encoder",
    vae=vae,
    given=_picture,
    denoiser=denoiser,
    denoise=_denoise,
    assemble=assemble,
    read="up_blocks.1.attentions.0",
    blocks=(
        "down_blocks.1",
        "mid_block",
        "up_blocks.0",
        "up_blocks.1.attentions.0",
        "up_blocks.1",
        "up_blocks.2",
    ),
    temporal=lambda _: [],
    endings=(),
    stages=(  # what nobody helped for so long held no motion that could be read (docs/lab/miniature.md)
        Stage(0, PANS, stills=0, shift=0),
        Stage(10_000, Mixture(), stills=0, shift=0, boiling=0.5),
        Stage(24_000, PANS, stills=0, shift=2.0, quiet=1.3),
        Stage(32_000, SOME, stills=0, shift=1.0, boiling=0.5),
    ),
)
