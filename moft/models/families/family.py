"""What differs between model families, as facts. One file a family; `moft.models.families` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNET_SEGMENTS = r"\w+_blocks?(\.\d+)?\.(resnets|attentions|motion_modules|temp_convs|temp_attentions)\.\d+"
INSIDE = "b c f h w"  # the layout of latents everywhere but at the doors of a family


@dataclass(frozen=True)
class Family:
    """Everything that steering and reading a model needs to know about its family.

    Layouts are einops patterns over b batch, c channels, f frames, h w cells.
    """

    name: str
    pipelines: Mapping[
        str, str
    ]  # diffusers class names on which the contract is proven, and what each starts from
    denoiser: str  # class name of the denoiser
    attribute: str  # where the pipeline keeps it
    features: Mapping[str, str]  # layout of what a layer puts out, by the beginning of the layer's name
    layer: str  # default feature layer, a submodule of the denoiser; * is the middle one of its list
    kv_sites: str  # regular expression of the self-attentions whose keys and values may be shared: they hold content
    batched: tuple[
        str, ...
    ] = ()  # arguments of the denoiser whose tensors carry the guidance batch; timestep aside
    latents: str = "hidden_states"  # the denoiser's argument that holds the latents
    layout: str = INSIDE  # of that argument, of the pipeline's own `latents`, and of what its callback gets
    stepped: tuple[
        str, ...
    ] = ()  # layouts that `scheduler.step` gets if others, told apart by their number of axes
    grid: tuple[str, str, str] | None = (
        None  # the denoiser's arguments that say f, h, w where the layout packs them
    )
    places: str | None = (
        None  # the argument with each token's place (b 3 n), of pipelines that give it instead of `grid`
    )
    expert: str | None = (
        None  # where the pipeline keeps a second denoiser, at work below its `boundary_ratio`
    )
    frames: str = "num_frames"  # the pipeline's argument for the length in frames
    guidance: str = "guidance_scale"  # the pipeline's argument that turns guidance off at 1
    frame_stride: int = (
        1  # frames of video per latent frame, after the first; 1 also: the VAE takes single frames
    )
    segments: str = (
        r"\w*blocks\.\d+"  # regular expression of what may be computed again in backward, to save memory
    )
    first_frames: int = 1  # frames of video in the first latent frame


def patch_size(config: Any) -> tuple[int, int, int]:
    """Latent frames, rows and columns per token; (1, 1, 1) for a denoiser that has no tokens."""
    size = config.get("patch_size") or 1
    return (config.get("patch_size_t") or 1, size, size) if isinstance(size, int) else tuple(size)


def default_layer(family: Family, denoiser: Any) -> str:
    """The family's default feature layer in this denoiser: a name that `get_submodule` takes."""
    stem = family.layer.removesuffix(".*")
    return stem if stem == family.layer else f"{stem}.{len(denoiser.get_submodule(stem)) // 2}"
