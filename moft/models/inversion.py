"""From a clip back to the noise that the model would make it from, so that sampling from there gives the clip
again.

DDIM inversion takes the step from one noise level to the next with the prediction at the level it comes from,
where sampling will take it at the level it goes to. That is why inverted clips change (the paper's stated
limit). Here each step is solved for the latents from which sampling comes back: a fixed point, found by
repeating the prediction (Pan et al., "Effective Real Image Editing with Accelerated Iterative Diffusion
Inversion", ICCV 2023).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from moft.errors import RequestError
from moft.finite import check_finite
from moft.models.tap import Tap

ITERATIONS = 8  # predictions a step at most
TOLERANCE = 1e-3  # rms change of the latents, beside their rms, at which they are enough


@torch.no_grad()
def inverted(
    tap: Tap, clean: Tensor, steps: int = 25, prompt: str = "", iterations: int = ITERATIONS
) -> Iterator[tuple[int, Tensor]]:
    """Latents at each timestep of the host's schedule of so many steps, the least noise first; no guidance.

    Args:
        clean: latents (b c f h w) of clips.
        iterations: predictions a step at most; 1 is plain DDIM inversion.
    Yields:
        (timestep, latents (b c f h w)).
    Raises:
        BackboneError: the host's sampler is not DDIM, or latents come out as no numbers.
        RequestError: fewer than one step or iteration.
    """
    if steps < 1 or iterations < 1:
        raise RequestError(f"expected 1 step and 1 iteration or more, got {steps} and {iterations}")
    signal, schedule = tap.host.ddim(steps)
    before = tap.host.parametrisation.before
    call = tap.first_call([prompt] * len(clean), clean)
    x = clean
    for timestep, goal in reversed(schedule):
        y = x
        for _ in range(iterations):
            last, y = y, before(x, tap.predicted(y, timestep, call), signal, goal)
            if (y - last).square().mean().sqrt() < TOLERANCE * y.square().mean().sqrt():
                break
        check_finite(y, f"the latents inverted to timestep {timestep}", tap.pipe)
        x, signal = y, goal
        yield timestep, x
