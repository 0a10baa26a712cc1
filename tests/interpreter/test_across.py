"""Other models' heat maps of the same point and clips."""

from __future__ import annotations

from typing import Any

import numpy as np

import moft
from moft.interpreter.clips import read_clip
from moft.interpreter.heat import across, heat_map
from moft.interpreter.reading import Reading, Source
from moft.interpreter.viewpoint import ExplainSettings, choose_viewpoint
from moft.types import ClipSize


def test_the_point_is_sought_where_it_lies_at_the_other_models_size(
    explained: Any, tiny_animatediff: Any, tiny_statistics: moft.Statistics
) -> None:
    other = moft.Model(tiny_animatediff, "models/other", given=tiny_statistics)
    clip = read_clip(explained.clips[0], ClipSize(8, 32, 32))
    reading = Reading(clip, Source(clip, (11.0, 4.0, 7.0), {}), {}, clip.flow)
    (found,) = across([other], explained.clips[:1], [reading], print)
    ((view, likeness),) = found.maps.items()
    viewpoint = choose_viewpoint(other, ExplainSettings(), print)
    assert view == f"model/1: other, {viewpoint.layer}"
    large = read_clip(explained.clips[0], viewpoint.size)
    assert viewpoint.size.width == 64
    expected = heat_map(viewpoint, large, large, (22.5, 8.5, viewpoint.size.frames - 1)).likeness
    np.testing.assert_array_equal(likeness, expected)


def test_every_clip_has_a_number_for_every_model(explained: Any) -> None:
    views = [set(clip["maps"]) for clip in explained.record["clips"]]
    assert all(any(view.startswith("model/1: other, ") for view in one) for one in views)
    assert "Across models" in (explained.out / "report.html").read_text()
