"""What is swept to choose by, on planted features."""

from __future__ import annotations

from planted import known_clips, planted, planted_pans

from moft.interpreter.sweep import share_sweep


def test_keeping_the_planted_channels_alone_is_best():
    feature, flow = planted()
    rows = share_sweep(planted_pans(), feature, known_clips(flow), (1.0, 0.5, 0.25, 0.01))
    assert [row.channels for row in rows] == [8, 4, 2]
    assert rows[-1].auc == max(row.auc for row in rows) and rows[-1].auc > rows[0].auc + 0.01
