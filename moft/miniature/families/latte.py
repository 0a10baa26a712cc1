"""A miniature of Latte, the diffusion transformer: spatial and temporal blocks in turn, no UNet's skips, T5
for text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moft.known.renderer import FRAMES
from moft.miniature.model import LATENT_CHANNELS, LATENT_SIZE, WORDS, Build, scheduler
from moft.miniature.pool import Rows

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, LattePipeline, LatteTransformer3DModel
    from transformers import T5EncoderModel, T5Tokenizer

TOKENS, PIPELINE_TOKENS = 24, 120  # of a caption here; of any prompt in diffusers' pipeline


def tokenizer() -> T5Tokenizer:
    """A unigram T5 tokenizer: the words of the captions are one token each, other ASCII text is spelt."""
    from transformers import T5Tokenizer

    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -10.0)]
    words, letters = [(f"▁{word}", -1.0) for word in WORDS], [(chr(code), -20.0) for code in range(33, 127)]
    return T5Tokenizer(vocab=special + words + letters, extra_ids=0, model_max_length=TOKENS)


def text_encoder(tokens: T5Tokenizer) -> T5EncoderModel:
    """A two-layer text encoder, trained together with the denoiser."""
    from transformers import T5Config, T5EncoderModel

    size = dict(d_model=64, d_kv=16, d_ff=128, num_layers=2, num_heads=4)
    return T5EncoderModel(
        T5Config(vocab_size=len(tokens), dropout_rate=0.0, feed_forward_proj="gated-gelu", **size)
    )


def denoiser(width: int = 128, layers: int = 6) -> LatteTransformer3DModel:
    """Latte with tokens of 2x2 cells."""
    from diffusers import LatteTransformer3DModel

    return LatteTransformer3DModel(
        num_attention_heads=width // 32,
        attention_head_dim=32,
        in_channels=LATENT_CHANNELS,
        out_channels=2
        * LATENT_CHANNELS,  # the pipeline drops the second half, Latte's variance; here it stays nought
        num_layers=layers,
        cross_attention_dim=width,
        attention_bias=True,
        sample_size=LATENT_SIZE,
        patch_size=2,
        activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000,
        norm_type="ada_norm_single",
        norm_elementwise_affine=False,
        caption_channels=64,
        video_length=FRAMES,
    )


def _denoise(transformer: nn.Module, text: nn.Module, noisy: Tensor, t: Tensor, rows: Rows) -> Tensor:
    """As `LattePipeline` does it, by turns: for one prompt it cuts the padding off, and the empty prompt, the
    other half of the guidance batch, to the same length; for several it blanks the padding, but not that of
    the empty prompt."""
    ids, together = rows["ids"], bool(torch.rand(()) < 0.5)
    if together:
        ids = F.pad(ids, (0, PIPELINE_TOKENS - ids.shape[1]))
    told = ids != 0
    states, lengths = text(ids, attention_mask=told)[0], told.sum(1, keepdim=True)
    empty = (lengths == 1) & (
        torch.rand(lengths.shape, device=ids.device) < 0.8
    )  # it may be asked for by itself, too
    if together:
        return transformer(noisy, t, states * (told | empty)[..., None]).sample[:, :LATENT_CHANNELS]
    lengths = torch.where(empty, torch.randint(4, 12, lengths.shape, device=ids.device), lengths)
    hidden = torch.arange(ids.shape[1], device=ids.device) >= lengths
    bias = hidden[:, None].to(states) * -1e4
    return transformer(noisy, t, states, bias.repeat_interleave(noisy.shape[2], 0)).sample[
        :, :LATENT_CHANNELS
    ]


def assemble(
    transformer: LatteTransformer3DModel, autoencoder: AutoencoderKL, text: T5EncoderModel
) -> LattePipeline:
    """The pipeline as `LattePipeline.from_pretrained` will open it."""
    from diffusers import LattePipeline

    return LattePipeline(
        tokenizer=tokenizer(),
        text_encoder=text,
        vae=autoencoder,
        transformer=transformer,
        scheduler=scheduler(),
    )


def _temporal(transformer: Any) -> list[nn.Module]:
    return list(transformer.temporal_transformer_blocks)


LATTE = Build(
    name="latte",
    tokenizer=tokenizer,
    text_encoder=text_encoder,
    denoiser=denoiser,
    denoise=_denoise,
    assemble=assemble,
    read="temporal_transformer_blocks.3",
    blocks=tuple(f"temporal_transformer_blocks.{i}" for i in range(6)),
    temporal=_temporal,
    endings=("attn1.to_out.0", "ff.net.2"),
)
