"""The miniature's parts: real diffusers and transformers classes at a size that a laptop runs.

A `Build` says how a miniature of one family is put together and trained; AnimateDiff's is here, others have a
file each.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from moft.known.renderer import FRAMES
from moft.known.shapes import COLOURS, SHAPES
from moft.known.textures import PHOTO, TEXTURES
from moft.miniature.curriculum import STAGES, Stage
from moft.miniature.pool import Rows

if TYPE_CHECKING:
    from diffusers import AnimateDiffPipeline, AutoencoderKL, DDIMScheduler, UNetMotionModel
    from transformers import CLIPTextModel, CLIPTokenizer

LATENT_CHANNELS = 4
LATENT_SIZE = 16  # cells; the VAE maps 4x4 px to one cell
WORDS = (
    *(
        "a",
        "and",
        "over",
        "moving",
        "zooming",
        "still",
        "slow",
        "fast",
        "left",
        "right",
        "up",
        "down",
        "in",
        "out",
    ),
    *(*COLOURS, *SHAPES, *TEXTURES, PHOTO),
)


def tokenizer() -> CLIPTokenizer:
    """A byte-level CLIP tokenizer: the words of the captions are one token each, and no text is unknown."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    alphabet = sorted(ByteLevel.alphabet())
    vocabulary = {c: i for i, c in enumerate(alphabet + [c + "</w>" for c in alphabet])}
    merges: list[str] = []
    for word in WORDS:
        first, *rest = _pieces(word, merges)
        for piece in rest:  # join what earlier words' merges leave of this one
            merges.append(f"{first} {piece}")
            first += piece
            vocabulary.setdefault(first, len(vocabulary))
    for special in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[special] = len(vocabulary)
    with (
        tempfile.TemporaryDirectory() as folder
    ):  # the files work for every transformers; the constructor does not
        Path(folder, "vocab.json").write_text(json.dumps(vocabulary))
        Path(folder, "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
        config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 24}
        Path(folder, "tokenizer_config.json").write_text(json.dumps(config))
        return CLIPTokenizer.from_pretrained(folder)


def _pieces(word: str, merges: list[str]) -> list[str]:
    """Byte-pair encoding of a word: the earliest merge that fits is applied until none does."""
    pieces = [*word[:-1], word[-1] + "</w>"]
    ranks = {merge: rank for rank, merge in enumerate(merges)}
    while pairs := [p for p in zip(pieces, pieces[1:], strict=False) if " ".join(p) in ranks]:
        best = min(pairs, key=lambda p: ranks[" ".join(p)])
        at = next(i for i, p in enumerate(zip(pieces, pieces[1:], strict=False)) if p == best)
        pieces[at : at + 2] = ["".join(best)]
    return pieces


def text_encoder(tokens: CLIPTokenizer) -> CLIPTextModel:
    """A two-layer text encoder, trained together with the denoiser."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokens),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=tokens.model_max_length,
            projection_dim=64,
            bos_token_id=tokens.bos_token_id,
            eos_token_id=tokens.eos_token_id,
            pad_token_id=tokens.pad_token_id,
        )
    )


def vae() -> AutoencoderKL:
    """64x64 px → 16x16 cells of 4 channels. Few norm groups: with many, flat dark frames came out with bright
    corners."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(16, 32, 48),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=4,
        sample_size=64,
        mid_block_add_attention=False,
        use_quant_conv=False,
        use_post_quant_conv=False,
        scaling_factor=1.0,
    )


def denoiser(channels: tuple[int, int, int] = (32, 64, 96)) -> UNetMotionModel:
    """AnimateDiff's UNet with three levels of 16, 8 and 4 cells."""
    from diffusers import UNetMotionModel

    return UNetMotionModel(
        sample_size=LATENT_SIZE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=("DownBlockMotion", "CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion"),
        up_block_types=("CrossAttnUpBlockMotion", "CrossAttnUpBlockMotion", "UpBlockMotion"),
        block_out_channels=channels,
        layers_per_block=1,
        norm_num_groups=16,
        cross_attention_dim=64,
        num_attention_heads=4,
        motion_num_attention_heads=2,
        motion_max_seq_length=32,
        use_motion_mid_block=True,
    )


def scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise schedule, with v-prediction: it spends less of the loss on nearly clean
    steps."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,  # the last step leaves no noise: a thirtieth of it makes flat grounds flicker
    )


def assemble(unet: UNetMotionModel, autoencoder: AutoencoderKL, text: CLIPTextModel) -> AnimateDiffPipeline:
    """The pipeline as `AnimateDiffPipeline.from_pretrained` will open it."""
    from diffusers import AnimateDiffPipeline

    return AnimateDiffPipeline(
        vae=autoencoder,
        text_encoder=text,
        tokenizer=tokenizer(),
        unet=unet,
        motion_adapter=None,
        scheduler=scheduler(),
    )


@dataclass(frozen=True)
class Build:
    """How a miniature of one family is put together and trained."""

    name: str  # of the folder with its weights
    tokenizer: Callable[[], Any]
    text_encoder: Callable[[Any], nn.Module]
    denoiser: Callable[[], nn.Module]
    denoise: Callable[[nn.Module, nn.Module, Tensor, Tensor, Rows], Tensor]
    """(denoiser, text encoder, noisy latents (b c f h w), timesteps (b,), rows) → predicted v; of the rows,
    token `ids` (b n) and what `given` makes"""
    assemble: Callable[..., Any]
    """(denoiser, VAE, text encoder) → pipeline"""
    read: str  # the layer that training's auxiliary output is read from: the feature layer
    blocks: tuple[str, ...]  # the layers that training's log probes
    temporal: Callable[[nn.Module], list[nn.Module]]  # what mixes frames; passed by on single frames
    endings: tuple[str, ...]  # of each of those, the projections that must be zero for it to do nothing
    stages: tuple[Stage, ...] = STAGES  # what training sees when
    vae: Callable[[], Any] = vae  # untrained; those that share AnimateDiff's take its trained one
    given: Callable[[Any, Tensor], Rows] = lambda _vae, _latents: {}
    """(VAE, latents (b c f h w)) → what else the denoiser is given of a clip"""
    reads: str = "text_encoder"  # the pipeline's attribute that is trained with the denoiser


def _denoise(unet: nn.Module, text: nn.Module, noisy: Tensor, t: Tensor, rows: Rows) -> Tensor:
    told = text(rows["ids"])[0].repeat_interleave(noisy.shape[2], 0)  # a prompt for every frame
    return unet(noisy, t, told).sample


ANIMATEDIFF = Build(
    name="animatediff",
    tokenizer=tokenizer,
    text_encoder=text_encoder,
    denoiser=denoiser,
    denoise=_denoise,
    assemble=assemble,
    read="up_blocks.1.motion_modules.0",  # inside the paper's feature block, where a gradient is cheapest
    blocks=(
        "down_blocks.1",
        "down_blocks.2",
        "mid_block",
        "up_blocks.0",
        "up_blocks.1.motion_modules.0",
        "up_blocks.1",
        "up_blocks.2",
    ),
    temporal=lambda unet: [m for m in unet.modules() if type(m).__name__ == "AnimateDiffTransformer3D"],
    endings=("proj_out",),
)


__all__ = [
    "ANIMATEDIFF",
    "FRAMES",
    "LATENT_CHANNELS",
    "LATENT_SIZE",
    "Build",
    "assemble",
    "denoiser",
    "scheduler",
    "text_encoder",
    "tokenizer",
    "vae",
]
