"""A miniature of CogVideoX: one transformer whose tokens of text and of all frames attend to each other."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from moft.known.renderer import FRAMES, SIZE
from moft.known.world.scenes import Mixture
from moft.miniature import model
from moft.miniature.curriculum import PANS, SOME, Stage
from moft.miniature.families.latte import tokenizer
from moft.miniature.model import LATENT_CHANNELS, LATENT_SIZE, Build
from moft.miniature.pool import Rows
from moft.models.loading import miniature_path

if TYPE_CHECKING:
    from diffusers import (
        AutoencoderKL,
        AutoencoderKLCogVideoX,
        CogVideoXDDIMScheduler,
        CogVideoXPipeline,
        CogVideoXTransformer3DModel,
    )
    from transformers import T5EncoderModel

PIPELINE_TOKENS = 226  # of any prompt in diffusers' pipeline
LAYERS = 8


def text_encoder(_tokens: object) -> T5EncoderModel:
    """The Latte miniature's, which knows the words already."""
    from transformers import T5EncoderModel

    folder = miniature_path("latte")
    return T5EncoderModel.from_pretrained(folder, subfolder="text_encoder", local_files_only=True)


def denoiser(width: int = 192, layers: int = LAYERS) -> CogVideoXTransformer3DModel:
    """CogVideoX with tokens of 2x2 cells of one frame, and rotary positions. Few wide heads: attention is
    most of its work, and its softmax as much again for every head."""
    from diffusers import CogVideoXTransformer3DModel

    return CogVideoXTransformer3DModel(
        num_attention_heads=width // 64,
        attention_head_dim=64,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        time_embed_dim=96,
        text_embed_dim=64,
        num_layers=layers,
        sample_width=LATENT_SIZE,
        sample_height=LATENT_SIZE,
        sample_frames=FRAMES,
        patch_size=2,
        temporal_compression_ratio=1,
        use_rotary_positional_embeddings=True,
    )


@cache
def _places(transformer: nn.Module, frames: int) -> Any:
    """Rotary positions, as the pipeline makes them."""
    from diffusers import CogVideoXPipeline

    pipe: Any = SimpleNamespace(transformer=transformer, vae_scale_factor_spatial=SIZE // LATENT_SIZE)
    device = next(transformer.parameters()).device
    return CogVideoXPipeline._prepare_rotary_positional_embeddings(pipe, SIZE, SIZE, frames, device)


def _denoise(transformer: nn.Module, text: nn.Module, noisy: Tensor, t: Tensor, rows: Rows) -> Tensor:
    """Every fourth step on clips with as many tokens of text as the pipeline has, nearly all of them padding,
    which is slow, on single frames most of all."""
    ids = rows["ids"]
    if noisy.shape[2] > 1 and torch.rand(()) < 0.25:
        ids = nn.functional.pad(ids, (0, PIPELINE_TOKENS - ids.shape[1]))
    noisy = noisy.transpose(1, 2)
    places = _places(transformer, noisy.shape[1])
    return transformer(noisy, text(ids)[0], t, image_rotary_emb=places).sample.transpose(1, 2)


@torch.no_grad()
def causal(autoencoder: AutoencoderKL) -> AutoencoderKLCogVideoX:
    """CogVideoX's VAE that does with every frame what this one does with a picture: its kernels over three
    frames have nought for the two before. But groups are normed over all the frames that are coded
    together."""
    from diffusers import AutoencoderKLCogVideoX

    config, levels = autoencoder.config, len(autoencoder.config.block_out_channels)
    vae = AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * levels,
        up_block_types=("CogVideoXUpBlock3D",) * levels,
        block_out_channels=config.block_out_channels,
        latent_channels=config.latent_channels,
        layers_per_block=config.layers_per_block,
        norm_num_groups=config.norm_num_groups,
        temporal_compression_ratio=1,
        sample_height=SIZE,
        sample_width=SIZE,
        scaling_factor=config.scaling_factor,
    )
    theirs = autoencoder.state_dict()
    for name, weight in vae.state_dict().items():
        place = name.replace(".conv.weight", ".weight").replace(".conv.bias", ".bias")
        place = place.replace("norm_layer.", "").replace("norm_out", "conv_norm_out")
        if "samplers" in name:
            weight.copy_(theirs[name])
        elif "conv_y" in name or "conv_b" in name:  # what the decoder's norms take from the latents
            weight.fill_(float("conv_y" in name and name.endswith("bias")))
        elif weight.ndim == 5 and weight.shape[2] == 3:
            weight.zero_()[:, :, -1] = theirs[place]
        else:
            weight.copy_(theirs[place].view_as(weight))
    return vae.to(device=autoencoder.device, dtype=autoencoder.dtype).eval()


def scheduler() -> CogVideoXDDIMScheduler:
    """CogVideoX's sampler on the noise schedule that the miniatures share."""
    from diffusers import CogVideoXDDIMScheduler

    return CogVideoXDDIMScheduler.from_config(model.scheduler().config, snr_shift_scale=1.0)


def assemble(
    transformer: CogVideoXTransformer3DModel, autoencoder: AutoencoderKL, text: T5EncoderModel
) -> CogVideoXPipeline:
    """The pipeline as `CogVideoXPipeline.from_pretrained` will open it."""
    from diffusers import CogVideoXPipeline

    return CogVideoXPipeline(
        tokenizer=tokenizer(),
        text_encoder=text,
        vae=causal(autoencoder),
        transformer=transformer,
        scheduler=scheduler(),
    )


COGVIDEOX = Build(
    name="cogvideox",
    tokenizer=tokenizer,
    text_encoder=text_encoder,
    denoiser=denoiser,
    denoise=_denoise,
    assemble=assemble,
    read="transformer_blocks.4",
    blocks=tuple(f"transformer_blocks.{i}" for i in range(LAYERS)),
    temporal=lambda _: [],  # nothing is left out on single frames: they are clips of one
    endings=(),
    stages=(  # what nobody helped for so long held no motion that could be read (docs/lab/miniature.md)
        Stage(0, Mixture(), stills=1, shift=0),
        Stage(8_000, PANS, stills=0.2, shift=0),
        Stage(16_000, Mixture(), stills=0.2, shift=0, boiling=0.5),
        Stage(21_500, PANS, stills=0.1, shift=5.0, quiet=2.5),
        Stage(25_000, PANS, stills=0.15, shift=1.0, quiet=1.3),
        Stage(32_000, SOME, stills=0.2, shift=0.5, boiling=0.5),
        Stage(44_000, SOME, stills=0.6, shift=0.3, quiet=0.8, boiling=0.5),  # shapes
        Stage(80_000, Mixture(), stills=0.3, shift=0, quiet=0.8, boiling=0.5),  # and from there unhelped
    ),
)
