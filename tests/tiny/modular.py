"""Pipelines that are put together from blocks, of the same parts as those that are written whole."""

from __future__ import annotations

from typing import Any

from tiny.hunyuan15 import _hunyuan15_parts
from tiny.ltx import _ltx_parts
from tiny.ltx2 import _ltx2_parts
from tiny.parts import image_processor, vision_config
from tiny.vace import _vace_transformer
from tiny.wan import _wan_parts, _wan_transformer


def _modular(kind: Any, blocks: Any, **parts: Any) -> Any:
    """A pipeline of these blocks up to the latents, and of parts, of which it takes those that it knows."""
    whole = blocks()
    del whole.sub_blocks["decode"]
    pipe = kind(blocks=whole)
    known = pipe.blocks.component_names
    pipe.update_components(**{name: part for name, part in parts.items() if name in known})
    if "vae" not in known:  # which its decoder knew, and clips are read through
        pipe.vae = parts["vae"]
    return pipe


def wan_modular() -> Any:
    from diffusers import WanBlocks, WanModularPipeline

    return _modular(WanModularPipeline, WanBlocks, **_wan_parts(), transformer=_wan_transformer())


def wan_image_modular() -> Any:
    """Wan 2.1: the image also goes through an encoder of its own."""
    from diffusers import WanImage2VideoAutoBlocks, WanImage2VideoModularPipeline
    from transformers import CLIPVisionModel

    return _modular(
        WanImage2VideoModularPipeline,
        WanImage2VideoAutoBlocks,
        **_wan_parts(),
        transformer=_wan_transformer(36, image_dim=32, added_kv_proj_dim=24),
        image_encoder=CLIPVisionModel(vision_config(32)),
        image_processor=image_processor(32),
    )


def wan22_modular() -> Any:
    from diffusers import Wan22Blocks, Wan22ModularPipeline

    both = {"transformer": _wan_transformer(), "transformer_2": _wan_transformer()}
    return _modular(Wan22ModularPipeline, Wan22Blocks, **_wan_parts(), **both)


def wan22_image_modular() -> Any:
    from diffusers import Wan22Image2VideoBlocks, Wan22Image2VideoModularPipeline

    both = {"transformer": _wan_transformer(36), "transformer_2": _wan_transformer(36)}
    return _modular(Wan22Image2VideoModularPipeline, Wan22Image2VideoBlocks, **_wan_parts(), **both)


def vace22_modular() -> Any:
    from diffusers import Wan22VaceBlocks, Wan22VaceModularPipeline

    both = {"transformer": _vace_transformer(), "transformer_2": _vace_transformer()}
    return _modular(Wan22VaceModularPipeline, Wan22VaceBlocks, **_wan_parts(), **both)


def ltx_modular() -> Any:
    from diffusers import LTXAutoBlocks, LTXModularPipeline

    return _modular(LTXModularPipeline, LTXAutoBlocks, **_ltx_parts())


def hunyuan15_modular() -> Any:
    from diffusers import HunyuanVideo15AutoBlocks, HunyuanVideo15ModularPipeline

    return _modular(HunyuanVideo15ModularPipeline, HunyuanVideo15AutoBlocks, **_hunyuan15_parts("t2v"))


def ltx2_modular() -> Any:
    from diffusers import LTX2AutoBlocks, LTX2ModularPipeline

    return _modular(LTX2ModularPipeline, LTX2AutoBlocks, **_ltx2_parts())


def ltx25_modular() -> Any:
    from diffusers import LTX25AutoBlocks, LTX25ModularPipeline

    return _modular(LTX25ModularPipeline, LTX25AutoBlocks, **_ltx2_parts())
