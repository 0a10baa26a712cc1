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


class Recording(Between):
    """The latents of a plain run between its steps, and its keys and values if wanted; made by `record`. Of
    several runs in one block it is the last."""

    def __init__(self, tap: Tap, keys: float = 0.0) -> None:
        super().__init__(tap, SharedKV(tap.spatial_attentions()) if keys else None, keys)
        self.latents: dict[int, Tensor] = {}
        self.begun: Tensor | None = None  # the latents (b c f h w) that the denoiser was given first
        self.said: dict[str, Tensor] = {}  # what else it was given then, words say

    def begin(self) -> None:
        self.latents.clear()
        if self.keys is not None:
            self.keys.bank.clear()

    def next(self, latents: Tensor, index: int, calls: list[Call]) -> Tensor:
        with torch.inference_mode(False):
            check_finite(latents, f"the latents before step {index}", self.tap.pipe)
            if not self.latents:
                self.begun, self.said = self._given(latents, calls).clone(), _said(self.tap, calls)
            self.latents[index] = latents.detach().clone()
        return latents

    def check_begin(self, latents: Tensor, calls: list[Call], tell: Callable[[str], object]) -> None:
        """Raise RequestError unless the run at hand began as this one did, from the same noise or latents;
        `tell` hears if it was told other words. latents: (b c f h w) behind its first step."""
        begun = self._given(latents, calls)
        known = self.begun is not None and begun.shape == self.begun.shape
        if known and (begun - self.begun.to(begun)).norm() > _SAME * begun.norm():  # type: ignore[union-attr]
            raise RequestError(
                "expected a plain run that begins as this one, got one from another seed or other "
                "latents; record it with the same generator; with an inverted clip pass latents=plain.start"
            )
        for name, value in _said(self.tap, calls).items():
            before = self.said.get(name)
            if before is not None and not _alike(before, value):
                tell(f"the plain run was told other words than this one ({name}); record it with the same")

    def _given(self, latents: Tensor, calls: list[Call]) -> Tensor:
        return self.tap.inputs(calls[0])[-len(latents) :, : latents.shape[1]].detach().float()

    @property
    def start(self) -> Tensor:
        """The noise that the run starts from, (b c f h w); only an inverted clip has it."""
        return self.latents[0]

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


def _alike(a: Tensor, b: Tensor) -> bool:
    a, b = a.float(), b.float()
    return a.shape == b.shape and bool((a.to(b) - b).norm() <= _SAME * b.norm())


def _said(tap: Tap, calls: list[Call]) -> dict[str, Tensor]:
    """What a call of the denoiser is told beside latents and timestep, as far as these are tensors."""
    told = {name: value for name, value in calls[0].items() if name not in (tap.family.latents, "timestep")}
    return {name: value.detach() for name, value in told.items() if isinstance(value, Tensor)}


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
        recording.begun = recording.start.float()
        if keys:
            with record(pipe, keys) as again, torch.no_grad():
                tap.host.run([prompt], recording.start, steps=steps)
            recording.keys, recording.share = again.keys, again.share
    return recording
