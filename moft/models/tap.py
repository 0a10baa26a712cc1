"""Reads features out of a denoiser: see how its host calls it, then call it like that, or look on.

Latents are (b c f h w), features (b f c h w); `moft.models.layout` has the doors to how they lie in a model.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from moft.errors import BackboneError
from moft.models.calls import Call, parts_of, retold, timestep_of
from moft.models.families import default_layer
from moft.models.hooks import (
    around,
    aside,
    checkpointed,
    concatenated,
    frozen,
    here_only,
    recorded_until,
    run_until,
    submodule,
)
from moft.models.layout import Layout
from moft.models.pipeline import host_of
from moft.types import ClipSize


class _Captured(BaseException):
    """Ends a host's run once its first denoiser call is known."""


class Tap:
    """The denoiser of a video model, read at one layer.

    Args:
        model: an ordinary diffusers video pipeline, or another program's `Host`. Nothing of it is changed.
        layer: submodule of the denoiser whose output is the feature; None is the family's default.
        timestep: for a model with two denoisers, the level (0…1000) at which to read; None is the noisiest.
    Raises:
        BackboneError: unknown pipeline or layer, or a setting under which features cannot be read.
    """

    def __init__(self, model: Any, layer: str | None = None, timestep: int | None = None) -> None:
        self.host = host_of(model)
        self.pipe: Any = getattr(self.host, "pipe", None)  # for what is about diffusers alone
        self.family = self.host.family
        self.denoiser = self.host.at_work(1000 if timestep is None else timestep)
        self.layer = layer or default_layer(self.family, self.denoiser)
        submodule(self.denoiser, self.layer)
        self.layout = Layout(self.family, self.denoiser.config)
        self._signature = _signature(self.denoiser, self.family.latents)

    def works_at(self, timestep: Tensor) -> bool:
        """Whether the denoiser that is read here is the one at work at this timestep."""
        return self.host.at_work(float(timestep)) is self.denoiser

    def checkpointed(self) -> AbstractContextManager[None]:
        """Inside the block the denoiser's layers are computed again in the backward pass instead of kept."""
        return checkpointed(self.denoiser, self.family.segments, self.layer)

    def spatial_attentions(self) -> dict[str, nn.Module]:
        """The attentions whose keys and values may be shared (`Family.kv_sites`), of every denoiser."""
        return {
            f"{number}.{name}": module
            for number, denoiser in enumerate(self.host.denoisers)
            for name, module in denoiser.named_modules()
            if re.fullmatch(self.family.kv_sites, name)
        }

    # ------------------------------------------------------------ the host's own run

    @property
    def timesteps(self) -> Tensor:
        """The timesteps (n,) of the run at hand, the noisiest first: of the whole schedule."""
        return self.host.timesteps

    def step_of(self, call: Call) -> int:
        """The index in `timesteps` of the step that a call is made in."""
        return int((self.timesteps.float() - timestep_of(call, self.family)).abs().argmin())

    def forget_last_sample(self) -> None:
        """Let the scheduler take up latents that were changed between two steps."""
        self.host.forget_last_sample()

    def scaled(self, latents: Tensor, timestep: Tensor | int) -> Tensor:
        """Latents between two steps, (b c f h w), scaled for the denoiser at `timestep`."""
        return self.host.scaled(latents, timestep)

    def clip_size(self, latents: Tensor) -> ClipSize:
        """Frames, height and width in px of the video that these latents (b c f h w) decode to."""
        return self.host.clip_size(latents)

    @contextmanager
    def watched(self, see: Callable[[Call], None]) -> Iterator[None]:
        """Show `see` the arguments of every denoiser call inside the block, before the denoiser runs."""

        def note(_module: object, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> None:
            if kwargs is None:  # another thread's call, in the midst of which this hook comes or goes
                return
            see(dict(self._signature.bind(*args, **kwargs).arguments))

        with ExitStack() as stack:
            for denoiser in self.host.denoisers:
                stack.callback(denoiser.register_forward_pre_hook(note, with_kwargs=True).remove)
            yield

    def listen(self, calls: list[Call]) -> AbstractContextManager[None]:
        """Append the arguments of every denoiser call inside the block to `calls`."""
        return self.watched(here_only(calls.append))

    def first_call(self, prompt: list[str], latents: Tensor, images: np.ndarray | None = None) -> Call:
        """How the host calls the denoiser for latents (b c f h w) and one prompt each, guidance off.

        The run ends there: the denoiser itself does not run.

        Args:
            images: uint8 (b h w 3), first frames for a model that starts from one; None is grey.
        Raises:
            BackboneError: the model wants more than a prompt or a first frame.
        """
        calls: list[Call] = []

        def stop(call: Call) -> None:
            calls.append(call)
            raise _Captured

        with suppress(_Captured), aside(), self.watched(here_only(stop)):
            self.host.run(prompt, latents, images, steps=2)
        return self.conditional(calls, len(latents))  # some pipelines have more than one guidance to turn off

    def conditional(self, calls: list[Call], batch: int) -> Call:
        """The conditional half of one step's denoiser calls, for `batch` clips, with tensors of its own.

        Hosts either stack [unconditional, conditional] in one call, or make two, the conditional one first.
        """
        return parts_of(calls[0], self.family, batch)[-1]()

    # ------------------------------------------------------------ reading by calls of our own

    def inputs(self, call: Call) -> Tensor:
        """What the denoiser is given in a call, (b c f h w): latents, and channels behind that condition."""
        return self.layout.inputs(call)

    def grid(self, output: Any, call: Call, layer: str | None = None) -> Tensor:
        """What a layer put out in a call → features (b f c h w); None is the layer that is read."""
        return self.layout.features(output, call, layer or self.layer)

    def noised(self, clean: Tensor, noise: Tensor, level: float) -> tuple[Tensor, float]:
        """Clean latents at noise level 0…1000: (what the denoiser takes, the timestep it is told)."""
        return self.host.parametrisation.noised(clean, noise, level)

    def features(self, latents: Tensor, timestep: Tensor, call: Call) -> Tensor:
        """Features (b f c h w), float32, of latents (b c f h w) between two steps; stops behind the layer.

        Gradients flow to `latents` if it asks for them.
        """
        return self.read(self.scaled(latents, timestep), float(timestep), call)

    @torch.no_grad()
    def features_of(self, inputs: Tensor, timestep: float, call: Call) -> Tensor:
        """Features (b f c h w), float32, of what the denoiser takes, (b c f h w); no gradients."""
        with frozen(self.denoiser):
            return self.read(inputs, timestep, call)

    def read(self, inputs: Tensor, timestep: float, call: Call) -> Tensor:
        """Features (b f c h w), float32, of what the denoiser takes, (b c f h w): repeats a call with that,
        told another timestep. What conditions in the call, channels behind the latents or given tokens,
        stays."""
        told = retold(call, self.family, timestep, inputs.device)
        arguments = self.layout.with_inputs(inputs, call) | told
        with aside():
            output = run_until(self.denoiser, self.layer, lambda: self.denoiser(**arguments))
        return self.grid(output, arguments).float()

    @torch.no_grad()
    def predicted(self, inputs: Tensor, timestep: float, call: Call) -> Tensor:
        """What the denoiser predicts for what it takes, (b c f h w), told a timestep; without the variance
        that some add."""
        told = retold(call, self.family, timestep, inputs.device)
        arguments = self.layout.with_inputs(inputs, call) | told
        with aside():
            whole = self.layout.prediction(self.denoiser(**arguments)[0], call)
        return whole[:, : inputs.shape[1]].to(inputs)

    # ------------------------------------------------------------ reading in passing

    @contextmanager
    def riding(
        self,
        due: Callable[[], torch.Size | None],
        see: Callable[[Tensor, Tensor], None],
        take: Callable[[Callable[[bool], Any]], Any] = lambda attempt: attempt(False),
    ) -> Iterator[None]:
        """Read features in passing, from the host's own calls inside the block, where `due()` gives the
        latents' shape.

        `see` gets the features (b f c h w), float32, of the conditional part, and what the denoiser took, (b
        c f h w): a gradient flows from the first to the second, as in `features`. The parts of the guidance
        batch are run one after the other then, so that only one is recorded; the host gets the same
        prediction. `take` makes the attempt, as often as it must, told whether to be `checkpointed`.
        """
        denoiser = self.denoiser

        def forward(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            shape = due()
            if shape is None:
                return original(*args, **kwargs)
            call = dict(self._signature.bind(*args, **kwargs).arguments)
            with torch.inference_mode(False), torch.no_grad(), frozen(denoiser):
                *others, last = parts_of(call, self.family, shape[0])
                outputs, conditional = [original(**part()) for part in others], last()

                def attempt(save_memory: bool) -> Any:
                    inputs = self.inputs(conditional)[:, : shape[1]].float().requires_grad_()
                    with self.checkpointed() if save_memory else nullcontext():
                        with recorded_until(denoiser, self.layer) as seen:
                            output = original(**self.layout.with_inputs(inputs, conditional))
                        with torch.enable_grad():
                            see(self.grid(seen[0], conditional).float(), inputs)
                    return output

                return concatenated([*outputs, take(attempt)])

        with around(denoiser, "forward", forward):
            yield


def _signature(denoiser: Any, latents: str) -> inspect.Signature:
    """How the denoiser is called, whoever has wrapped its `forward`. Raises BackboneError if it is hidden."""
    forward = inspect.signature(type(denoiser).forward)
    own = forward.replace(parameters=list(forward.parameters.values())[1:])
    for known in (own, inspect.signature(denoiser.forward)):
        if latents in known.parameters:
            return known
    raise BackboneError(
        f"expected {type(denoiser).__name__}.forward to take {latents!r}, got {own}: another program has "
        "replaced it; wrap it with functools.wraps, or undo it"
    )
