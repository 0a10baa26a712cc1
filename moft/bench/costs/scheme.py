"""What the authors' release does for the same gradient, on our attachment: what the cost is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from moft.feature.statistics import find_statistics
from moft.feature.target import Synthesised
from moft.models.calls import Call
from moft.models.hooks import capture
from moft.request.motion import Motion
from moft.steering.entry import guided
from moft.steering.guide import Guide
from moft.steering.loop import Moment, Steering
from moft.steering.objective import Look, Objective, follow
from moft.steering.settings import Settings


class ReleaseGuide(Guide):
    """The work that the authors' release does for the same gradient.

    The whole guidance batch runs through the whole denoiser with gradients, those of the weights among them,
    though the loss sees half of the batch and what lies before the feature layer. An unguided run goes along
    at every step, for its keys and values; lending these costs next to nothing and is left out, as are the
    release's own file reads. So this is a lower bound.
    """

    _whole: Call
    _beside: Tensor | None = None
    _scheduler: Any = None

    def apply(self, latents: Tensor, moment: Moment) -> Tensor:
        self._whole = moment.calls[0]
        self._go_along(len(latents), moment.index)
        return super().apply(latents, moment)

    @torch.no_grad()
    def _go_along(self, clips: int, index: int) -> None:
        """One step of the unguided run: what the pipeline itself does, once more."""
        own = self.tap.pipe.scheduler
        if self._beside is None:
            self._scheduler = type(own).from_config(own.config)
            self._beside = self.tap.inputs(self._whole)[:clips]
            self._scheduler.set_timesteps(len(own.timesteps))
        predicted = self.tap.denoiser(**self._both(self._beside, self._whole["timestep"]))[0]
        blank, said = predicted.chunk(2)
        guided = blank + self.tap.pipe.guidance_scale * (said - blank)
        step = self._scheduler.step(guided, self._scheduler.timesteps[index - 1], self._beside)
        self._beside = step.prev_sample

    def _both(self, latents: Tensor, timestep: Tensor) -> Call:
        """The pipeline's own call for the whole guidance batch, with these latents (b c f h w)."""
        return self._whole | {self.tap.family.latents: torch.cat([latents, latents]), "timestep": timestep}

    def gradient(
        self, latents: Tensor, timestep: Tensor, call: Call, due: Sequence[Objective]
    ) -> tuple[float, Tensor | None]:
        self.tap.denoiser.requires_grad_(True)  # never frozen there
        x = latents.detach().requires_grad_(True)
        with torch.enable_grad(), capture(self.tap.denoiser, [self.tap.layer]) as seen:
            whole = self._both(x, timestep)
            self.tap.denoiser(**whole)
            features = self.tap.grid(seen[self.tap.layer], whole)[-len(x) :].float()
            look = Look(self.tap, x, timestep, call, features)
            loss = torch.stack([objective.strength * objective.loss(look) for objective in due]).sum()
            loss.backward()
        return loss.item(), x.grad


@contextmanager
def release(pipe: Any, motion: Motion, settings: Settings) -> Iterator[Steering]:
    """Steer as the release goes about it.

    For pipelines that need no scaling of their latents, as AnimateDiff's. Raises RequestError where no motion
    channels are known for the model."""
    objective = follow(Synthesised(motion, find_statistics(pipe)), None, alone=True, steps=settings.steps)
    steering = guided(pipe, [objective], settings, guide=ReleaseGuide)
    try:
        with steering.attached() as run:
            yield run
    finally:
        steering.tap.denoiser.zero_grad(set_to_none=True)
