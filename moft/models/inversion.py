"""From a clip back to the noise that the model would make it from, so that sampling from there gives the clip again.

DDIM inversion takes the step from one noise level to the next with the prediction at the level it comes from, where sampling
will take it at the level it goes to. That is why inverted clips change (the paper's stated limit). Here each step is solved for
the latents from which sampling comes back: a fixed point, found by repeating the prediction (Pan et al., "Effective Real Image
Editing with Accelerated Iterative Diffusion Inversion", ICCV 2023).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from moft.errors import BackboneError, RequestError
from moft.models.tap import Tap

ITERATIONS, TOLERANCE = (
    8,
    1e-3,
)  # predictions a step at most; rms change of the latents at which they are enough


@torch.no_grad()
def inverted(
    tap: Tap, clean: Tensor, steps: int = 25, prompt: str = "", iterations: int = ITERATIONS
) -> Iterator[tuple[int, Tensor]]:
    """Latents at each timestep of the pipeline's schedule of so many steps, the least noise first; no guidance.

    Args:
        clean: latents (b c f h w) of clips.
        iterations: predictions a step at most; 1 is plain DDIM inversion.
    Yields:
        (timestep, latents (b c f h w)).
    Raises:
        BackboneError: the pipeline's scheduler is not DDIM.
        RequestError: fewer than one step or iteration.
    """
    from diffusers import DDIMScheduler

    scheduler = tap.pipe.scheduler
    if not isinstance(scheduler, DDIMScheduler):
        raise BackboneError(
            f"inversion needs a DDIMScheduler, got {type(scheduler).__name__}; set one, or add noise"
        )
    if steps < 1 or iterations < 1:
        raise RequestError(f"expected 1 step and 1 iteration or more, got {steps} and {iterations}")
    own = type(scheduler).from_config(scheduler.config)
    own.set_timesteps(steps)
    call = tap.first_call([prompt] * len(clean), clean)
    x, signal = clean, float(own.final_alpha_cumprod) ** 0.5
    for timestep in reversed(own.timesteps.tolist()):
        goal = float(own.alphas_cumprod[timestep]) ** 0.5
        y = x
        for _ in range(iterations):
            before, y = (
                y,
                _before(x, tap.predicted(y, timestep, call), scheduler.config.prediction_type, signal, goal),
            )
            if (y - before).square().mean().sqrt() < TOLERANCE * y.square().mean().sqrt():
                break
        x, signal = y, goal
        yield timestep, x


def _before(x: Tensor, predicted: Tensor, kind: str, signal: float, goal: float) -> Tensor:
    """The latents y at signal √ᾱ = `goal` from which a DDIM step with this prediction leads to x at `signal`:
    x = signal·x₀(y) + √(1−signal²)·ε(y), solved for y."""
    noise, more = (1 - signal**2) ** 0.5, (1 - goal**2) ** 0.5
    if kind == "v_prediction":  # x₀ = goal·y − more·v, ε = goal·v + more·y
        return (x - (noise * goal - signal * more) * predicted) / (signal * goal + noise * more)
    if kind == "epsilon":  # x₀ = (y − more·ε) / goal
        return (x - noise * predicted) * goal / signal + more * predicted
    return (
        goal * predicted + (x - signal * predicted) * more / noise if noise else goal * predicted
    )  # ε = (y − goal·x₀) / more
