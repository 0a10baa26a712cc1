"""A clip is compared with a field where and when it counts."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import carried, noise, zoomed

from moft.errors import RequestError
from moft.metrics.agreement import agreement, as_asked
from moft.metrics.coherence import kept, left_over, warp_error
from moft.metrics.flow import dense_flow

PAN = carried(noise(), [(2 * i, 0) for i in range(8)])
RIGHT = np.zeros((7, 64, 64, 2), np.float32) + np.float32([2, 0])


def test_a_clip_agrees_with_its_own_field_and_not_with_its_opposite() -> None:
    own, other = agreement(PAN, RIGHT), agreement(PAN, -RIGHT)
    assert own.cosine > 0.98 and own.share == pytest.approx(1, abs=0.05) and own.error < 0.2
    assert own.course is not None and own.course > 0.99 and as_asked(own).followed
    assert other.cosine == pytest.approx(-own.cosine) and other.share == pytest.approx(-own.share)
    assert other.error == pytest.approx(4, abs=0.2) and not as_asked(other).followed


def test_half_of_the_speed_is_half_of_the_share() -> None:
    assert agreement(PAN, 2 * RIGHT).share == pytest.approx(0.5, abs=0.03)
    assert agreement(PAN, RIGHT / 2).share == pytest.approx(2, abs=0.1)


def test_the_wanted_steps_may_be_of_fewer_places() -> None:
    coarse = agreement(PAN, RIGHT[:, ::8, ::16])
    assert coarse.share == pytest.approx(agreement(PAN, RIGHT).share)


def test_a_zoom_has_no_course_and_is_told_from_a_pan() -> None:
    zoom = zoomed(1.05)
    own = agreement(zoom, dense_flow(zoom))
    assert own.cosine > 0.999 and own.course is None
    assert abs(agreement(zoom, RIGHT[: len(zoom) - 1]).cosine) < 0.3


def test_what_does_not_count_is_not_compared() -> None:
    wanted, weight = RIGHT.copy(), np.ones((7, 64, 64))
    wanted[:, :, :32], weight[:, :, :32] = -5, 0
    assert agreement(PAN, wanted, weight).share == pytest.approx(1, abs=0.05)
    assert agreement(PAN, wanted).share < 0.2


def test_it_says_where_and_when() -> None:
    stops = carried(noise(), [(2 * min(i, 4), 0) for i in range(8)])
    found = agreement(stops, RIGHT)
    assert min(found.by_frame[:4]) > 0.9 and max(found.by_frame[4:]) < 0.1
    halves = np.concatenate([PAN[:, :, :32], np.repeat(PAN[:1, :, 32:], 8, 0)], 2)
    found = agreement(halves, RIGHT)
    assert all(row[0] > 0.8 and row[3] < 0.1 for row in found.by_place)
    nothing = RIGHT.copy()
    nothing[:, :16] = 0
    assert agreement(PAN, nothing).by_place[0] == (None,) * 4


@pytest.mark.parametrize(
    ("wanted", "weight"),
    [
        (RIGHT[:3], None),
        (RIGHT[..., :1], None),
        (RIGHT, np.ones((7, 32, 32))),
        (RIGHT, np.zeros((7, 64, 64))),
    ],
)
def test_other_shapes_and_nothing_to_compare_are_refused(
    wanted: np.ndarray, weight: np.ndarray | None
) -> None:
    with pytest.raises(RequestError):
        agreement(PAN, wanted, weight)


def test_what_only_moves_stays_itself_and_what_boils_does_not() -> None:
    boiling = PAN // 2 + np.random.default_rng(0).integers(0, 128, PAN.shape, np.uint8)
    assert left_over(PAN) < 0.05 < 0.3 < left_over(boiling)
    assert kept(PAN) > 0.6 > 0.2 > kept(boiling)
    assert warp_error(np.repeat(PAN[:1], 3, 0)) == pytest.approx(0, abs=1e-3)
