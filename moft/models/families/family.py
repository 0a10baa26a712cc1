"""What differs between model families, as facts. One module a family; `moft.models.families` finds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UNET_SEGMENTS = r"\w+_blocks?(\.\d+)?\.(resnets|attentions|motion_modules|temp_convs|temp_attentions)\.\d+"
INSIDE = "b c f h w"  # the layout of latents everywhere but at the doors of a family


@dataclass(frozen=True)
class Family:
    """Everything that steering and reading a model needs to know about its family.

    Layouts are einops patterns over b batch, c channels, f frames, h w cells.
    """

    name: str

    # Class names of diffusers' pipelines on which the contract is proven, and what each starts from: text,
    # image, video; in brackets what it may be given too.
    pipelines: Mapping[str, str]

    # Class name of the denoiser, and the pipeline's attribute that holds it.
    denoiser: str
    attribute: str

    # Layout of what a layer puts out, by the beginning of the layer's name.
    features: Mapping[str, str]

    # Default feature layer, a submodule of the denoiser; * is the middle one of its list.
    layer: str

    # Regular expression of the self-attentions whose keys and values may be shared: those that hold content.
    kv_sites: str

    # Arguments of the denoiser whose tensors carry the guidance batch; latents and timesteps aside.
    batched: tuple[str, ...] = ()

    # Arguments of the denoiser that say the timestep, and how many times the scheduler's own it is there; and
    # those that say the timestep of something else in the call (sound), with the one that speaks for them
    # where they are left out.
    told: tuple[str, ...] = ("timestep",)
    told_scale: float = 1.0
    told_beside: Mapping[str, str] = field(default_factory=dict)

    # The denoiser's argument with a 1 for each cell that is given, (b 1 f h w), where no timestep says so.
    given: str | None = None

    # The denoiser's argument that holds the latents; its layout, which is also that of the pipeline's own
    # `latents` and of what its callback gets; and the layouts that `scheduler.step` gets if others, told
    # apart by their number of axes.
    latents: str = "hidden_states"
    layout: str = INSIDE
    stepped: tuple[str, ...] = ()

    # Entry of the denoiser's config with the number of the latents' channels, where a callback gets others
    # behind them.
    channels: str | None = None

    # The argument that `scheduler.step` has in a step, where it is also asked for clean latents, without it.
    stepping: str | None = None

    # Where the layout packs f, h, w: the denoiser's arguments that say them, or, of pipelines that give it
    # instead, the one with each token's place (b 3 n).
    grid: tuple[str, str, str] | None = None
    places: str | None = None

    # Settings of the denoiser's config under which all this is so.
    config: Mapping[str, Any] = field(default_factory=dict)

    # What these attentions call the projections that make keys and values.
    projections: tuple[str, str] = ("to_k", "to_v")

    # Attribute that holds a second denoiser, at work below the pipeline's `boundary_ratio`.
    expert: str | None = None

    # Frames a second at which its clips are meant to be seen.
    fps: float = 8

    # The pipeline's arguments for the length in frames, and for what turns guidance off at 1.
    frames: str = "num_frames"
    guidance: str = "guidance_scale"

    # What the pipeline must be given as a negative prompt if the user gives none.
    negative: str | None = None

    # Whether the pipeline takes latents of this layout to start from, and several prompts at once.
    takes_latents: bool = True
    takes_batches: bool = True

    # What the pipeline must be told to sample at the very size that it is asked for.
    exactly: Mapping[str, Any] = field(default_factory=dict)

    # Of pipelines whose model sees a clip beside, by their class names, the argument for it: there a still
    # clip is shown while another is read.
    shown: Mapping[str, str] = field(default_factory=dict)

    # Frames of video in the first latent frame, and per latent frame after it, unless the pipeline's VAE says
    # another number; a stride of 1 here also says that the VAE takes single frames.
    first_frames: int = 1
    frame_stride: int = 1

    # Regular expression of what may be computed again in the backward pass, to save memory.
    segments: str = r"\w*blocks\.\d+"

    def starts_from(self, pipeline: type) -> tuple[str, ...]:
        """What a class of pipelines, one of the family's or derived from it, must be given: text, image,
        video."""
        name = next(cls.__name__ for cls in pipeline.__mro__ if cls.__name__ in self.pipelines)
        return tuple(self.pipelines[name].partition(" (")[0].split(", "))


def patch_size(config: Any) -> tuple[int, int, int]:
    """Latent frames, rows and columns per token; (1, 1, 1) for a denoiser that has no tokens."""
    size = config.get("patch_size") or 1
    return (config.get("patch_size_t") or 1, size, size) if isinstance(size, int) else tuple(size)


def default_layer(family: Family, denoiser: Any) -> str:
    """The family's default feature layer in this denoiser: a name that `get_submodule` takes."""
    stem = family.layer.removesuffix(".*")
    return stem if stem == family.layer else f"{stem}.{len(denoiser.get_submodule(stem)) // 2}"
