"""What noise levels and predictions mean, against diffusers' own schedulers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    EDMEulerScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
)

from moft.models.parametrisation import Parametrisation

KINDS = ["epsilon", "v_prediction", "sample"]


@pytest.mark.parametrize("kind", KINDS)
def test_clean_latents_are_found_again(kind: str) -> None:
    scheduler = DDIMScheduler(prediction_type=kind)
    clean, noise = torch.randn(2, 1, 4, 8, 4, 4)
    noisy, told = Parametrisation.of(scheduler).noised(clean, noise, 300)
    torch.testing.assert_close(noisy, scheduler.add_noise(clean, noise, torch.tensor([300])))
    given = {
        "v_prediction": scheduler.get_velocity(clean, noise, torch.tensor([300])),
        "epsilon": noise,
        "sample": clean,
    }
    found, signal = Parametrisation.of(scheduler).clean(noisy, given[kind], told)
    torch.testing.assert_close(found, clean, atol=1e-4, rtol=1e-4)
    assert signal**2 == pytest.approx(float(scheduler.alphas_cumprod[300]))


@pytest.mark.parametrize("upwards", [False, True])
def test_clean_latents_of_flow_matching_whichever_way_timesteps_count(upwards: bool) -> None:
    parametrisation = Parametrisation.of(FlowMatchEulerDiscreteScheduler(invert_sigmas=upwards))
    clean, noise = torch.randn(2, 1, 4, 8, 4, 4)
    noisy, told = parametrisation.noised(clean, noise, 400)
    torch.testing.assert_close(noisy, 0.6 * clean + 0.4 * noise)
    assert told == (600 if upwards else 400)
    found, signal = parametrisation.clean(noisy, clean - noise if upwards else noise - clean, told)
    torch.testing.assert_close(found, clean)
    assert signal == pytest.approx(0.6)


def test_clean_latents_of_continuous_timesteps() -> None:
    """EDM's, as SVD has them: a quarter of the logarithm of the noise over the signal."""
    scheduler = EulerDiscreteScheduler(prediction_type="v_prediction", timestep_type="continuous")
    parametrisation = Parametrisation.of(scheduler)
    clean, noise = torch.randn(2, 1, 4, 8, 4, 4)
    noisy, told = parametrisation.noised(clean, noise, 600)
    alpha = float(scheduler.alphas_cumprod[600])
    found, signal = parametrisation.clean(noisy, alpha**0.5 * noise - (1 - alpha) ** 0.5 * clean, told)
    torch.testing.assert_close(found, clean, atol=1e-5, rtol=1e-4)
    assert signal**2 == pytest.approx(alpha)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_clean_latents_of_edms_own_scheduler(kind: str) -> None:
    """Cosmos's: clean latents are of the size of its data, and what is predicted is what it makes of that."""
    scheduler = EDMEulerScheduler(sigma_data=0.5, prediction_type=kind)
    parametrisation = Parametrisation.of(scheduler)
    clean, noise, predicted = torch.randn(3, 1, 4, 8, 4, 4)
    noisy, told = parametrisation.noised(clean, noise, 600)
    sigma = torch.tensor(math.exp(4 * told))
    sample = 0.5 * clean + sigma * noise
    torch.testing.assert_close(noisy, scheduler.precondition_inputs(sample, sigma))
    assert scheduler.precondition_noise(sigma) == pytest.approx(told)
    found, _ = parametrisation.clean(noisy, predicted, told)
    expected = scheduler.precondition_outputs(sample, predicted, sigma)
    torch.testing.assert_close(found * 0.5, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("index", [0, 3, 9])
def test_a_step_back_undoes_the_schedulers_own_step(kind: str, index: int) -> None:
    scheduler: Any = DDIMScheduler(prediction_type=kind, clip_sample=False, set_alpha_to_one=False)
    scheduler.set_timesteps(10)
    t, spacing = int(scheduler.timesteps[index]), 100
    draw = torch.Generator().manual_seed(index)
    y, predicted = torch.randn(2, 1, 4, 3, 8, 8, generator=draw, dtype=torch.float64)
    x = scheduler.step(predicted, t, y).prev_sample
    signal, goal = (float(scheduler.alphas_cumprod[max(at, 0)]) ** 0.5 for at in (t - spacing, t))
    found = Parametrisation.of(scheduler).before(x, predicted, signal, goal)
    torch.testing.assert_close(found, y, atol=1e-6, rtol=1e-5)
