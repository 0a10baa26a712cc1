"""diffusers as a host: what its pipelines give, each through the one class of its denoiser's family."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from math import ceil
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn

from moft.errors import BackboneError
from moft.models.families import INSIDE, Family, family_of
from moft.models.families.inputs import inputs_of, is_modular
from moft.models.hooks import around
from moft.models.host import Host
from moft.models.parametrisation import Parametrisation
from moft.models.schedulers.carried import forget_last_sample, lost_steps
from moft.types import ClipSize

_AT_ONCE = 2**18  # px that a VAE of pictures encodes: a frame of 512 x 512
_PIXELS = (
    "vae_scale_factor_spatial",
    "vae_spatial_scale_factor",
    "vae_spatial_compression_ratio",
    "vae_scale_factor",
)


class Pipeline(Host):
    """An ordinary diffusers video pipeline. Nothing of it is changed.

    Raises:
        BackboneError: unknown pipeline, or a setting under which it cannot be read; with the remedy.
    """

    def __init__(self, pipe: Any) -> None:
        self.pipe, self.family = pipe, serves(pipe)
        self._scheduler, self._denoisers = pipe.scheduler, _denoisers(pipe, self.family)
        self._parameters = inputs_of(pipe)

    @property
    def denoisers(self) -> list[nn.Module]:
        return _denoisers(self.pipe, self.family)

    def at_work(self, timestep: float) -> Any:
        """Two share the work in some pipelines (Wan 2.2)."""
        first = getattr(self.pipe, self.family.attribute)
        second = getattr(self.pipe, self.family.expert, None) if self.family.expert else None
        boundary = self.pipe.config.get("boundary_ratio")
        if second is None or boundary is None:
            return second if first is None else first
        return first if timestep >= boundary * self.pipe.scheduler.config.num_train_timesteps else second

    @property
    def device(self) -> torch.device:
        return torch.device(self.pipe._execution_device)

    @property
    def pixels_per_cell(self) -> int:
        return pixels_per_cell(self.pipe)

    @property
    def frame_stride(self) -> int:
        return frame_stride(self.pipe)

    @torch.no_grad()  # else each clip's latents would keep all that the VAE computed
    def encode(self, video: Tensor) -> Tensor:
        """As of every host. Raises BackboneError if the VAE wants a setting first."""
        vae = getattr(self.pipe, "vae", None)
        if vae is None:
            raise BackboneError(
                f"expected {type(self.pipe).__name__} to have a VAE that encodes clips, got none; "
                "set pipe.vae"
            )
        try:  # clip by clip: it saves memory, and some VAEs take no more
            parts = [self._encoded((clip * 2 - 1).to(self.device, vae.dtype)) for clip in video]
        except NotImplementedError as error:  # Allegro's
            raise BackboneError(f"{error} Call pipe.vae.enable_tiling() first.") from error
        latents = torch.cat(parts)
        told = {name: value for name, value in vae.config.items() if value is not None}
        kept = dict(vae.named_buffers()) | told
        mean, std = kept.get("latents_mean"), kept.get("latents_std")
        if mean is not None and std is not None:
            channels, frames = latents.shape[1:3]  # some VAEs have a mean for each frame (Cosmos)
            mean, std = (
                torch.as_tensor(value).view(1, channels, -1, 1, 1)[:, :, :frames].to(latents)
                for value in (mean, std)
            )
            latents = (latents - mean) / std
        return latents * (vae.config.get("scaling_factor") or 1.0)

    def _encoded(self, clip: Tensor) -> Any:
        """A clip (f 3 h w) in −1…1 → what the VAE makes of it, (1 c f h w)."""
        if self.family.frame_stride != 1:
            return self.pipe.vae.encode(clip.transpose(0, 1)[None]).latent_dist.mode()
        some = clip.split(max(1, _AT_ONCE // clip[0, 0].numel()))  # frames, each by itself
        return torch.cat([self.pipe.vae.encode(x).latent_dist.mode() for x in some]).transpose(0, 1)[None]

    @property
    def timesteps(self) -> Tensor:
        timesteps: Tensor = self.pipe.scheduler.timesteps
        return timesteps

    def scaled(self, latents: Tensor, timestep: Tensor | int) -> Tensor:
        scale = getattr(self.pipe.scheduler, "scale_model_input", None)
        return latents if scale is None else scale(latents, timestep)

    def forget_last_sample(self) -> None:
        """As of every host; `moft.models.schedulers.carried` knows how."""
        forget_last_sample(self.pipe.scheduler)

    def carries(self, index: int) -> bool:
        """As of every host."""
        return index not in lost_steps(self.pipe.scheduler)

    @property
    def parametrisation(self) -> Parametrisation:
        return Parametrisation.of(self.pipe.scheduler)

    def ddim(self, steps: int) -> tuple[float, list[tuple[int, float]]]:
        from diffusers import DDIMScheduler

        scheduler = self.pipe.scheduler
        if not isinstance(scheduler, DDIMScheduler):
            raise BackboneError(
                f"inversion needs a DDIMScheduler, got {type(scheduler).__name__}; set one, or add noise"
            )
        own = type(scheduler).from_config(scheduler.config)
        own.set_timesteps(steps)
        signals = [(t, float(own.alphas_cumprod[t]) ** 0.5) for t in own.timesteps.tolist()]
        return float(own.final_alpha_cumprod) ** 0.5, signals

    def run(self, prompt: list[str], latents: Tensor, images: np.ndarray | None = None, *, steps: int) -> Any:
        """As of every host, the progress bar off; returns what the pipeline does, with latents.

        Raises:
            BackboneError: the pipeline wants more than a prompt or a first frame.
        """
        offered = self._offered(prompt, latents, images) | {"num_inference_steps": steps}
        taken = {n: v for n, v in offered.items() if n in self._parameters and v is not None}
        if is_modular(self.pipe):  # its blocks have bars of their own
            return self.pipe(**taken)
        bar = getattr(self.pipe, "_progress_bar_config", None)
        self.pipe.set_progress_bar_config(disable=True)
        try:
            return self.pipe(**taken)
        finally:
            if bar is None:
                del self.pipe._progress_bar_config
            else:
                self.pipe._progress_bar_config = bar

    def _offered(self, prompt: list[str], latents: Tensor, images: np.ndarray | None) -> dict[str, Any]:
        """What the pipeline may be called with; it takes some of it."""
        wants_clip = "video" in self.family.starts_from(type(self.pipe)) and not self._shown
        if wants_clip or "conditions" in self._parameters and self.starts_from_image:
            raise BackboneError(
                f"{type(self.pipe).__name__} wants more than a prompt, so its features cannot be read by "
                f"themselves; read them through {next(iter(self.family.pipelines))}.from_pipe(pipe), "
                "which runs the same model"
            )
        size = self.clip_size(latents)
        pictures = _pictures(images, size, len(latents))
        return {
            "prompt": prompt if len(prompt) > 1 else prompt[0],
            "image": pictures if self.starts_from_image else None,
            "conditioning_frames": pictures,
            "latents": self._start(latents),
            self.family.frames: size.frames,
            "height": size.height,
            "width": size.width,
            self.family.guidance: 1.0,
            "output_type": "latent",
            "generator": torch.Generator().manual_seed(0),  # SVD adds noise to its image
            **self.family.exactly,
            **({self._shown: [pictures] * size.frames} if self._shown else {}),
        }

    @property
    def _shown(self) -> str | None:
        return self.family.shown.get(type(self.pipe).__name__)

    @property
    def takes_one(self) -> bool:
        """As of every host."""
        return self.starts_from_image or bool(self._shown) or not self.family.takes_batches

    def _start(self, latents: Tensor) -> Tensor | None:
        return rearrange(latents, f"{INSIDE} -> {self.family.layout}") if self.family.takes_latents else None

    @property
    def starts_from_image(self) -> bool:
        """SparseCtrl's frame to hold on to is one too."""
        return "image" in self.family.starts_from(type(self.pipe))

    @property
    def guidance_name(self) -> str:
        """The pipeline's argument that says how closely to follow its prompt."""
        return "guidance_scale" if "guidance_scale" in self._parameters else self.family.guidance

    @contextmanager
    def between_steps(self, change: Callable[[Tensor, Any], Tensor], by_callback: bool) -> Iterator[None]:
        """As of every host; without a callback, `scheduler.step` is another inside the block."""
        if by_callback:
            if "callback_on_step_end" not in self._parameters:
                name = type(self.pipe).__name__
                raise BackboneError(f"{name} takes no callback_on_step_end; leave by_callback out")
            yield
            return
        signature = inspect.signature(self._scheduler.step)

        def step(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            output = original(*args, **kwargs)
            told = signature.bind(*args, **kwargs).arguments
            if self.family.stepping and told.get(self.family.stepping) is None:
                return output
            timestep = told["timestep"]
            if isinstance(output, tuple):
                return (change(output[0], timestep), *output[1:])
            output.prev_sample = change(output.prev_sample, timestep)
            return output

        with around(self._scheduler, "step", step):
            yield

    def starts(self, begin: Callable[[], None]) -> AbstractContextManager[None]:
        """As of every host: where the scheduler is given its timesteps."""

        def started(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            serves(self.pipe)  # or say what was switched on since
            begin()
            return original(*args, **kwargs)

        return around(self._scheduler, "set_timesteps", started)

    @property
    def own(self) -> object:
        return self._scheduler

    def check(self) -> None:
        """As of every host: the same denoisers and scheduler."""
        name = type(self.pipe).__name__
        if self.pipe.scheduler is not self._scheduler:
            raise BackboneError(
                f"the scheduler of {name} was replaced inside the block, so its steps cannot be seen; set it "
                "before"
            )
        found = _denoisers(self.pipe, self.family)
        if len(found) != len(self._denoisers) or any(
            one is not other for one, other in zip(found, self._denoisers, strict=True)
        ):
            raise BackboneError(
                f"the denoiser of {name} was replaced inside the block, so its calls cannot be seen; set it "
                "before"
            )


def host_of(model: Any) -> Host:
    """The host of a model: what is given, if it is one, else that of a diffusers pipeline.

    Raises:
        BackboneError: unknown pipeline, or a setting under which it cannot be read; with the remedy.
    """
    return model if isinstance(model, Host) else Pipeline(model)


def usual_level(pipe: Any) -> int:
    """The noise level (0…1000) at which to look for motion channels unless told otherwise: 300. Of two
    denoisers (Wan 2.2) the first decides how things move, so there it is the least noise at which that one
    works."""
    family = family_of(pipe)
    boundary = pipe.config.get("boundary_ratio") if family.expert else None
    if boundary is None or getattr(pipe, family.attribute) is None:
        return 300
    return max(300, ceil(boundary * pipe.scheduler.config.num_train_timesteps))


def pixels_per_cell(pipe: Any) -> int:
    """Side in px of one cell of the latents."""
    return int(next(getattr(pipe, name) for name in _PIXELS if getattr(pipe, name, None)))


def frame_stride(pipe: Any) -> int:
    """Frames of video per latent frame after the first: of the pipeline's VAE where it says so, else the
    family's."""
    return int(getattr(pipe, "vae_scale_factor_temporal", None) or family_of(pipe).frame_stride)


def serves(pipe: Any) -> Family:
    """The family of a pipeline that can be read and steered as it is set up now.

    Raises:
        BackboneError: unknown pipeline, or a setting under which it cannot; with the remedy.
    """
    family = family_of(pipe)
    lost_steps(pipe.scheduler)  # or say that it drops changes
    for denoiser in _denoisers(pipe, family):
        _check_config(pipe, denoiser, family)
        _check_settings(denoiser)
    return family


def _check_config(pipe: Any, denoiser: Any, family: Family) -> None:
    """Raise BackboneError for a checkpoint for which the family's facts do not hold."""
    for name, value in family.config.items():
        if denoiser.config.get(name) != value:
            raise BackboneError(
                f"{type(pipe).__name__} can be steered with {name} {value!r} alone, got a checkpoint with "
                f"{denoiser.config.get(name)!r}, whose features lie otherwise; use another checkpoint of it"
            )


def _check_settings(denoiser: nn.Module) -> None:
    """Raise BackboneError for settings under which a denoiser shows nothing, or leaves no gradient."""
    for module in denoiser.modules():
        hooks = getattr(getattr(module, "_diffusers_hook", None), "hooks", {})
        if any(getattr(hook, "_is_stateful", False) for hook in hooks.values()):
            raise BackboneError(
                "the denoiser's cache skips layers; call disable_cache() before steering, or, for one of "
                f"diffusers.hooks.apply_…, load it anew (got {', '.join(hooks)})"
            )
        if isinstance(module, nn.Conv2d) and "layerwise_casting" in hooks:
            raise BackboneError(
                "layerwise casting of convolutions leaves no gradient; load the denoiser in bfloat16 instead"
            )
    if any(p.is_inference() for p in denoiser.parameters()):
        raise BackboneError(
            "the denoiser's weights were made under torch.inference_mode, which leaves no gradient; load and "
            "run the pipeline inside torch.inference_mode(False)"
        )


def _denoisers(pipe: Any, family: Family) -> list[nn.Module]:
    names = (family.attribute, *([family.expert] if family.expert else []))
    return [module for name in names if isinstance(module := getattr(pipe, name, None), nn.Module)]


def _pictures(images: np.ndarray | None, size: ClipSize, count: int) -> Any:
    """PIL images of this size, as pipelines take them: not in a list if it is one. Grey if there are none."""
    from PIL import Image

    if images is None:
        images = np.full((count, size.height, size.width, 3), 128, np.uint8)
    pictures = [Image.fromarray(image) for image in images]
    return pictures[0] if len(pictures) == 1 else pictures
