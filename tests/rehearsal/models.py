"""Published models as their makers set them up, with random weights; of texts they know little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tiny.parts import awaken, clip_text, t5_text


def animatediff() -> Any:
    """Stable Diffusion 1.5 with a motion adapter, put together as the guide does."""
    from diffusers import (
        AnimateDiffPipeline,
        AutoencoderKL,
        DDIMScheduler,
        MotionAdapter,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel

    tokens = clip_text()["tokenizer"]
    text = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        max_position_embeddings=77,
        bos_token_id=tokens.bos_token_id,
        eos_token_id=tokens.eos_token_id,
    )
    widths = (128, 256, 512, 512)
    vae = AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        layers_per_block=2,
        sample_size=512,
    )
    adapter = MotionAdapter()
    awaken(adapter)
    return AnimateDiffPipeline(
        text_encoder=CLIPTextModel(text),
        tokenizer=tokens,
        vae=vae,
        unet=UNet2DConditionModel(sample_size=64, cross_attention_dim=768),
        motion_adapter=adapter,
        scheduler=DDIMScheduler(beta_schedule="linear", clip_sample=False),
    )


def wan() -> Any:
    """Wan 2.1 T2V 1.3B with a text encoder of one layer."""
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
    from transformers import UMT5Config, UMT5EncoderModel

    tokens = t5_text()["tokenizer"]
    text = UMT5Config(vocab_size=len(tokens), d_model=4096, d_kv=64, d_ff=1024, num_layers=1, num_heads=64)
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    )
    return WanPipeline(
        text_encoder=UMT5EncoderModel(text),
        tokenizer=tokens,
        vae=AutoencoderKLWan(),
        transformer=WanTransformer3DModel(num_attention_heads=12, ffn_dim=8960, num_layers=30),
        scheduler=scheduler,
    )


MODELS: dict[str, Callable[[], Any]] = {"animatediff": animatediff, "wan": wan}


def made(name: str, folder: Path) -> None:
    """Make a model in a folder if it is not there: 5 to 8 GB."""
    if not (folder / "model_index.json").exists():
        torch.manual_seed(0)
        MODELS[name]().save_pretrained(folder)
