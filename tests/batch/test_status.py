"""How long the rest takes is said as far as it is known."""

from __future__ import annotations

import random

from moft.batch.status import Pace, left
from moft.batch.store import STATES


def counts(**given: int) -> dict[str, int]:
    return {**dict.fromkeys(STATES, 0), **given}


def test_nothing_is_said_of_the_rest_before_three_jobs() -> None:
    assert left([1.0, 1.0], 10, 1) is None and left([1.0] * 3, 10, 0) is None


def test_jobs_that_are_alike_leave_no_doubt() -> None:
    found = left([2.0] * 5, 10, 2)
    assert found is not None and (found.about, found.least, found.most) == (10.0, 10.0, 10.0)


def test_the_rest_lies_in_the_range_as_often_as_said() -> None:
    """Jobs of random length, the same law for all: about 95 of 100 times."""
    chance, inside = random.Random(0), 0
    for _ in range(400):
        took = [chance.uniform(1, 9) for _ in range(30)]
        found, rest = left(took, 40, 1), sum(chance.uniform(1, 9) for _ in range(40))
        inside += found is not None and found.least <= rest <= found.most
    assert 0.92 < inside / 400 < 0.99


def test_a_pace_counts_what_ends_while_one_looks_on() -> None:
    now = [0.0]
    pace = Pace(2, clock=lambda: now[0])
    assert pace.line(counts(queued=8, done=2)) == "2 of 10 jobs"
    for step in range(1, 5):
        now[0] = 3.0 * step
        line = pace.line(counts(queued=8 - step, done=2 + step))
    assert line == "6 of 10 jobs; about 12 s left (12 s to 12 s)"
    assert pace.line(counts(done=9, failed=1)) == "10 of 10 jobs, 1 failed"


def test_lines_come_now_and_then() -> None:
    now, said = [0.0], list[str]()
    tell = Pace(1, clock=lambda: now[0]).every(30.0, said.append)
    for now[0] in (0.0, 1.0, 29.0, 30.0, 31.0):
        tell(counts(queued=1))
    assert len(said) == 2
