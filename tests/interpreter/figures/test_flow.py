"""Flow as colour."""

from __future__ import annotations

import numpy as np

from moft.interpreter.figures.flow import flow_picture


def test_hues_differ_between_directions_and_nothing_is_white() -> None:
    ways = flow_picture(np.array([[[2.0, 0], [-2, 0], [0, 2], [0, -2], [0, 0]]]), 2.0)[0].astype(int)
    assert min(np.abs(a - b).max() for i, a in enumerate(ways) for b in ways[:i]) > 60 and ways[4].min() > 220
