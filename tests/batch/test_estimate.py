"""What a batch will take is reckoned from one job of it."""

from __future__ import annotations

import pytest
from batched import small

import moft
from moft.batch import estimate
from moft.batch.estimate import estimated
from moft.batch.work import Work


@pytest.fixture
def model(tiny_animatediff: object, tiny_statistics: moft.Statistics) -> moft.Model:
    return moft.Model(tiny_animatediff, given=tiny_statistics)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ([{}], 1 + 10 * 2 + 3 + 10 * 4),
        ([{"seed": 0}, {"seed": 1}], 2 * (1 + 20 + 3 + 40)),
        ([{}, {"requests": [{"direction": "up"}]}, {"fps": 5}], 1 + 20 + 3 * (3 + 40)),  # one plain run
        ([{"retries": 1}], 2 * (1 + 20 + 3 + 40)),  # of other seeds
        ([{}, {"seed": 1, "size": {"frames": 4, "height": 64, "width": 32}}], 3 * (1 + 20 + 3 + 40)),
    ],
)
def test_runs_and_their_steps_are_counted(
    model: moft.Model, monkeypatch: pytest.MonkeyPatch, changes: list[dict[str, object]], seconds: float
) -> None:
    """By a machine on which a plain run takes 1 s and 2 s a step, the rest of a job 3 s and 4 s a step."""
    monkeypatch.setattr(estimate, "_tried", lambda model, job, steps: (1 + 2 * steps, 3 + 4 * steps, 7.0))
    jobs = [Work.from_json(small(**{"steps": 10, **change})) for change in changes]
    found = estimated(model, jobs)
    assert found is not None and found.jobs == len(changes) and found.memory_mb == 7
    assert found.seconds == pytest.approx(seconds)
