"""Clips of an object before a scene that is known."""

from __future__ import annotations

import numpy as np
import pytest

from moft.bench.replacing import COUNT, scenes


@pytest.mark.parametrize("upwards", [False, True])
def test_the_object_hides_the_known_scene_inside_its_mask_and_nowhere_else(upwards: bool) -> None:
    found = list(scenes(0, upwards))
    assert len(found) == COUNT
    for one in found:
        other = (one.clip != one.behind).any(-1)
        assert not (other & ~one.object).any() and other[one.object].mean() > 0.99
        assert (one.seen(one.clip) & one.object == one.object).all()
        assert one.seen(one.behind).mean() < 0.02  # the scene has no such colour
        assert not (one.object & ~one.mask).any()
    x = [np.argwhere(frame)[:, 1].mean() for frame in found[0].object]
    assert np.diff(x) == pytest.approx([1.5] * 7, abs=0.3)
