"""Latents keep their mean and spread where that is asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from moft.feature.statistics import Statistics
from moft.feature.target import OfField, Synthesised
from moft.field.field import Field
from moft.request.motion import Motion
from moft.steering.descent import Descent
from moft.steering.objective import Objective, follow
from moft.steering.settings import Settings

ONE = torch.ones(1)
STATISTICS = Statistics(torch.tensor([0]), torch.ones(1, 2), -ONE, ONE, "up_blocks.1", 300, "m")
FIELD = OfField(Field.of_steps(np.full((3, 2, 2, 2), 0.1)), STATISTICS)
WORDS = Synthesised(Motion("left"), STATISTICS)
STILL = Synthesised(Motion("still"), STATISTICS)
LEFT = torch.zeros(8, 8)
LEFT[:, :4] = 1


def moved(objective: Objective, **settings: object) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    latents, gradient = (torch.randn(2, 4, 6, 8, 8, generator=chance) for _ in range(2))
    latents = latents * torch.tensor([1.0, 3.0])[:, None, None, None, None] + 0.5
    descent = Descent(Settings(**settings))  # type: ignore[arg-type]
    return latents, descent.moved(latents, gradient, [objective], torch.ones(()), 2)


@pytest.mark.parametrize(
    ("target", "asked", "kept"),
    [
        (FIELD, None, True),
        (WORDS, None, True),
        (STILL, None, False),
        (FIELD, False, False),
        (WORDS, False, False),
        (STILL, True, True),
        (Synthesised(Motion("turn clockwise"), STATISTICS), None, True),
    ],
)
def test_motions_and_fields_keep_it_and_settings_decide(
    target: object, asked: bool | None, kept: bool
) -> None:
    objective = follow(target, None, alone=True)  # type: ignore[arg-type]
    before, after = moved(objective, keep_spread=asked)
    for clip, was in zip(after, before, strict=True):
        same = abs(clip.std() / was.std() - 1) < 1e-4 and abs(clip.mean() - was.mean()) < 1e-4
        assert bool(same) is kept
    assert (after - before).abs().mean() > objective.step_size


def test_a_motion_of_the_whole_frame_keeps_it_and_those_of_regions_do_not() -> None:
    half = torch.ones(8, 8)
    assert follow(WORDS, None, alone=True).keep_spread
    assert not any(follow(WORDS, half, alone=alone).keep_spread for alone in (True, False))
    assert all(follow(FIELD, half, alone=alone).keep_spread for alone in (True, False))


def test_what_is_outside_a_region_stays_and_inside_keeps_its_own() -> None:
    before, after = moved(follow(FIELD, LEFT, alone=True))
    assert torch.equal(after[..., 4:], before[..., 4:])
    inside, was = after[..., :4], before[..., :4]
    torch.testing.assert_close(inside.std((1, 2, 3, 4)), was.std((1, 2, 3, 4)), rtol=1e-3, atol=0)
    assert (inside - was).abs().mean() > 0.1
