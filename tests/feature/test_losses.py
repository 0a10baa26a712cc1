"""What every loss must be, and what each is beside it."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from moft.feature.losses import LOSSES


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_least_at_its_target_and_blind_outside_the_region(name: str):
    target, region = random(1, 8, 5, 4, 4), torch.zeros(4, 4)
    region[1:3, 1:3] = 1
    at_target, away = LOSSES[name](target, target, region), LOSSES[name](-target, target, region)
    elsewhere = target + 3 * random(1, 8, 5, 4, 4) * (1 - region)
    assert at_target < 2e-3 < away
    torch.testing.assert_close(LOSSES[name](elsewhere, target, region), at_target, atol=1e-6, rtol=1e-4)


def test_the_position_loss_is_the_mean_distance_of_equation_3():
    feature, target = random(1, 2, 3, 2, 2), torch.zeros(1, 2, 3, 1, 1)
    expected = np.linalg.norm(feature.numpy(), axis=2).mean()
    assert LOSSES["position"](feature, target, None).item() == pytest.approx(expected, rel=1e-4)


def test_the_region_loss_sees_means_only():
    feature = random(1, 2, 3, 4, 4)
    shuffled = feature.flatten(3)[..., torch.randperm(16)].unflatten(3, (4, 4))
    zero = torch.zeros_like(feature)
    torch.testing.assert_close(LOSSES["region"](feature, zero, None), LOSSES["region"](shuffled, zero, None))


def test_the_quadrants_loss_sees_what_cancels_in_the_mean():
    outward = torch.ones(1, 2, 1, 4, 4)
    outward[..., :2] = -1
    zero = torch.zeros_like(outward)
    assert LOSSES["region"](outward, zero, None) == 0
    assert LOSSES["quadrants"](outward, zero, None) == 1


def test_the_cosine_loss_does_not_see_size():
    feature, target = random(1, 2, 3, 4, 4), random(1, 2, 3, 1, 1)
    a, b = LOSSES["cosine"](feature, target, None), LOSSES["cosine"](7 * feature, target, None)
    torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_finite_at_zero(name: str):
    feature = torch.zeros(1, 4, 3, 2, 2, requires_grad=True)
    LOSSES[name](feature, torch.zeros(1, 4, 3, 1, 1), None).backward()
    assert feature.grad is not None and feature.grad.isfinite().all()


def test_their_names_are_known_without_torch():
    program = (
        "import sys; from moft.feature.losses import LOSSES; sys.exit('torch' in sys.modules or not LOSSES)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
