"""The smallest HunyuanVideo, from words and from an image."""

from __future__ import annotations

from typing import Any

from tiny.parts import TEXT, hunyuan_vae, pooled_text, vision_config, words


def _hunyuan_parts(channels: int = 4, **kwargs: Any) -> dict[str, Any]:
    from diffusers import FlowMatchEulerDiscreteScheduler, HunyuanVideoTransformer3DModel

    transformer = HunyuanVideoTransformer3DModel(
        in_channels=channels,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=16,
        num_layers=3,
        num_single_layers=1,
        num_refiner_layers=1,
        text_embed_dim=16,
        pooled_projection_dim=TEXT,
        rope_axes_dim=(4, 6, 6),
        **kwargs,
    )
    scheduler = FlowMatchEulerDiscreteScheduler(shift=7.0)
    return {**pooled_text(), "transformer": transformer, "vae": hunyuan_vae(), "scheduler": scheduler}


def _llama(tokens: Any) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        pad_token_id=tokens.pad_token_id,
    )


def _reader() -> dict[str, Any]:
    """Knows the words of HunyuanVideo's template, as many as the pipeline cuts off."""
    from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video import DEFAULT_PROMPT_TEMPLATE
    from transformers import LlamaModel

    tokens = words(DEFAULT_PROMPT_TEMPLATE["template"])
    return {"text_encoder": LlamaModel(_llama(tokens)), "tokenizer": tokens}


def hunyuan() -> Any:
    from diffusers import HunyuanVideoPipeline

    return HunyuanVideoPipeline(**_reader(), **_hunyuan_parts())


def hunyuan_skyreels() -> Any:
    """The image's latents lie behind the noisy ones."""
    from diffusers import HunyuanSkyreelsImageToVideoPipeline

    return HunyuanSkyreelsImageToVideoPipeline(**_reader(), **_hunyuan_parts(8))


def _looks() -> dict[str, Any]:
    """Reads the template that shows it the image too."""
    from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video_image2video import DEFAULT_PROMPT_TEMPLATE
    from transformers import CLIPImageProcessor, CLIPVisionConfig, LlavaConfig, LlavaForConditionalGeneration

    tokens = words(DEFAULT_PROMPT_TEMPLATE["template"])
    tokens.add_tokens(["<image>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"])
    vision = vision_config(336).to_dict() | {"patch_size": 14, "hidden_size": 8}
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**vision),
        text_config=_llama(tokens),
        image_token_index=tokens.convert_tokens_to_ids("<image>"),
        pad_token_id=tokens.pad_token_id,
        vision_feature_layer=-1,
    )
    return {
        "text_encoder": LlavaForConditionalGeneration(config),
        "tokenizer": tokens,
        "image_processor": CLIPImageProcessor(
            size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}
        ),
    }


def hunyuan_image() -> Any:
    """The image takes the place of the first frame, which is never handed to a step."""
    from diffusers import HunyuanVideoImageToVideoPipeline

    return HunyuanVideoImageToVideoPipeline(
        **_looks(), **_hunyuan_parts(image_condition_type="token_replace")
    )


def hunyuan_image_beside() -> Any:
    """The image's latents and a mask lie behind the noisy ones."""
    from diffusers import HunyuanVideoImageToVideoPipeline

    return HunyuanVideoImageToVideoPipeline(
        **_looks(), **_hunyuan_parts(9, image_condition_type="latent_concat")
    )
