"""What a field asks of a feature."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from moft.feature.losses import LOSSES
from moft.feature.statistics import Statistics
from moft.feature.target import OfField, Synthesised
from moft.field.field import Field
from moft.request.motion import Motion
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)
RESPONSE, ONES = torch.tensor([[1.0, 0.5], [0.0, 2.0]]), torch.ones(2)
STATISTICS = Statistics(torch.tensor([0, 3]), RESPONSE, -ONES, ONES, "up_blocks.1", 300, "m")
FEATURE = torch.zeros(1, 8, 2, 8, 8)


@pytest.mark.parametrize("text", ["left 1px", "down-right 2px"])
def test_a_field_that_is_the_same_everywhere_asks_what_words_do_but_larger(text: str) -> None:
    motion = Motion(text)
    step = np.array(motion.velocity(SIZE)) / 64
    field = OfField(Field.of_steps(np.broadcast_to(step, (7, 16, 16, 2))), STATISTICS).at(FEATURE, SIZE)
    words = Synthesised(motion, STATISTICS).at(FEATURE, SIZE)
    torch.testing.assert_close(field, 1.4 * words.expand_as(field), rtol=1e-4, atol=1e-6)


def test_each_place_is_asked_its_own() -> None:
    steps = np.zeros((7, 16, 16, 2))
    steps[:, :, :8, 0], steps[:, :, 8:, 0] = 0.02, -0.02
    asked = OfField(Field.of_steps(steps), STATISTICS).at(FEATURE, SIZE)[0, -1, 0]
    assert (asked[:, :4] > 0.05).all() and torch.allclose(asked[:, :4], -asked[:, 4:])


def test_it_counts_where_the_field_is_sure() -> None:
    sure = np.ones((7, 16, 16))
    sure[:, :8] = 0
    weight = OfField(Field.of_steps(np.zeros((7, 16, 16, 2)), sure), STATISTICS).weight(FEATURE)
    assert weight.shape == (8, 8, 8) and not weight[:, :4].any() and (weight[:, 4:] == 1).all()


def test_the_blocks_loss_sees_each_sixteenth_and_no_finer() -> None:
    target = torch.zeros(1, 3, 2, 16, 16)
    block, fine = target.clone(), target.clone()
    block[..., :4, :4], block[..., 4:8, :4] = 1, -1
    fine[..., ::2, :], fine[..., 1::2, :] = 1, -1
    assert LOSSES["blocks"](block, target, None) == pytest.approx(2 / 16)
    assert LOSSES["quadrants"](block, target, None) == 0
    assert LOSSES["blocks"](fine, target, None) == 0
    weight = torch.zeros(3, 16, 16)
    weight[:, :4, :4] = 0.5
    assert LOSSES["blocks"](block, target, weight) == pytest.approx(1)
