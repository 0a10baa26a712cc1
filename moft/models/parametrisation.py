"""What a model's noise levels, timesteps and predictions mean, asked of its scheduler once.

A denoiser takes s·clean + n·noise: with s = √ᾱ and n = √(1−ᾱ), or on the straight line s = 1−t, n = t (flow
matching). It predicts the noise, the clean latents, v = s·noise − n·clean, or the flow noise − clean.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor


class Parametrisation:
    """The parametrisation under which a scheduler runs its model.

    Noise levels are 0…1000; the timestep that the denoiser is *told* is another number in some models.
    Latents and predictions are of any one shape.

    Args:
        scheduler: of diffusers; any, for it is asked for nothing but its config and ᾱ.
    """

    def __init__(self, scheduler: Any) -> None:
        self._steps: int = scheduler.config.num_train_timesteps
        self._upwards = bool(
            scheduler.config.get("invert_sigmas")
        )  # Mochi counts up, and predicts clean − noise
        self._alphas: Tensor | None = getattr(scheduler, "alphas_cumprod", None)
        kind = scheduler.config.get("prediction_type", "flow_prediction")
        self.kind: str = "flow_prediction" if self._alphas is None else kind
        continuous = scheduler.config.get("timestep_type") == "continuous"
        self._edm = continuous and self.kind == "v_prediction"  # as SVD has it

    def noised(self, clean: Tensor, noise: Tensor, level: float) -> tuple[Tensor, float]:
        """Clean latents at a noise level 0…1000: (what the denoiser takes, the timestep it is told).

        As in training, whichever scheduler samples.
        """
        if self.kind == "flow_prediction":
            told = self._steps - level if self._upwards else level
            return torch.lerp(clean, noise, level / self._steps), float(told)
        alpha = self._alpha(level)
        noisy = alpha**0.5 * clean + (1 - alpha) ** 0.5 * noise
        told = 0.25 * float(np.log(((1 - alpha) / alpha) ** 0.5)) if self._edm else level
        return noisy, float(told)

    def clean(self, inputs: Tensor, predicted: Tensor, told: float) -> tuple[Tensor, float]:
        """The clean latents x₀ in what the denoiser takes, by its prediction, and their share s in it: where
        the noise is constant, ∂x₀/∂inputs = 1/s."""
        if self.kind == "flow_prediction":
            level = told / self._steps
            if self._upwards:
                return inputs + (1 - level) * predicted, level
            return inputs - level * predicted, 1 - level
        signal = (1 + math.exp(8 * told)) ** -0.5 if self._edm else self._alpha(told) ** 0.5
        noise = (1 - signal**2) ** 0.5
        if self.kind == "v_prediction":
            return signal * inputs - noise * predicted, signal
        return (predicted if self.kind == "sample" else (inputs - noise * predicted) / signal), signal

    def before(self, x: Tensor, predicted: Tensor, signal: float, goal: float) -> Tensor:
        """The latents y at √ᾱ = `goal` from which a DDIM step with this prediction leads to x at √ᾱ =
        `signal`: x = signal·x₀(y) + √(1−signal²)·ε(y), solved for y. Not for flow matching."""
        noise, more = (1 - signal**2) ** 0.5, (1 - goal**2) ** 0.5
        if self.kind == "v_prediction":  # x₀ = goal·y − more·v, ε = goal·v + more·y
            return (x - (noise * goal - signal * more) * predicted) / (signal * goal + noise * more)
        if self.kind == "epsilon":  # x₀ = (y − more·ε) / goal
            return (x - noise * predicted) * goal / signal + more * predicted
        if not noise:
            return goal * predicted
        return goal * predicted + (x - signal * predicted) * more / noise  # ε = (y − goal·x₀) / more

    def _alpha(self, level: float) -> float:
        """ᾱ at a noise level; the last one's beyond it."""
        assert self._alphas is not None
        return float(self._alphas[min(int(level), len(self._alphas) - 1)])
