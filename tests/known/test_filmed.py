"""What is filmed moves as it says."""

import numpy as np
import pytest
from drawn import noise, photograph

from moft.known.filmed import KINDS, ROLL, ZOOM, filmed
from moft.metrics.flow import dense_flow
from moft.metrics.motion import measure
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)


@pytest.mark.parametrize("kind", KINDS)
def test_its_steps_are_those_that_flow_finds(kind: str) -> None:
    shown = filmed(kind, [photograph("china.jpg"), noise(1)], SIZE, seed=3)
    apart = np.linalg.norm(dense_flow(shown.video) - shown.steps, axis=-1)
    assert shown.video.shape == (8, 64, 64, 3) and shown.steps.shape == (7, 64, 64, 2)
    assert np.median(apart) < 0.15 and np.linalg.norm(shown.steps, axis=-1).max() > 1


def test_its_speeds_are_those_named() -> None:
    made = {kind: measure(filmed(kind, [noise(0), noise(1)], SIZE).video) for kind in KINDS}
    assert made["pan"].speed == pytest.approx(2, rel=0.05)
    assert abs(made["roll"].turn) == pytest.approx(np.degrees(ROLL), rel=0.05)
    assert abs(made["zoom"].zoom) == pytest.approx(ZOOM, rel=0.1)
    assert made["there and back"].named == "there and back" and made["object"].named == "part"


def test_a_seed_decides_all() -> None:
    first, again, other = (filmed("against", [noise(0), noise(1)], SIZE, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.video, again.video) and np.array_equal(first.steps, again.steps)
    assert not np.array_equal(first.video, other.video)
