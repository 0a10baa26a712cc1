"""What is asked and cannot be done is said before a clip is made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import moft
from moft.errors import RequestError
from moft.feature.target import held_of
from moft.metrics.motion import check_mask
from moft.metrics.tracks import Tracks
from moft.runs.outcome import lay_out
from moft.runs.recipe import read_recipe

SIZE = moft.ClipSize(8, 64, 64)
# two channels, one along each axis, that answer by 1 for a shorter side and were seen up to 8 px each way
STATISTICS = moft.Statistics(
    torch.arange(2), torch.eye(2), torch.full((2,), -0.125), torch.full((2,), 0.125), "layer", 300, "none"
)


@pytest.mark.parametrize(
    ("motion", "held"),
    [
        (moft.Motion("left", speed="2px"), 1.0),  # 7 px each way of the middle
        (moft.Motion("up", speed="0.5px"), 1.0),
        (moft.Motion("still"), 1.0),
        (moft.Motion("zoom in"), 1.0),
        # 3.5, 2.5, 1.5 and 0.5 steps of 4 px, held at 8
        (moft.Motion("left", speed="4px"), (14 * 8 + 10 * 8 + 36 + 4) / (14**2 + 10**2 + 6**2 + 2**2)),
        (moft.Motion("right", speed="16px"), (56 + 40 + 24 + 8) * 8 / (56**2 + 40**2 + 24**2 + 8**2)),
    ],
)
def test_how_much_of_a_motion_its_target_holds(motion: moft.Motion, held: float) -> None:
    assert held_of(motion, STATISTICS, SIZE) == pytest.approx(held, rel=1e-5)


@pytest.mark.parametrize("text", ["box:0,0,3,64", "box:61,0,3,100%", "box:0,0,100%,2", "polygon:0,0;4,0;0,4"])
def test_a_region_in_which_nothing_could_be_measured_is_refused_before_anything_is_made(text: str) -> None:
    with pytest.raises(RequestError, match="4 px or more from the edge"):
        lay_out([moft.Motion("left", region=text)], SIZE, pytest.fail)


def test_a_region_away_from_the_edge_is_fine() -> None:
    check_mask(np.pad(np.ones((8, 8), np.float32), 28), SIZE)


@pytest.mark.parametrize("seen", [np.full((1, 3), 0.4), np.array([[1, 0.99, 1]]), np.array([[0, 2, 1]])])
def test_probabilities_are_not_taken_for_seen(seen: np.ndarray) -> None:
    with pytest.raises(RequestError, match="seen as true or false.*threshold"):
        Tracks(np.zeros((1, 3, 2)), seen, 64, 64)


def test_zeros_and_ones_of_any_type_say_what_was_seen() -> None:
    for kind in (bool, int, float):
        found = Tracks(np.zeros((1, 3, 2)), np.array([[1, 0, 1]], kind), 64, 64)
        assert found.seen.tolist() == [[True, False, True]]


def test_a_recipe_of_before_there_were_rates_is_written_at_eight_as_then() -> None:
    kept = Path(__file__).parents[1] / "kept"
    assert read_recipe(kept / "words-0.1.0.json").scene.fps == 8
