"""Where a model is looked into."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from moft.errors import RequestError
from moft.feature.model import Model
from moft.feature.statistics import Statistics
from moft.interpreter import viewpoint
from moft.interpreter.viewpoint import SWEEP_FILE, ExplainSettings, choose_viewpoint, layers_of


def test_layers_come_in_the_order_in_which_they_run(tiny_animatediff):
    layers = layers_of(tiny_animatediff.unet)
    assert layers[0] == "down_blocks.0" and layers[-1] == "up_blocks.2"
    assert layers.index("mid_block") < layers.index("up_blocks.0")
    assert (
        layers.index("up_blocks.1.motion_modules.0")
        < layers.index("up_blocks.1")
        < layers.index("up_blocks.2")
    )


def test_a_stored_sweep_says_where_to_read_and_a_broken_one_is_refused(
    tiny_animatediff: Any, tiny_statistics: Statistics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewpoint, "statistics_path", lambda _: tmp_path / "motion_channels.safetensors")
    model = Model(tiny_animatediff, "tiny", given=tiny_statistics)
    best = {"layer": tiny_statistics.layer, "timestep": 42, "share": 0.04, "auc": None}
    (tmp_path / SWEEP_FILE).write_text(json.dumps({"best": best}))
    chosen = choose_viewpoint(model, ExplainSettings(), print)
    assert chosen.timestep == 42 and chosen.swept and not chosen.channels_found
    assert choose_viewpoint(model, ExplainSettings(timestep=7), print).timestep == 7
    for bent in ({}, [], {"best": {}}, {"best": {**best, "timestep": 1e9}}, {"best": {**best, "layer": ""}}):
        (tmp_path / SWEEP_FILE).write_text(json.dumps(bent))
        with pytest.raises(RequestError, match="best.*remove it"):
            choose_viewpoint(model, ExplainSettings(), print)


def test_channels_that_are_not_known_are_found_where_the_family_reads(
    tiny_animatediff: Any, tiny_statistics: Statistics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOFT_HOME", str(tmp_path))
    told: list[Any] = []

    def find(pipe: Any, clips: Any, **where: Any) -> Statistics:
        told.append(where)
        return tiny_statistics

    monkeypatch.setattr(viewpoint, "pans", lambda *_, **__: iter(()))
    monkeypatch.setattr(viewpoint, "find_motion_channels", find)
    model = Model(tiny_animatediff, "tiny")
    chosen = choose_viewpoint(model, ExplainSettings(share=0.1), print)
    assert chosen.channels_found and chosen.statistics is tiny_statistics and not chosen.swept
    assert told == [{"layer": model.tap().layer, "timestep": 300, "share": 0.1, "model": "tiny"}]
