"""The smallest Kandinsky 5, from words and from an image."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedTokenizerFast

from tiny.parts import TEXT, awaken, hunyuan_vae, language, pooled_text


class _Processor(PreTrainedTokenizerFast):
    """Takes pictures and clips beside the text, of which there are none."""

    def __call__(self, text: Any, images: None = None, videos: None = None, **kwargs: Any) -> Any:
        return super().__call__(text, **kwargs)


def _kandinsky_parts() -> dict[str, Any]:
    from diffusers import FlowMatchEulerDiscreteScheduler, Kandinsky5Transformer3DModel

    text = language(16)
    text["tokenizer"].__class__ = _Processor
    transformer = Kandinsky5Transformer3DModel(
        in_visual_dim=4,
        in_text_dim=16,
        in_text_dim2=TEXT,
        time_dim=32,
        out_visual_dim=4,
        model_dim=48,
        ff_dim=64,
        num_text_blocks=1,
        num_visual_blocks=3,
        axes_dims=(8, 8, 8),
        visual_cond=True,
    )
    awaken(transformer)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=7.0)
    parts = {"vae": hunyuan_vae(), "transformer": transformer, "scheduler": scheduler}
    return {**text, **pooled_text(), **parts}


def _brief(pipe: Any) -> Any:
    """With a short template before the prompt."""
    pipe.prompt_template, pipe.prompt_template_encode_start_idx = "{}", 0
    return pipe


def kandinsky() -> Any:
    from diffusers import Kandinsky5T2VPipeline

    return _brief(Kandinsky5T2VPipeline(**_kandinsky_parts()))


def kandinsky_image() -> Any:
    from diffusers import Kandinsky5I2VPipeline

    return _brief(Kandinsky5I2VPipeline(**_kandinsky_parts()))
