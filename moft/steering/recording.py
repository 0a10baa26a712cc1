"""Plain runs, kept: their latents between the steps, their keys and values, or those of a real clip
inverted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moft.errors import RequestError
from moft.feature.read import FEWER, encode
from moft.feature.reference import check_clip
from moft.finite import check_finite
from moft.memory import enough_memory
from moft.models.attach import Between, between_steps
from moft.models.calls import Call
from moft.models.hooks import SharedKV
from moft.models.inversion import inverted
from moft.models.tap import Tap

_SAME = 0.01  # of the norm: what differs by less is the same
_ALIKE = 0.1  # of what a step adds to its latents: runs whose first step differs by more are not alike


class Recording(Between):
    """The latents of a plain run between its steps, and its keys and values if wanted; made by `record`. Of
    several runs in one block it is the last."""

    def __init__(self, tap: Tap, keys: float = 0.0) -> None:
        super().__init__(
            tap, SharedKV(tap.spatial_attentions(), tap.family.projections) if keys else None, keys
        )
        self.latents: dict[int, Tensor] = {}
        self.begun: Tensor | None = None  # the latents (b c f h w) that the denoiser was given first
        self.said: dict[str, Tensor] = {}  # what else it was given then, words say
        self.timesteps: Tensor | None = None  # (n,) of its schedule
        self.unit = 1.0  # what 1 in its latents is to the denoiser, in the second step
        self.inverted = False  # a real clip's, from which sampling comes near to these latents

    def begin(self) -> None:
        self.latents.clear()
        if self.keys is not None:
            self.keys.bank.clear()

    def next(self, latents: Tensor, index: int, calls: list[Call]) -> Tensor:
        with torch.inference_mode(False):
            check_finite(latents, f"the latents before step {index}", self.tap.pipe)
            if not self.latents:
                self.begun, self.said = self._given(latents, calls).clone(), _said(self.tap, calls)
                self.timesteps, self.unit = self.tap.timesteps.clone(), self._unit(latents, index)
            self.latents[index] = latents.detach().clone()
        return latents

    def check_begin(
        self, latents: Tensor, index: int, calls: list[Call], tell: Callable[[str], object]
    ) -> None:
        """Raise RequestError unless the run at hand began as this one did, from the same noise or latents, on
        the same schedule; `tell` hears if it was told other words, or if its first step came out otherwise.
        latents: (b c f h w) behind its first step, of which nothing was changed; index: of the step to
        come."""
        self._check_schedule(self._unit(latents, index))
        begun = self._given(latents, calls)
        known = self.begun is not None and begun.shape == self.begun.shape
        if known and (begun - self.begun.to(begun)).norm() > _SAME * begun.norm():  # type: ignore[union-attr]
            raise RequestError(
                "expected a plain run that begins as this one, got one from another seed or other "
                "latents; record it with the same generator; with an inverted clip pass latents=plain.start"
            )
        said = _said(self.tap, calls)
        others = [name for name in (self.said or said) if not _alike(self.said.get(name), said.get(name))]
        if self.said and others:
            tell(
                f"the plain run was told other words than this one ({', '.join(others)}); record it with the "
                "same"
            )
        elif known and not self.inverted and not self._steps_alike(latents, index, begun):
            tell(
                "the first step of the plain run came out otherwise than that of this one; record it with "
                "the same scheduler, guidance scale and weights"
            )

    def _check_schedule(self, unit: float) -> None:
        mine, now = self.timesteps, self.tap.timesteps
        if mine is None:
            return
        same = len(mine) == len(now) and torch.allclose(mine.double().cpu(), now.double().cpu())
        if not same or abs(self.unit - unit) > _SAME * unit:
            raise RequestError(
                "expected a plain run with the same steps and size as this one, at timesteps "
                f"{_some(now)} and latents of {1 / unit:.3g}, got one at {_some(mine)} and of "
                f"{1 / self.unit:.3g}; record it with the same arguments and the same scheduler"
            )

    def _unit(self, latents: Tensor, index: int) -> float:
        timesteps = self.tap.timesteps
        one = latents.new_ones((), dtype=torch.float64)
        return float(self.tap.scaled(one, timesteps[index])) if index < len(timesteps) else 1.0

    def _steps_alike(self, latents: Tensor, index: int, begun: Tensor) -> bool:
        """Whether the first step came out as in the plain run, but for what rounding may do."""
        plain, latents = self.latents[index].to(latents).float(), latents.float()
        if plain.shape != latents.shape:
            return True  # refused where it is used
        along = (latents * begun).sum() / begun.square().sum()  # what the step only scaled
        added = (latents - along * begun).norm()
        rounding = torch.finfo(self.latents[index].dtype).eps / 2 * latents.norm()
        return bool((plain - latents).norm() <= _ALIKE * added + rounding)

    def _given(self, latents: Tensor, calls: list[Call]) -> Tensor:
        return self.tap.inputs(calls[0])[-len(latents) :, : latents.shape[1]].detach().float()

    @property
    def start(self) -> Tensor:
        """The noise that the run starts from, (b c f h w); only an inverted clip has it."""
        return self.latents[0]

    @property
    def nbytes(self) -> int:
        """Of all that is kept."""
        kept = [*self.latents.values(), *(self.keys.bank.values() if self.keys is not None else ())]
        return sum(one.nbytes for one in kept)

    def at(self, index: int, like: Tensor) -> Tensor:
        """What was recorded there. Raises RequestError if the run at hand is of another kind."""
        found = self.latents.get(index)
        if found is None or found.shape != like.shape:
            got = f"{len(self.latents)} steps" if found is None else f"latents {tuple(found.shape)}"
            raise RequestError(
                f"expected a plain run with the same steps and size as this one (step {index}, latents "
                f"{tuple(like.shape)}), got {got}; record it with the same arguments"
            )
        return found


def _alike(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    a, b = a.float(), b.float()
    return a.shape == b.shape and bool((a.to(b) - b).norm() <= _SAME * b.norm())


def _said(tap: Tap, calls: list[Call]) -> dict[str, Tensor]:
    """What the calls of one step tell the denoiser beside latents and timestep, as far as these are tensors;
    of several calls each by its number."""
    said: dict[str, Tensor] = {}
    for number, call in enumerate(calls, 1):
        for name, value in call.items():
            if isinstance(value, Tensor) and name not in (tap.family.latents, "timestep"):
                said[name if number == 1 else f"{name} of call {number}"] = value.detach()
    return said


def _some(timesteps: Tensor) -> str:
    """The first of them, in words."""
    return ", ".join(f"{t:.6g}" for t in timesteps[:3].tolist()) + f"… ({len(timesteps)})"


@contextmanager
def record(pipe: Any, keys: float = 0.0, by_callback: bool = False) -> Iterator[Recording]:
    """Keep the latents of the plain run inside the block, so that a steered run can leave what surrounds its
    regions as it was there (`steer(…, plain=recording)`). The memory of one latent video a step.

    Args:
        keys: in which share of the denoising steps, from the first, to keep keys and values of spatial
            self-attention too, so that a steered run can take them over (`Settings.keep_keys`); True is all
            steps. The memory of their inputs,
            for both parts of the guidance batch: in all of 25 steps some 11 GB for AnimateDiff at 512 px and
            16 frames in float16.
        pipe, by_callback: as for `steer`.
    Raises:
        RequestError: a share outside 0…1. BackboneError: unknown pipeline, or fused projections.
    """
    if not 0 <= keys <= 1:
        raise RequestError(
            f"expected keys in 0…1, a share of the denoising steps, got {keys!r}; True keeps all"
        )
    recording = Recording(Tap(pipe), keys)
    with (
        between_steps(recording, by_callback),
        recording.keys.recording() if recording.keys else nullcontext(),
    ):
        yield recording


def invert(
    pipe: Any, video: np.ndarray, *, steps: int = 25, prompt: str = "", keys: float = 0.0
) -> Recording:
    """A real clip as a plain run: the latents from which, without guidance, sampling gives the clip again, at
    every step.

        plain = moft.invert(pipe, clip)
        with moft.steer(pipe, moft.Motion("up", region="mask.png"), plain=plain):
            pipe("", latents=plain.start, guidance_scale=1.0, num_inference_steps=25)

    What surrounds the regions stays as it is in the clip. What is inside is drawn anew by the model, but with
    `Settings.carry`.

    Args:
        video: uint8 (f h w 3), of the size at which the pipeline will sample.
        steps: those of the run to come.
        prompt: that of the run to come.
        keys: as for `record`; costs one sampling without guidance more.
    Raises:
        RequestError: no such clip, or a share outside 0…1. BackboneError: unknown pipeline, a scheduler
        other than DDIM, latents that are no numbers, or too little memory.
    """
    check_clip(video)
    tap = Tap(pipe)
    recording = Recording(tap)
    with enough_memory("inverting a clip", FEWER):
        recording.latents[steps] = encode(tap, video[None])
        for i, (_, latents) in enumerate(inverted(tap, recording.latents[steps], steps, prompt)):
            recording.latents[steps - 1 - i] = latents
        recording.begun, recording.inverted = recording.start.float(), True
        recording.timesteps = torch.tensor([timestep for timestep, _ in tap.host.ddim(steps)[1]])
        if keys:
            with record(pipe, keys) as again, torch.no_grad():
                tap.host.run([prompt], recording.start, steps=steps)
            recording.keys, recording.share = again.keys, again.share
    return recording
