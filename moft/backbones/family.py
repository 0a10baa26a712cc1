"""What differs between model families, as facts. One file a family; `moft.backbones` lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Family:
    """Everything that steering and reading a model needs to know about its family."""

    name: str
    pipelines: tuple[str, ...]  # diffusers class names
    denoiser: str  # class name of the denoiser
    attribute: str  # where the pipeline keeps it
    latents: str  # the denoiser's argument that holds the latents, (b c f h w)
    batched: tuple[str, ...]  # arguments whose first axis carries the guidance batch
    layer: str  # default feature layer, a submodule of the denoiser
    kv_sites: str  # regular expression of the spatial self-attentions in and before the feature layer
    to_features: Callable[[Any, Mapping[str, Any], nn.Module], Tensor]
    """(output of the layer, the call's arguments, denoiser) → features (b f c h w)"""
    encode: Callable[[Any, Tensor], Tensor]
    """(pipeline, video (b f 3 h w) in 0…1) → latents (b c f h w), scaled as the denoiser expects them"""
    frame_stride: int = 1  # frames of video per latent frame, after the first
