"""What the contract asks of a tiny pipeline (tests/tiny): run it plain and steered, look at it closely."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from tiny import STEPS, clip_size, sample, tiny
from torch import Tensor

import moft
from moft.feature.definition import ccr
from moft.models.calls import Call, timestep_of
from moft.models.families import family_of
from moft.models.hooks import capture
from moft.models.tap import Tap
from moft.steering.entry import steer
from moft.steering.guide import Guide
from moft.steering.loop import Steering
from moft.steering.objective import Look
from moft.steering.recording import record
from moft.steering.settings import Settings

LEFT = moft.Motion("left")
EARLY = Settings(  # guides by gradients alone, in steps 1, 2 and 3 of 6
    steps=(0.17, 0.67), gradient_steps=2, step_size=0.1, loss="position", warp_noise=0
)
PLAIN = replace(EARLY, step_size=0)


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
    with (
        warnings.catch_warnings(),
        steer(tiny(name), LEFT, statistics=statistics_of(name), settings=EARLY) as run,
    ):
        warnings.simplefilter("error", RuntimeWarning)  # none is given for a sound run
        return sample(tiny(name)), run


def brief(name: str, **kwargs: Any) -> Tensor:
    """A run of half as many steps, for what must only be the same as another; when steered, step 1 is."""
    return sample(tiny(name), num_inference_steps=STEPS // 2, **kwargs)


@cache
def brief_plain(name: str) -> Tensor:
    return brief(name)


@cache
def brief_steered(name: str) -> Tensor:
    with steer(tiny(name), LEFT, statistics=statistics_of(name), settings=EARLY):
        return brief(name)


@contextmanager
def left_as_found(name: str) -> Iterator[None]:
    """After the block the pipeline is as before: in all that a user could notice, and in what it samples."""
    pipe, plain = tiny(name), brief_plain(name)
    before = everything_about(pipe)
    yield
    assert everything_about(pipe) == before
    assert torch.equal(brief(name), plain)


def guide_of(run: Steering) -> Guide:
    """What moves the latents of a steered run by gradients."""
    return next(change for change in run.changes if isinstance(change, Guide))


def guided(run: Steering, latents: Tensor, call: Call, index: int) -> Tensor:
    """Latents (b c f h w) after the updates that a run makes at a step."""
    run.tell_keys(index, 0)
    return guide_of(run).guided(latents, call, index, run.objectives(run.tap.clip_size(latents)))


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
        "forward": {n for n, m in modules.items() if "forward" in vars(m)},
        "processors": {n: type(m.processor) for n, m in modules.items() if hasattr(m, "processor")},
        "pipeline": set(vars(pipe)),
    }


FRESH_NOISE = (
    "EulerAncestralDiscreteScheduler",
    "CogVideoXDPMScheduler",
)  # added in each step, over the guidance too


@cache
def losses_of(name: str, settings: Settings) -> tuple[dict[int, float], dict[int, float]]:
    """The loss of the latents that each step is handed by the scheduler, and of those after guiding."""
    pipe, handed, left = tiny(name), {}, {}
    with steer(pipe, LEFT, statistics=statistics_of(name), settings=settings) as run:
        usual = run.next

        def watched(latents: Tensor, index: int, calls: list[Call]) -> Tensor:
            found = usual(latents, index, calls)
            if index < STEPS:
                call, timestep = run.tap.conditional(calls, 1), pipe.scheduler.timesteps[index]
                changed = [] if found is latents else [(left, found)]
                for losses, x in ((handed, latents), *changed):
                    look = Look(run.tap, x, timestep, call)
                    losses[index] = sum(float(o.loss(look)) for o in run.objectives(clip_size(pipe)))
            return found

        run.next = watched
        sample(pipe)
    return handed, left


def assert_fused_features_are_the_same(name: str) -> None:
    """Read in passing, features and gradient are those read by themselves; the sample is the same."""
    pipe, tap, calls, seen = tiny(name), Tap(tiny(name)), [], []

    def due() -> torch.Size | None:
        return latents.shape if len(calls) == seconds and not seen else None

    def see(features: Tensor, inputs: Tensor) -> None:
        (gradient,) = torch.autograd.grad(features.square().mean(), inputs)
        seen.append((features.detach(), gradient, inputs.detach()))

    with record(pipe) as plain, tap.listen(calls):
        sample(pipe)
    latents = plain.latents[1]
    seconds = len(calls) // STEPS + 1  # calls at the first one of the second step
    calls.clear()
    with tap.listen(calls), tap.riding(due, see):
        riding = sample(pipe)
    torch.testing.assert_close(riding, plain_sample(name), atol=1e-4, rtol=1e-4)
    call = tap.conditional(calls[seconds - 1 :], 1)
    (features, gradient, inputs), told = seen[0], timestep_of(call, tap.family)
    inputs.requires_grad_()
    alone = tap.read(inputs, told, call)
    torch.testing.assert_close(alone, features, atol=1e-5, rtol=1e-4)
    (wanted,) = torch.autograd.grad(alone.square().mean(), inputs)
    torch.testing.assert_close(gradient, wanted, atol=1e-5 * float(wanted.abs().max()), rtol=1e-4)


def assert_the_loss_stays_down(name: str) -> None:
    """Lower than in the plain run to the end; and what guiding a step won is not lost in the next."""
    (plain, _), (steered, guided) = losses_of(name, PLAIN), losses_of(name, EARLY)
    first = steered_sample(name)[1].report.steps[0]["step"]
    second = first + 1
    assert plain[first] == pytest.approx(steered[first], rel=1e-4)
    assert all(steered[index] < plain[index] for index in range(second, STEPS))
    kept = (plain[second] - steered[second]) / (plain[first] - guided[first])
    assert kept > (0.2 if type(tiny(name).scheduler).__name__ in FRESH_NOISE else 0.9)
