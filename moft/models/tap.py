"""Reads features out of any known pipeline: capture how the pipeline calls its denoiser, then call it like that.

Inside, latents are (b c f h w); `Tap` converts them at the door of each family.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from math import ceil, isqrt, prod
from typing import Any

import numpy as np
import torch
from einops import parse_shape, rearrange
from torch import Tensor, nn

from moft.errors import BackboneError
from moft.models.families import INSIDE, Family, default_layer, family_of, patch_size
from moft.models.hooks import (
    checkpointed,
    concatenated,
    frozen,
    map_tree,
    recorded_until,
    run_until,
    submodule,
)
from moft.types import ClipSize

Call = dict[str, Any]  # the denoiser's arguments by name

_SECOND_ORDER = (
    "HeunDiscreteScheduler",
    "FlowMatchHeunDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "EDMDPMSolverMultistepScheduler",
)
_PIXELS = (
    "vae_scale_factor_spatial",
    "vae_spatial_scale_factor",
    "vae_spatial_compression_ratio",
    "vae_scale_factor",
)


class _Captured(BaseException):
    """Ends a pipeline's run once its first denoiser call is known."""


def usual_level(pipe: Any) -> int:
    """The noise level (0…1000) at which to look for motion channels unless told otherwise: 300. Of two denoisers (Wan 2.2)
    the first decides how things move, so there it is the least noise at which that one works."""
    family = family_of(pipe)
    boundary = pipe.config.get("boundary_ratio") if family.expert else None
    if boundary is None or getattr(pipe, family.attribute) is None:
        return 300
    return max(300, ceil(boundary * pipe.scheduler.config.num_train_timesteps))


def pixels_per_cell(pipe: Any) -> int:
    """Side in px of one cell of the latents."""
    return int(next(getattr(pipe, name) for name in _PIXELS if getattr(pipe, name, None)))


class Tap:
    """The denoiser of a pipeline, read at one layer.

    Args:
        pipe: an ordinary diffusers video pipeline. Nothing of it is changed.
        layer: submodule of the denoiser whose output is the feature; None is the family's default.
        timestep: for a pipeline with two denoisers, the noise level (0…1000) at which to read; None is the noisiest.
    Raises:
        BackboneError: unknown pipeline or layer, or a setting under which features cannot be read.
    """

    def __init__(self, pipe: Any, layer: str | None = None, timestep: int | None = None) -> None:
        self.pipe, self.family = pipe, serves(pipe)
        self.denoiser = self._at_work(1000 if timestep is None else timestep)
        self.layer = layer or default_layer(self.family, self.denoiser)
        submodule(self.denoiser, self.layer)
        self._signature = inspect.signature(self.denoiser.forward)
        self._parameters = inspect.signature(pipe.__call__).parameters

    def _at_work(self, timestep: float) -> Any:
        """The denoiser that predicts at a timestep: two share the work in some pipelines (Wan 2.2)."""
        first = getattr(self.pipe, self.family.attribute)
        second = getattr(self.pipe, self.family.expert, None) if self.family.expert else None
        boundary = self.pipe.config.get("boundary_ratio")
        if second is None or boundary is None:
            return second if first is None else first
        return first if timestep >= boundary * self.pipe.scheduler.config.num_train_timesteps else second

    def works_at(self, timestep: Tensor) -> bool:
        """Whether the denoiser that is read here is the one at work at this timestep."""
        return self._at_work(float(timestep)) is self.denoiser

    def checkpointed(self) -> AbstractContextManager[None]:
        """Inside the block the denoiser's layers are computed again in the backward pass instead of kept."""
        return checkpointed(self.denoiser, self.family.segments, self.layer)

    # ------------------------------------------------------------ the pipeline's own calls

    @contextmanager
    def watched(self, see: Callable[[Call], None]) -> Iterator[None]:
        """Show `see` the arguments of every denoiser call inside the block, before the denoiser runs."""

        def note(_module: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            see(dict(self._signature.bind(*args, **kwargs).arguments))

        with ExitStack() as stack:
            for denoiser in _denoisers(self.pipe, self.family):
                stack.callback(denoiser.register_forward_pre_hook(note, with_kwargs=True).remove)
            yield

    def listen(self, calls: list[Call]) -> AbstractContextManager[None]:
        """Append the arguments of every denoiser call inside the block to `calls`."""
        return self.watched(calls.append)

    def spatial_attentions(self) -> dict[str, nn.Module]:
        """The attentions whose keys and values may be shared (`Family.kv_sites`), of every denoiser."""
        return {
            f"{number}.{name}": module
            for number, denoiser in enumerate(_denoisers(self.pipe, self.family))
            for name, module in denoiser.named_modules()
            if re.fullmatch(self.family.kv_sites, name)
        }

    @property
    def timesteps(self) -> Tensor:
        """The timesteps (n,) of the run at hand, the noisiest first: of the scheduler's whole schedule."""
        timesteps: Tensor = self.pipe.scheduler.timesteps
        return timesteps

    def step_of(self, call: Call) -> int:
        """The index in `timesteps` of the step that a call is made in; given tokens are told other timesteps."""
        told = float(torch.as_tensor(call["timestep"]).max())
        return int((self.timesteps.float() - told).abs().argmin())

    def forget_last_sample(self) -> None:
        """Let the scheduler take up latents that were changed between two steps: UniPC's corrector would restore those
        that it handed out."""
        if getattr(self.pipe.scheduler, "last_sample", None) is not None:
            self.pipe.scheduler.last_sample = None

    @property
    def device(self) -> torch.device:
        """Where the models run, also if they wait elsewhere (offloading)."""
        return torch.device(self.pipe._execution_device)

    @property
    def guidance_name(self) -> str:
        """The pipeline's argument that says how closely to follow its prompt."""
        return "guidance_scale" if "guidance_scale" in self._parameters else self.family.guidance

    @property
    def starts_from_image(self) -> bool:
        """Whether the pipeline wants the first frame, or SparseCtrl a frame to hold on to."""
        return bool({"image", "controlnet_frame_indices"} & self._parameters.keys())

    def first_call(self, prompt: list[str], latents: Tensor, images: np.ndarray | None = None) -> Call:
        """How the pipeline calls its denoiser for latents (b c f h w) and one prompt each, guidance off.

        The run ends there: the denoiser itself does not run.

        Args:
            images: uint8 (b h w 3), first frames for a pipeline that starts from one; None is grey.
        """
        calls: list[Call] = []

        def stop(call: Call) -> None:
            calls.append(call)
            raise _Captured

        with suppress(_Captured), self.watched(stop):
            self.run(prompt, latents, images, num_inference_steps=2)
        return calls[0]

    def run(self, prompt: list[str], latents: Tensor, images: np.ndarray | None = None, **kwargs: Any) -> Any:
        """The pipeline without guidance on latents (b c f h w), its progress bar off; returns latents.

        Raises:
            BackboneError: the pipeline wants more than a prompt or a first frame.
        """
        pipe, size = self.pipe, self.clip_size(latents)
        takes_clips = (
            bool({"video", "conditioning_frames"} & self._parameters.keys()) and not self.starts_from_image
        )
        if takes_clips or "conditions" in self._parameters:
            raise BackboneError(
                f"{type(pipe).__name__} wants more than a prompt, so its features cannot be read by themselves; read them "
                f"through {next(iter(self.family.pipelines))}.from_pipe(pipe), which runs the same model"
            )
        pictures = _pictures(images, size, len(latents))
        offered = {
            "prompt": prompt,
            "image": pictures,
            "conditioning_frames": pictures,
            "latents": rearrange(latents, f"{INSIDE} -> {self.family.layout}"),
            self.family.frames: size.frames,
            "height": size.height,
            "width": size.width,
            self.family.guidance: 1.0,
            "output_type": "latent",
            "generator": torch.Generator().manual_seed(0),  # SVD adds noise to its image
        }
        bar = getattr(pipe, "_progress_bar_config", None)
        pipe.set_progress_bar_config(disable=True)
        try:
            return pipe(
                **{name: value for name, value in offered.items() if name in self._parameters}, **kwargs
            )
        finally:
            if bar is None:
                del pipe._progress_bar_config
            else:
                pipe._progress_bar_config = bar

    def clip_size(self, latents: Tensor) -> ClipSize:
        """Frames, height and width in px of the video that these latents (b c f h w) decode to."""
        cell, (frames, height, width) = pixels_per_cell(self.pipe), latents.shape[2:]
        length = (frames - 1) * self.family.frame_stride + self.family.first_frames
        return ClipSize(length, height * cell, width * cell)

    def conditional(self, calls: list[Call], batch: int) -> Call:
        """The conditional half of one step's denoiser calls, for `batch` clips, with tensors of its own.

        Pipelines either stack [unconditional, conditional] in one call, or make two, the conditional one first.
        """
        return self._parts(calls[0], batch)[-1]()

    def _parts(self, call: Call, batch: int) -> list[Callable[[], Call]]:
        """The guidance batch of a call in parts of `batch` clips, each made, with tensors of its own, when it is asked for."""
        count = call[self.family.latents].shape[0] // batch
        batched = {self.family.latents, *self.family.batched}
        if _numel(call["timestep"]) > 1:
            batched.add("timestep")

        def part(index: int) -> Call:
            def own(value: Tensor) -> Tensor:
                return value.detach().chunk(count)[index].clone()

            return {k: map_tree(own if k in batched else torch.clone, v) for k, v in call.items()}

        return [functools.partial(part, index) for index in range(count)]

    @contextmanager
    def riding(
        self,
        due: Callable[[], torch.Size | None],
        see: Callable[[Tensor, Tensor], None],
        save_memory: bool = False,
    ) -> Iterator[None]:
        """Read features in passing, from the pipeline's own calls inside the block, where `due()` gives the latents' shape.

        `see` gets the features (b f c h w), float32, of the conditional part, and what the denoiser took, (b c f h w):
        a gradient flows from the first to the second, as in `features`. The parts of the guidance batch are run one
        after the other then, so that only one is recorded; the pipeline gets the same prediction.
        """
        denoiser, original = self.denoiser, self.denoiser.forward
        had_own = "forward" in vars(denoiser)

        @functools.wraps(original)
        def forward(*args: Any, **kwargs: Any) -> Any:
            shape = due()
            if shape is None:
                return original(*args, **kwargs)
            call = dict(self._signature.bind(*args, **kwargs).arguments)
            with torch.inference_mode(False), torch.no_grad(), frozen(denoiser):
                *others, last = self._parts(call, shape[0])
                outputs, conditional = [original(**part()) for part in others], last()
                inputs = self.inputs(conditional)[:, : shape[1]].float().requires_grad_()
                with self.checkpointed() if save_memory else nullcontext():
                    with recorded_until(denoiser, self.layer) as found:
                        outputs.append(original(**self._with(inputs, conditional)))
                    with torch.enable_grad():
                        see(self.grid(found[0], conditional).float(), inputs)
                return concatenated(outputs)

        denoiser.forward = forward
        try:
            yield
        finally:
            del denoiser.forward
            if had_own:
                denoiser.forward = original

    # ------------------------------------------------------------ doors: a family's layouts ⇄ (b c f h w)

    def enter(self, latents: Tensor, call: Call) -> Tensor:
        """Latents as `scheduler.step` or a callback of the pipeline holds them → (b c f h w).

        Frames that are given, and so are never handed to a step, come from the call.
        """
        inside = rearrange(
            latents, f"{self._layout(latents)} -> {INSIDE}", **self._sizes(self._layout(latents), call)
        )
        missing = self._size(call)["f"] - inside.shape[2]
        if not missing:
            return inside
        given = self.inputs(call)[-len(inside) :, : inside.shape[1], :missing]
        return torch.cat([given.to(inside), inside], 2)

    def leave(self, latents: Tensor, like: Tensor) -> Tensor:
        """Latents (b c f h w) → as `like`, which `enter` took."""
        layout = self._layout(like)
        if layout == INSIDE:
            return latents[:, :, -like.shape[2] :]
        return rearrange(latents, f"{INSIDE} -> {layout}")

    def _layout(self, held: Tensor) -> str:
        choices = (*self.family.stepped, self.family.layout)
        return next(layout for layout in choices if len(re.sub(r"\(.*?\)", "x", layout).split()) == held.ndim)

    def _size(self, call: Call) -> dict[str, int]:
        """f, h, w of the latents of a call."""
        if self.family.grid and self.family.grid[0] in call:
            return dict(zip("fhw", (int(call[name]) for name in self.family.grid), strict=True))
        if self.family.places:
            places = call[self.family.places][0]  # (3 n), in the grid's order
            size = [len(axis.unique()) for axis in places]
            if prod(size) != places.shape[1] or (places[0].diff() < 0).any():
                raise BackboneError(
                    "expected tokens frame by frame; a picture for a later frame comes as tokens of its own before them. "
                    "Give pictures and clips at frame_index=0"
                )
            return dict(zip("fhw", size, strict=True))
        return {
            k: v for k, v in parse_shape(call[self.family.latents], self.family.layout).items() if k in "fhw"
        }

    def _sizes(self, layout: str, call: Call, patch: Sequence[int] = (1, 1, 1)) -> dict[str, int]:
        """Sizes of the axes that a layout folds together, in tokens of this many frames, rows and columns."""
        folded = set("".join(re.findall(r"\((.*?)\)", layout)))
        size = {k: n // p for (k, n), p in zip(self._size(call).items(), patch, strict=True)}
        return {k: n for k, n in size.items() if k in folded}

    def inputs(self, call: Call) -> Tensor:
        """What the denoiser is given in a call, (b c f h w); beside the latents it may hold channels that condition."""
        layout = self.family.layout
        return rearrange(call[self.family.latents], f"{layout} -> {INSIDE}", **self._sizes(layout, call))

    def grid(self, output: Any, call: Call, layer: str | None = None) -> Tensor:
        """What a layer put out in a call → features (b f c h w). Beside video tokens, blocks may return text's."""
        output = output[0] if isinstance(output, tuple) else output
        layout = next(
            pattern
            for start, pattern in self.family.features.items()
            if (layer or self.layer).startswith(start)
        )
        sizes = self._sizes(layout, call, patch_size(self.denoiser.config))
        return rearrange(output, f"{layout} -> b f c h w", **sizes)

    # ------------------------------------------------------------ reading

    def scaled(self, latents: Tensor, timestep: Tensor | int) -> Tensor:
        """Latents between two steps, (b c f h w), as the scheduler scales them for the denoiser at `timestep`."""
        scale = getattr(self.pipe.scheduler, "scale_model_input", None)
        return latents if scale is None else scale(latents, timestep)

    def noised(self, clean: Tensor, noise: Tensor, level: float) -> tuple[Tensor, float]:
        """Clean latents (b c f h w) at noise level 0…1000: (what the denoiser takes, the timestep it is told).

        As in training: whichever scheduler samples, the denoiser sees √ᾱ·clean + √(1−ᾱ)·noise, or for flow matching the
        straight line between the two.
        """
        scheduler = self.pipe.scheduler
        kind = scheduler.config.get("prediction_type", "flow_prediction")
        if kind == "flow_prediction" or not hasattr(scheduler, "alphas_cumprod"):
            steps = scheduler.config.num_train_timesteps
            told = steps - level if scheduler.config.get("invert_sigmas") else level  # Mochi counts up
            return torch.lerp(clean, noise, level / steps), float(told)
        alpha = float(scheduler.alphas_cumprod[min(int(level), len(scheduler.alphas_cumprod) - 1)])
        noisy = alpha**0.5 * clean + (1 - alpha) ** 0.5 * noise
        if (
            kind == "v_prediction" and scheduler.config.get("timestep_type") == "continuous"
        ):  # EDM, as SVD has it
            return noisy, 0.25 * float(np.log(((1 - alpha) / alpha) ** 0.5))
        return noisy, float(level)

    def features(self, latents: Tensor, timestep: Tensor, call: Call) -> Tensor:
        """Features (b f c h w), float32, of latents (b c f h w) between two steps; stops behind the layer.

        Gradients flow to `latents` if it asks for them.
        """
        return self.read(self.scaled(latents, timestep), float(timestep), call)

    @torch.no_grad()
    def features_of(self, inputs: Tensor, timestep: float, call: Call) -> Tensor:
        """Features (b f c h w), float32, of what the denoiser takes, (b c f h w); without gradients, frozen."""
        with frozen(self.denoiser):
            return self.read(inputs, timestep, call)

    def read(self, inputs: Tensor, timestep: float, call: Call) -> Tensor:
        """Features (b f c h w), float32, of what the denoiser takes, (b c f h w): repeats a call with that, told another
        timestep. What conditions in the call, channels behind the latents or given tokens, stays."""
        told = torch.as_tensor(call["timestep"], device=inputs.device)
        now = told / told.max() * timestep if _per_token(told) else torch.full_like(told, timestep)
        arguments = self._with(inputs, call) | {"timestep": now}
        output = run_until(self.denoiser, self.layer, lambda: self.denoiser(**arguments))
        return self.grid(output, arguments).float()

    @torch.no_grad()
    def predicted(self, inputs: Tensor, timestep: float, call: Call) -> Tensor:
        """What the denoiser predicts for what it takes, (b c f h w), told a timestep; without the variance that some add."""
        told = torch.as_tensor(call["timestep"], device=inputs.device)
        output = self.denoiser(**(self._with(inputs, call) | {"timestep": torch.full_like(told, timestep)}))
        whole = rearrange(
            output[0], f"{self.family.layout} -> {INSIDE}", **self._sizes(self.family.layout, call)
        )
        return whole[:, : inputs.shape[1]].to(inputs)

    def _with(self, inputs: Tensor, call: Call) -> Call:
        """The call with other latents, (b c f h w); channels behind them and given tokens stay."""
        before = self.inputs(call)
        told = torch.as_tensor(call["timestep"], device=inputs.device)
        if _per_token(told):  # 0 where a token is given
            given = _on_cells(told == 0, before)
            inputs = torch.where(given, before[:, : inputs.shape[1]].to(inputs), inputs)
        whole = torch.cat([inputs, before[:, inputs.shape[1] :].to(inputs)], 1)
        whole = rearrange(whole, f"{INSIDE} -> {self.family.layout}")
        return call | {self.family.latents: whole.to(call[self.family.latents].dtype)}

    def encode(self, video: Tensor) -> Tensor:
        """Video (b f 3 h w) in 0…1 → latents (b c f h w), scaled as the denoiser expects them.

        Raises:
            BackboneError: the VAE wants a setting first.
        """
        vae = self.pipe.vae
        pixels = (video * 2 - 1).to(self.device, vae.dtype)
        try:  # clip by clip: it saves memory, and some VAEs take no more
            if self.family.frame_stride == 1:
                parts = [vae.encode(clip).latent_dist.mode().transpose(0, 1)[None] for clip in pixels]
            else:
                parts = [vae.encode(clip.transpose(0, 1)[None]).latent_dist.mode() for clip in pixels]
        except NotImplementedError as error:  # Allegro's
            raise BackboneError(f"{error} Call pipe.vae.enable_tiling() first.") from error
        latents = torch.cat(parts)
        kept = dict(vae.named_buffers()) | {
            name: value for name, value in vae.config.items() if value is not None
        }
        mean, std = kept.get("latents_mean"), kept.get("latents_std")
        if mean is not None and std is not None:
            mean, std = (torch.as_tensor(value).view(1, -1, 1, 1, 1).to(latents) for value in (mean, std))
            latents = (latents - mean) / std
        return latents * (vae.config.get("scaling_factor") or 1.0)


def serves(pipe: Any) -> Family:
    """The family of a pipeline that can be read and steered as it is set up now.

    Raises:
        BackboneError: unknown pipeline, or a setting under which it cannot; with the remedy.
    """
    family = family_of(pipe)
    scheduler = type(pipe.scheduler).__name__
    if scheduler in _SECOND_ORDER:
        raise BackboneError(
            f"{scheduler} drops changes made between its two stages; use DDIM, Euler, DPM++ or UniPC"
        )
    for denoiser in _denoisers(pipe, family):
        if getattr(denoiser, "is_cache_enabled", False):
            raise BackboneError("the denoiser's cache skips layers; call disable_cache() before steering")
        hooks = [getattr(m, "_diffusers_hook", None) for m in denoiser.modules() if isinstance(m, nn.Conv2d)]
        if any(hook is not None and "layerwise_casting" in hook.hooks for hook in hooks):
            raise BackboneError(
                "layerwise casting of convolutions leaves no gradient; load the denoiser in bfloat16 instead"
            )
    return family


def _denoisers(pipe: Any, family: Family) -> list[nn.Module]:
    names = (family.attribute, *([family.expert] if family.expert else []))
    return [found for name in names if isinstance(found := getattr(pipe, name, None), nn.Module)]


def _per_token(told: Tensor) -> bool:
    """Whether a denoiser was told a timestep for each token."""
    return told.ndim == 2 and told.shape[1] > 1


def _on_cells(tokens: Tensor, cells: Tensor) -> Tensor:
    """A value per token (b n) → (b 1 f h w) for latents (b c f h w); a token covers a square of cells."""
    frames, height, width = cells.shape[2:]
    side = isqrt(frames * height * width // tokens.shape[1])
    grid = tokens.unflatten(1, (frames, height // side, width // side))
    return grid.repeat_interleave(side, 2).repeat_interleave(side, 3)[:, None]


def _numel(value: Any) -> int:
    return value.numel() if isinstance(value, Tensor) else 1


def _pictures(images: np.ndarray | None, size: ClipSize, count: int) -> Any:
    """PIL images of this size, as pipelines take them: not in a list if it is one. Grey if there are none."""
    from PIL import Image

    if images is None:
        images = np.full((count, size.height, size.width, 3), 128, np.uint8)
    pictures = [Image.fromarray(image) for image in images]
    return pictures[0] if len(pictures) == 1 else pictures
