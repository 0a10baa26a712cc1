"""What the smallest pipelines are put together from, and the size at which they sample."""

from __future__ import annotations

from typing import Any

import torch

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


def words(*texts: str) -> Any:
    """A tokenizer that knows the words of some texts and what the tests ask for; in a talk it hears what the
    user says."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    split = pre_tokenizers.Whitespace()
    known = [word for text in (*texts, "a ball an uneven plain") for word, _ in split.pre_tokenize_str(text)]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys(("<unk>", "<pad>", "</s>", *known)))}
    tokens = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokens.pre_tokenizer = split
    tokens.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokens,
        unk_token="<unk>",
        pad_token="<pad>",
        model_max_length=32,
        chat_template="{% for message in messages %}{% if message.role == 'user' %}"
        "{% if message.content is string %}{{ message.content }}{% else %}{{ message.content[0].text }}"
        "{% endif %}{% endif %}{% endfor %}",
    )


def language(width: int, layers: int = 2) -> dict[str, Any]:
    """A language model of this width that reads prompts, and its tokenizer."""
    from transformers import Qwen2Config, Qwen2Model

    tokens = words()
    config = Qwen2Config(
        vocab_size=len(tokens),
        hidden_size=width,
        intermediate_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    return {"text_encoder": Qwen2Model(config), "tokenizer": tokens}


def pooled_text() -> dict[str, Any]:
    """CLIP as a second text encoder."""
    from transformers import CLIPTextConfig, CLIPTextModel

    clip = clip_text()["tokenizer"]
    config = CLIPTextConfig(
        vocab_size=len(clip),
        hidden_size=TEXT,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=clip.bos_token_id,
        eos_token_id=clip.eos_token_id,
    )
    return {"text_encoder_2": CLIPTextModel(config), "tokenizer_2": clip}


def hunyuan_vae() -> Any:
    from diffusers import AutoencoderKLHunyuanVideo

    return AutoencoderKLHunyuanVideo(
        latent_channels=4,
        down_block_types=("HunyuanVideoDownBlock3D",) * 4,
        up_block_types=("HunyuanVideoUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        norm_num_groups=4,
    )


def wan_vae() -> Any:
    from diffusers import AutoencoderKLWan

    return AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )


def awaken(model: Any) -> None:
    """Weights where a network starts with none: else what they weigh would have no say."""
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)


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
