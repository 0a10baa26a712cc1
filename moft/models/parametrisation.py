"""What a model's noise levels, timesteps and predictions mean, asked once.

A denoiser takes s·clean + n·noise: with s = √ᾱ and n = √(1−ᾱ), or on the straight line s = 1−t, n = t (flow
matching). It predicts the noise, the clean latents, v = s·noise − n·clean, or the flow noise − clean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Parametrisation:
    """The parametrisation under which a model is run.

    Noise levels are 0…1000; the timestep that the denoiser is *told* is another number in some models.
    Latents and predictions are of any one shape.
    """

    kind: str = "flow_prediction"  # or "epsilon", "v_prediction", "sample": what is predicted
    alphas: Tensor | None = None  # ᾱ at each noise level; None for flow matching
    steps: int = 1000  # noise levels in training
    upwards: bool = False  # flow matching whose timesteps count up, and which predicts clean − noise (Mochi)
    logarithmic: bool = False  # v-prediction that is told log(n/s)/4 (EDM, as SVD has it)
    size: float = 1.0  # rms of clean latents, of EDM; noise levels and timesteps are as if it were 1
    sign: float = 1.0  # of v; −1 where its negative is predicted (EDM, as Cosmos has it)

    @classmethod
    def of(cls, scheduler: Any) -> Parametrisation:
        """That of a scheduler of diffusers."""
        config = scheduler.config
        if hasattr(scheduler, "precondition_noise"):
            return cls._of_edm(scheduler)
        alphas = getattr(scheduler, "alphas_cumprod", None)
        kind = "flow_prediction" if alphas is None else config.get("prediction_type", "flow_prediction")
        continuous = config.get("timestep_type") == "continuous"
        return cls(
            kind,
            alphas,
            config.num_train_timesteps,
            upwards=bool(config.get("invert_sigmas")),
            logarithmic=continuous and kind == "v_prediction",
        )

    @classmethod
    def _of_edm(cls, scheduler: Any) -> Parametrisation:
        """Noise levels are those of its own schedule in training; its inputs are scaled to an rms of 1."""
        config = scheduler.config
        own = type(scheduler).from_config(config)
        sigmas = own.sigmas[: config.num_train_timesteps].flip(0) / config.sigma_data
        sign = -1.0 if config.prediction_type == "epsilon" else 1.0
        return cls(
            "v_prediction",
            1 / (1 + sigmas**2),
            config.num_train_timesteps,
            logarithmic=True,
            size=config.sigma_data,
            sign=sign,
        )

    def noised(self, clean: Tensor, noise: Tensor, level: float) -> tuple[Tensor, float]:
        """Clean latents at a noise level 0…1000: (what the denoiser takes, the timestep it is told).

        As in training, whichever scheduler samples.
        """
        if self.kind == "flow_prediction":
            told = self.steps - level if self.upwards else level
            return torch.lerp(clean, noise, level / self.steps), float(told)
        alpha = self._alpha(level)
        noisy = alpha**0.5 * clean + (1 - alpha) ** 0.5 * noise
        told = 0.25 * float(np.log(((1 - alpha) / alpha) ** 0.5 * self.size)) if self.logarithmic else level
        return noisy, float(told)

    def clean(self, inputs: Tensor, predicted: Tensor, told: float) -> tuple[Tensor, float]:
        """The clean latents x₀ in what the denoiser takes, by its prediction, and their share s in it: where
        the noise is constant, ∂x₀/∂inputs = 1/s."""
        if self.kind == "flow_prediction":
            level = told / self.steps
            if self.upwards:
                return inputs + (1 - level) * predicted, level
            return inputs - level * predicted, 1 - level
        sigma = math.exp(4 * told) / self.size if self.logarithmic else 0.0
        signal = (1 + sigma**2) ** -0.5 if self.logarithmic else self._alpha(told) ** 0.5
        noise = (1 - signal**2) ** 0.5
        if self.kind == "v_prediction":
            return signal * inputs - self.sign * noise * predicted, signal
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
        assert self.alphas is not None
        return float(self.alphas[min(int(level), len(self.alphas) - 1)])
