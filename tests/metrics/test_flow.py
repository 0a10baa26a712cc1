"""Flow has the clip's size and its units; how right it is, test_motion.py says."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import noise

from moft.errors import RequestError
from moft.metrics.flow import dense_flow


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 40), (64, 48), (260, 280)])
def test_flow_has_the_clip_size_and_its_units_at_any_size(height: int, width: int) -> None:
    picture = noise(1)
    video = np.stack([picture[40 : 40 + height, 60 - i : 60 - i + width] for i in range(3)])
    flow = dense_flow(video)
    assert flow.shape == (2, height, width, 2)
    assert flow.dtype == np.float32
    assert flow[:, 3:-3, 3:-3].mean(axis=(0, 1, 2)) == pytest.approx((1, 0), abs=0.05)


def test_a_strip_is_refused_before_it_is_enlarged() -> None:
    with pytest.raises(RequestError, match="at most 32 to 1"):
        dense_flow(np.zeros((2, 16, 4096, 3), np.uint8))
