"""What is swept to choose by, on planted features."""

from __future__ import annotations

import json

import pytest
from planted import known_clips, planted, planted_pans

from moft.errors import BackboneError
from moft.interpreter.similarity import Places, least_speed
from moft.interpreter.sweep import LayerScore, Sweep, share_sweep


def test_keeping_the_planted_channels_alone_is_best():
    feature, flow = planted()
    known = known_clips(flow)
    compared = Places(known.cells, least_speed(known.size))
    compared.add(feature)
    rows = share_sweep(planted_pans(), compared, (1.0, 0.5, 0.25, 0.01))
    assert [row.channels for row in rows] == [8, 4, 2]
    assert rows[-1].auc == max(row.auc for row in rows) and rows[-1].auc > rows[0].auc + 0.01


def layer_score(layer: str, auc: float | None) -> LayerScore:
    return LayerScore(layer, 100, {"moft": auc}, {"moft": None}, {"ccr": 1.0}, 0.5)


def test_a_sweep_is_stored_with_one_line_a_score_and_its_best() -> None:
    sweep = Sweep(tuple(layer_score(f"layer.{i}", auc) for i, auc in enumerate((0.6, None, 0.9))), 0.25)
    stored = json.loads(sweep.text())
    assert stored == json.loads(json.dumps(sweep.to_json()))
    assert stored["best"] == {"layer": "layer.2", "timestep": 100, "share": 0.25, "auc": 0.9}
    assert sum(line.startswith('  {"layer"') for line in sweep.text().splitlines()) == 3
    with pytest.raises(BackboneError, match="at least one layer"):
        _ = Sweep((), 0.25).best
