"""What the contract asks of a tiny pipeline (tests/tiny.py): run it plain and steered, and look at it closely."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import torch
from tiny import STEPS, clip_size, sample, tiny
from torch import Tensor

import moft
from moft.backbones import family_of
from moft.feature import ccr
from moft.guidance import Settings, Steering, steer
from moft.hooks import capture
from moft.tap import Call, Tap

LEFT = moft.Motion("left")
EARLY = Settings(steps=(0.17, 0.67), step_size=0.1, loss="position")  # steps 1, 2 and 3 of 6
PLAIN = Settings(steps=(0.17, 0.67), step_size=0, loss="position")


@cache
def statistics_of(name: str) -> moft.Statistics:
    """Channels of a random model: any will do, the contract is about how steering attaches."""
    tap, calls = Tap(tiny(name)), []
    with tap.listen(calls), capture(tap.denoiser, [tap.layer]) as seen:
        sample(tiny(name), num_inference_steps=2)
    features = tap.grid(seen[tap.layer], calls[0])
    count, size = features.shape[2] // 4, ccr(features).square().mean().sqrt()
    response = 10 * size * torch.randn(count, 2, generator=torch.Generator().manual_seed(0))
    bound = torch.full((count,), float(size))
    return moft.Statistics(torch.arange(count) * 2, response, -bound, bound, tap.layer, 950, name)


@cache
def plain_sample(name: str) -> Tensor:
    return sample(tiny(name))


@cache
def steered_sample(name: str) -> tuple[Tensor, Steering]:
    with steer(tiny(name), LEFT, statistics=statistics_of(name), settings=EARLY) as run:
        return sample(tiny(name)), run


def everything_about(pipe: Any) -> dict[str, Any]:
    """What a user could notice if steering left something behind."""
    denoiser = getattr(pipe, family_of(pipe).attribute)
    modules = dict(denoiser.named_modules())
    return {
        "hooks": {n: (list(m._forward_hooks), list(m._forward_pre_hooks)) for n, m in modules.items()},
        "asking": [p.requires_grad for p in denoiser.parameters()],
        "gradients": [p.grad for p in denoiser.parameters()],
        "scheduler": set(vars(pipe.scheduler)) - {"timestep_list"},
        "step": inspect.unwrap(pipe.scheduler.step).__qualname__,
        "forward": "forward" in vars(denoiser),
        "processors": {n: type(m.processor) for n, m in modules.items() if hasattr(m, "processor")},
        "pipeline": set(vars(pipe)),
    }


def losses_of(name: str, settings: Settings) -> dict[int, float]:
    """The loss of what the scheduler hands on, before each step, whether it is guided or not."""
    pipe, found = tiny(name), {}
    with steer(pipe, LEFT, statistics=statistics_of(name), settings=settings) as run:
        usual = run.next

        def watched(latents: Tensor, index: int, calls: list[Call]) -> Tensor:
            if index < STEPS:
                features = run.tap.features(latents, pipe.scheduler.timesteps[index], run.tap.conditional(calls, 1))
                found[index] = float(run.loss(features, clip_size(pipe)))
            return usual(latents, index, calls)

        run.next = watched
        sample(pipe)
    return found
