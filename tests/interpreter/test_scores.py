"""The numbers of a report."""

from __future__ import annotations

import json
from typing import Any


def test_the_scores_are_written_under_their_names(explained: Any) -> None:
    out, record = explained.out, explained.record
    scores = json.loads((out / "scores.json").read_text())
    assert set(scores["auc"]) == {"vanilla", "ccr", "moft"} and set(scores["separability"]) == {
        "vanilla",
        "ccr",
    }
    assert {"direction_cosine", "epe_px"} <= set(scores["readout"]) and 0 <= scores["curve_correlation"] <= 1
    assert scores["sweep"]["best"]["layer"] in {cell["layer"] for cell in scores["sweep"]["cells"]}
    assert scores["readout"]["epe_px_of_perfect_cells"] < scores["readout"]["zero_epe_px"]
    assert record["auc"] == scores["auc"]
