"""Reads features out of any known pipeline: capture how the pipeline calls its denoiser, then call it like that."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from moft.backbones import family_of
from moft.errors import BackboneError
from moft.hooks import clone_tree, frozen, run_until, submodule

Call = dict[str, Any]  # the denoiser's arguments by name


@dataclass(frozen=True)
class ClipSize:
    """Size of a video: frames, height and width in px."""

    frames: int
    height: int
    width: int

    @property
    def side(self) -> int:
        """The shorter side in px."""
        return min(self.height, self.width)


class _Captured(BaseException):
    """Ends a pipeline's run once its first denoiser call is known."""


class Tap:
    """The denoiser of a pipeline, read at one layer.

    Args:
        pipe: an ordinary diffusers video pipeline. Nothing of it is changed.
        layer: submodule of the denoiser whose output is the feature; None is the family's default.
    Raises:
        BackboneError: unknown pipeline or layer, or a setting under which features cannot be read.
    """

    def __init__(self, pipe: Any, layer: str | None = None) -> None:
        self.pipe, self.family = pipe, family_of(pipe)
        self.denoiser = getattr(pipe, self.family.attribute)
        self.layer = layer or self._default_layer()
        submodule(self.denoiser, self.layer)
        if getattr(self.denoiser, "is_cache_enabled", False):
            raise BackboneError("the denoiser's cache skips layers; call disable_cache() before steering")
        self._signature = inspect.signature(self.denoiser.forward)

    def _default_layer(self) -> str:
        stem, _, index = self.family.layer.rpartition(".")
        blocks = len(getattr(self.denoiser, stem))
        return self.family.layer if int(index) < blocks else f"{stem}.{blocks // 2}"  # a smaller model of the family

    @contextmanager
    def listen(self, calls: list[Call]) -> Iterator[None]:
        """Append the arguments of every denoiser call to `calls`."""

        def note(_module: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            calls.append(dict(self._signature.bind(*args, **kwargs).arguments))

        handle = self.denoiser.register_forward_pre_hook(note, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    def first_call(self, prompt: list[str], latents: Tensor) -> Call:
        """How the pipeline calls its denoiser for latents (b c f h w) and one prompt each, guidance off.

        The run ends there: the denoiser itself does not run.
        """
        calls: list[Call] = []

        def stop(_module: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            calls.append(dict(self._signature.bind(*args, **kwargs).arguments))
            raise _Captured

        handle = self.denoiser.register_forward_pre_hook(stop, with_kwargs=True)
        try:
            self.run(prompt=prompt, latents=latents, num_inference_steps=2)
        except _Captured:
            pass
        finally:
            handle.remove()
        return calls[0]

    def run(self, latents: Tensor, **kwargs: Any) -> Any:
        """The pipeline without guidance on latents (b c f h w), its progress bar off; returns latents."""
        pipe = self.pipe
        size = self.clip_size(latents)
        bar = getattr(pipe, "_progress_bar_config", None)
        pipe.set_progress_bar_config(disable=True)
        try:
            return pipe(
                latents=latents, num_frames=size.frames, height=size.height, width=size.width, guidance_scale=1.0,
                output_type="latent", **kwargs,
            )  # fmt: skip
        finally:
            if bar is None:
                del pipe._progress_bar_config
            else:
                pipe._progress_bar_config = bar

    def clip_size(self, latents: Tensor) -> ClipSize:
        """Frames, height and width in px of the video that these latents decode to."""
        pixels: int = getattr(self.pipe, "vae_scale_factor_spatial", None) or self.pipe.vae_scale_factor
        frames, height, width = latents.shape[2:]
        return ClipSize((frames - 1) * self.family.frame_stride + 1, height * pixels, width * pixels)

    def conditional(self, calls: list[Call], batch: int) -> Call:
        """The text-conditional half of one step's denoiser calls, for `batch` clips, with tensors of its own.

        Pipelines either stack [unconditional, conditional] in one call, or make two, the conditional one first.
        """
        call = calls[0]
        parts = call[self.family.latents].shape[0] // batch
        return clone_tree(
            {
                name: value.chunk(parts)[-1]
                if parts > 1 and name in (*self.family.batched, self.family.latents) and isinstance(value, Tensor)
                else self._half_timestep(value, parts)
                if name == "timestep"
                else value
                for name, value in call.items()
            }
        )

    @staticmethod
    def _half_timestep(value: Any, parts: int) -> Any:
        return value.chunk(parts)[-1] if isinstance(value, Tensor) and value.ndim and len(value) > 1 else value

    def features(self, latents: Tensor, timestep: Tensor | int, call: Call) -> Tensor:
        """Features (b f c h w), float32, of latents (b c f h w) at a timestep; stops behind the layer.

        Gradients flow to `latents` if it asks for them.
        """
        arguments = dict(call)
        model_dtype = call[self.family.latents].dtype
        scaled = getattr(self.pipe.scheduler, "scale_model_input", lambda x, _t: x)(latents, timestep)
        arguments[self.family.latents] = scaled.to(model_dtype)
        old = call["timestep"]
        arguments["timestep"] = torch.full_like(old, float(timestep)) if isinstance(old, Tensor) else timestep
        output = run_until(self.denoiser, self.layer, lambda: self.denoiser(**arguments))
        output = output[0] if isinstance(output, tuple) else output
        return self.family.to_features(output, arguments, self.denoiser).float()

    @torch.no_grad()
    def features_of(self, latents: Tensor, timestep: int, call: Call) -> Tensor:
        """`features` without gradients, the denoiser frozen."""
        with frozen(self.denoiser):
            return self.features(latents, timestep, call)
