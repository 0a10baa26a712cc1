"""A miniature of ModelScope's text-to-video model: the AnimateDiff miniature's image layers, and after each
of them convolutions and attention over the frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from moft.miniature.curriculum import PANS, SOME, Stage
from moft.miniature.families.inflated import settle, take_over, text_encoder
from moft.miniature.model import LATENT_CHANNELS, LATENT_SIZE, Build, scheduler, tokenizer
from moft.miniature.pool import Rows

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, TextToVideoSDPipeline, UNet3DConditionModel
    from transformers import CLIPTextModel


def denoiser() -> UNet3DConditionModel:
    """ModelScope's UNet of the AnimateDiff miniature's size, as good as that one's on each frame by itself.
    Only its attention at 4 cells differs, where the class wants heads of one size at every level."""
    from diffusers import UNet3DConditionModel
    from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel

    unet = UNet3DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=("DownBlock3D", "CrossAttnDownBlock3D", "CrossAttnDownBlock3D"),
        up_block_types=("CrossAttnUpBlock3D", "CrossAttnUpBlock3D", "UpBlock3D"),
        block_out_channels=(32, 64, 96),
        layers_per_block=1,
        norm_num_groups=16,
        cross_attention_dim=64,
        attention_head_dim=16,
    )
    take_over(unet)
    for module in unet.modules():  # the convolutions over frames begin with nought by themselves
        if isinstance(module, TransformerTemporalModel):
            nn.init.zeros_(module.proj_out.weight)
            nn.init.zeros_(module.proj_out.bias)
    settle(unet)
    return unet


def _denoise(unet: nn.Module, text: nn.Module, noisy: Tensor, t: Tensor, rows: Rows) -> Tensor:
    return unet(noisy, t, text(rows["ids"])[0]).sample


def assemble(
    unet: UNet3DConditionModel, autoencoder: AutoencoderKL, text: CLIPTextModel
) -> TextToVideoSDPipeline:
    """The pipeline as `TextToVideoSDPipeline.from_pretrained` will open it."""
    from diffusers import TextToVideoSDPipeline

    parts: dict[str, Any] = {"vae": autoencoder, "text_encoder": text, "tokenizer": tokenizer()}
    return TextToVideoSDPipeline(**parts, unet=unet, scheduler=scheduler())


MODELSCOPE = Build(
    name="modelscope",
    tokenizer=tokenizer,
    text_encoder=text_encoder,
    denoiser=denoiser,
    denoise=_denoise,
    assemble=assemble,
    read="up_blocks.1.temp_attentions.0",
    blocks=(
        "transformer_in",
        "down_blocks.0",
        "down_blocks.1",
        "down_blocks.2",
        "mid_block",
        "up_blocks.0",
        "up_blocks.1.temp_attentions.0",
        "up_blocks.1",
        "up_blocks.2",
    ),
    temporal=lambda _: [],  # a single frame goes through them all, as a clip of one
    endings=(),
    stages=(
        Stage(0, PANS, stills=0, shift=0, quiet=1.0),
        Stage(6_000, PANS, stills=0, shift=1.0, quiet=1.3),
        Stage(10_000, SOME, stills=0, shift=0.5, quiet=0.8),
    ),
)
