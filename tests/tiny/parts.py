"""What the smallest pipelines are put together from, and the size at which they sample."""

from __future__ import annotations

from typing import Any

CELLS = (8, 12)  # rows and columns of the latents: not square, so that no test misses that they are swapped
LATENT_FRAMES = 5
TEXT = 64  # width of the tiny text encoders


def clip_text() -> dict[str, Any]:
    from moft.miniature import model

    tokens = model.tokenizer()
    return {"text_encoder": model.text_encoder(tokens), "tokenizer": tokens}


def t5_text() -> dict[str, Any]:
    from moft.miniature.families import latte

    tokens = latte.tokenizer()
    return {"text_encoder": latte.text_encoder(tokens), "tokenizer": tokens}


def image_vae() -> Any:
    from moft.miniature import model

    return model.vae()


def vision_config(side: int) -> Any:
    from transformers import CLIPVisionConfig

    return CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=side,
        patch_size=side // 2,
        projection_dim=32,
    )


def image_processor(side: int) -> Any:
    from transformers import CLIPImageProcessor

    return CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})


def ddim() -> Any:
    """With v-prediction, since what a random network calls noise would blow the latents up."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_schedule="linear", clip_sample=False, steps_offset=1, prediction_type="v_prediction"
    )
