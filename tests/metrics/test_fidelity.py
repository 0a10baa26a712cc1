"""Figures of motion transfer against closed forms, drawn clips, and other implementations of the sums."""

import json
import math

import cv2
import numpy as np
import pytest
from drawn import carried, noise, pan

from moft.errors import RequestError
from moft.metrics.fidelity import EPSILON, direction_error, drag_distance, motion_fidelity, score, speed_error
from moft.metrics.tracks import Tracks, flow_tracks

RNG = np.random.default_rng(0)
FAST = 0.05  # shorter sides a frame, 25 times EPSILON


def walks(n: int, frames: int = 9, seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(0, 3, (n, frames, 2)), axis=1)


def tracks(points: np.ndarray, seen: np.ndarray | None = None) -> Tracks:
    return Tracks(points, np.ones(points.shape[:2], bool) if seen is None else seen, 64, 64)


def straight(*velocities: tuple[float, float], frames: int = 9) -> Tracks:
    """One track for each velocity, in shorter sides a frame."""
    return tracks(64 * np.arange(frames)[None, :, None] * np.array(velocities)[:, None])


def spun(degrees: float, frames: int = 5) -> np.ndarray:
    """A picture that turns about its middle."""
    clip = []
    for i in range(frames):
        turn = cv2.getRotationMatrix2D((199.5, 199.5), degrees * i, 1)
        turned = cv2.warpAffine(noise(3), turn, (400, 400), flags=cv2.INTER_CUBIC)
        clip.append(cv2.resize(turned[72:328, 72:328], (64, 64), interpolation=cv2.INTER_AREA))
    return np.stack(clip)


# ---------------------------------------------------------------- motion fidelity


def test_a_motion_is_like_itself_opposite_to_its_reverse_and_foreign_to_its_perpendicular() -> None:
    right = straight((FAST, 0))
    for angle in (0, 30, 90, 150, 180):
        turn = math.radians(angle)
        found = motion_fidelity(right, straight((FAST * math.cos(turn), FAST * math.sin(turn))))
        lifted = (FAST**2 * math.cos(turn) + EPSILON**2) / (FAST**2 + EPSILON**2)
        assert found.fidelity == pytest.approx(lifted)
        assert found.fidelity == pytest.approx(math.cos(turn), abs=0.01)
        assert found.speed_ratio == pytest.approx(1)


def test_a_still_track_agrees_with_a_still_one_alone() -> None:
    still, moving = straight((0, 0)), straight((FAST, 0))
    assert motion_fidelity(still, still) == motion_fidelity(moving, moving)
    assert (
        motion_fidelity(still, still).fidelity
        == motion_fidelity(still, still).speed_ratio
        == pytest.approx(1)
    )
    for pair in ((still, moving), (moving, still)):
        assert 0 < motion_fidelity(*pair).fidelity < 0.05
    assert motion_fidelity(still, moving).speed_ratio == pytest.approx(25, rel=0.01)
    assert motion_fidelity(moving, still).speed_ratio == pytest.approx(1 / 25, rel=0.01)


def test_one_frame_that_moves_is_one_frame_of_the_mean() -> None:
    jump = np.zeros((1, 9, 2))
    jump[:, 4:] = 64 * FAST
    found = motion_fidelity(tracks(np.zeros((1, 9, 2))), tracks(jump)).fidelity
    assert found == pytest.approx(7 / 8, abs=0.01)


def test_speed_is_told_beside_the_direction() -> None:
    found = motion_fidelity(straight((FAST, 0)), straight((2 * FAST, 0)))
    assert found.fidelity > 0.99 and found.speed_ratio == pytest.approx(2, rel=0.01)


def test_what_is_missing_and_what_is_added_are_told_apart() -> None:
    one, both = straight((FAST, 0)), straight((FAST, 0), (-FAST, 0))
    missing, added = motion_fidelity(both, one), motion_fidelity(one, both)
    assert missing.reference == pytest.approx(0, abs=0.01) and missing.output == pytest.approx(1)
    assert added.reference == pytest.approx(1) and added.output == pytest.approx(0, abs=0.01)
    assert missing.fidelity == added.fidelity == pytest.approx(0.5, abs=0.01)


def test_order_count_place_and_size_of_picture_do_not_matter() -> None:
    a, b = walks(40), walks(700, seed=1)  # more than are compared at a time
    found = motion_fidelity(tracks(a), tracks(b))
    assert found.fidelity == pytest.approx(
        motion_fidelity(tracks(a), tracks(b[RNG.permutation(700)] + 17)).fidelity
    )
    assert found.fidelity == pytest.approx(
        motion_fidelity(tracks(a), tracks(np.concatenate([b, b]))).fidelity
    )
    doubled = Tracks(2 * b, np.ones((700, 9), bool), 128, 128)
    assert found == motion_fidelity(tracks(a), doubled)
    assert motion_fidelity(tracks(b), tracks(b[::-1])).fidelity == pytest.approx(1)
    swapped = motion_fidelity(tracks(b), tracks(a))
    assert swapped.fidelity == pytest.approx(found.fidelity) and swapped.reference == pytest.approx(
        found.output
    )


def test_it_is_the_mean_of_cosines_of_another_implementation() -> None:
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    a, b = (walks(30), walks(20, seed=1))
    lifted = [np.concatenate([np.diff(w, axis=1) / 64, np.full((len(w), 8, 1), EPSILON)], -1) for w in (a, b)]
    table = np.mean([pairwise.cosine_similarity(lifted[0][:, t], lifted[1][:, t]) for t in range(8)], axis=0)
    found = motion_fidelity(tracks(a), tracks(b))
    assert found.reference == pytest.approx(table.max(1).mean()) and found.output == pytest.approx(
        table.max(0).mean()
    )
    assert found.fidelity == pytest.approx((table.max(1).mean() + table.max(0).mean()) / 2)


def test_any_tracks_still_lost_or_few_have_a_number_that_their_order_does_not_change() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        pair = []
        for count in rng.integers(1, 12, 2):
            steps = (
                rng.normal(0, 3, (count, 7, 2))
                * rng.integers(0, 2, (count, 7, 1))
                * rng.integers(0, 2, (count, 1, 1))
            )
            points = np.concatenate([np.zeros((count, 1, 2)), steps.cumsum(1)], 1)
            pair.append(Tracks(points, rng.random((count, 8)) < 0.9, 64, 64))
        found = motion_fidelity(*pair)
        assert np.isfinite(
            [found.fidelity, found.reference, found.output, found.speed_ratio, *found.tracked]
        ).all()
        assert -1 <= found.fidelity <= 1
        shuffled = [
            Tracks(t.points[order], t.seen[order], 64, 64)
            for t in pair
            for order in [rng.permutation(len(t.points))]
        ]
        assert motion_fidelity(*shuffled).fidelity == pytest.approx(found.fidelity)


def test_steps_that_are_not_seen_do_not_count() -> None:
    points = straight((FAST, 0)).points.copy()
    points[:, 7:] = 0  # lost: anywhere
    seen = np.arange(9)[None] < 7
    assert motion_fidelity(straight((FAST, 0)), tracks(points, seen)).fidelity == pytest.approx(1)
    assert motion_fidelity(straight((FAST, 0)), tracks(points)).fidelity < 0.95


def test_tracks_lost_early_are_left_out_and_told() -> None:
    both = straight((FAST, 0), (-FAST, 0)).points
    seen = np.ones((2, 9), bool)
    seen[1, 4:] = False
    found = motion_fidelity(straight((FAST, 0)), tracks(both, seen))
    assert found.fidelity == pytest.approx(1) and found.tracked == (1, 0.5)
    nothing = motion_fidelity(straight((FAST, 0)), tracks(both, np.zeros((2, 9), bool)))
    assert nothing.fidelity == 0 and nothing.tracked == (1, 0) and nothing.speed_ratio < 0.1


def test_tracks_that_are_hardly_seen_together_have_nothing_in_common() -> None:
    right = straight((FAST, 0)).points
    for start, expected in ((0, 1), (3, 1), (4, 0), (5, 0)):  # of 8 steps the pair shares 7 - start
        found = motion_fidelity(
            tracks(right, np.arange(9)[None] < 8), tracks(right, np.arange(9)[None] >= start)
        )
        assert found.tracked[0] == 1 and found.fidelity == pytest.approx(expected)


def test_dmt_is_the_number_of_the_published_script() -> None:
    """Written out in torch loops as its paper's code sums: best of each output track but for 1 off the
    diagonal."""
    torch = pytest.importorskip("torch")
    a, b = walks(12), walks(12, seed=1)
    b[3] = a[3]  # the very same track in the same place, which the script punishes
    total = 0.0
    for i, output in enumerate(b):
        row = []
        for j, reference in enumerate(a):
            steps = [torch.from_numpy(np.diff(one, axis=0)) for one in (output, reference)]
            row.append(float(torch.cosine_similarity(*steps, dim=-1).mean()) - (i == j))
        total += max(row)
    found = motion_fidelity(tracks(a), tracks(b), compat="dmt")
    assert found.fidelity == found.output == pytest.approx(total / 12) and found.reference is None
    assert motion_fidelity(tracks(a[:1]), tracks(a[:1]), compat="dmt").fidelity == pytest.approx(0)  # not 1


def test_dmt_is_nan_for_a_still_step_and_needs_equal_counts() -> None:
    moving = straight((FAST, 0), (0, FAST))
    assert math.isnan(motion_fidelity(moving, straight((0, 0), (FAST, 0)), compat="dmt").fidelity)
    with pytest.raises(RequestError, match="as many tracks"):
        motion_fidelity(moving, straight((FAST, 0)), compat="dmt")
    with pytest.raises(RequestError, match="dmt"):
        motion_fidelity(moving, moving, compat="paper")  # type: ignore[arg-type]


def test_fidelity_refuses_clips_of_different_length_and_without_tracks() -> None:
    with pytest.raises(RequestError, match="same number of frames"):
        motion_fidelity(straight((1, 0), frames=3), straight((1, 0), frames=4))
    with pytest.raises(RequestError, match="tracks"):
        motion_fidelity(tracks(np.zeros((0, 3, 2))), straight((1, 0), frames=3))


@pytest.mark.parametrize(
    "positions",
    [[(2 * i, -i) for i in range(5)], [(0, 0), (2, 0), (4, 2), (4, 4), (4, 6)]],
    ids=["pan", "turning"],
)
def test_drawn_clips_are_like_themselves_in_other_pictures_and_opposite_reversed(
    positions: list[tuple[float, float]],
) -> None:
    clip, other = carried(noise(), positions), carried(noise(7), positions)
    negated = carried(noise(7), [(-x, -y) for x, y in positions])
    reference = flow_tracks(clip)
    assert motion_fidelity(reference, flow_tracks(clip)).fidelity == pytest.approx(1)
    assert motion_fidelity(reference, flow_tracks(other)).fidelity > 0.95
    assert motion_fidelity(reference, flow_tracks(negated)).fidelity < -0.85


def test_a_clip_that_turns_goes_every_way_so_only_time_tells_it_from_its_reverse() -> None:
    """Each track of a turning picture has an opposite one across the middle: in both directions alike."""
    forth, aside = flow_tracks(spun(3)), flow_tracks(pan((2, 0)))
    assert motion_fidelity(forth, flow_tracks(spun(-3))).fidelity > 0.9
    assert motion_fidelity(forth, aside).output > 0.9
    assert motion_fidelity(forth, aside).reference < 0.3


# ---------------------------------------------------------------- direction, speed, drag


def test_direction_error_is_the_angle_between_two_motions() -> None:
    wanted = np.tile([2.0, 0.0], (5, 1))
    for angle in (0, 40, -90, 180):
        turn = math.radians(angle)
        found = np.tile([3 * math.cos(turn), 3 * math.sin(turn)], (5, 1))
        assert direction_error(found, wanted) == pytest.approx(abs(angle))
    assert direction_error(np.zeros((5, 2)), wanted) == 90
    assert direction_error(wanted, np.zeros((5, 2))) == 0
    assert direction_error([[1, 0], [0, 1]], [[3, 0], [1, 0]]) == pytest.approx(
        90 / 4
    )  # the long step counts thrice


def test_speed_error_is_the_difference_of_lengths_whichever_way() -> None:
    assert speed_error([[3, 4], [0, 0]], [[0, 5], [0, 2]]) == 1
    assert speed_error([[0, -2.5]], [[2, 0]]) == 0.5


def test_drag_distance_is_the_mean_distance_in_lengths_of_the_wanted_path() -> None:
    wanted = np.array([[0, 0], [10, 0], [20, 0]])
    assert drag_distance(wanted, wanted) == 0
    assert drag_distance(wanted + [3, 4], wanted) == pytest.approx(5 / 20)
    assert drag_distance(np.zeros((3, 2)), wanted) == pytest.approx(15 / 20)  # it never left
    there_and_back = np.array([[0, 0], [10, 0], [0, 0]])
    assert drag_distance(np.zeros((3, 2)), there_and_back) == pytest.approx(5 / 20)
    both = np.stack([wanted, there_and_back])
    assert drag_distance(np.zeros((2, 3, 2)), both) == pytest.approx((15 / 20 + 5 / 20) / 2)


def test_drag_distance_of_a_point_that_must_not_move_needs_a_unit() -> None:
    assert drag_distance(np.full((3, 2), 6.0), np.zeros((3, 2)), 12) == pytest.approx(0.5**0.5)
    with pytest.raises(RequestError, match="stays"):
        drag_distance(np.ones((3, 2)), np.zeros((3, 2)))
    for unit in (0, -1, math.nan):
        with pytest.raises(RequestError, match="unit"):
            drag_distance(np.ones((3, 2)), np.zeros((3, 2)), unit)


def test_drag_distance_agrees_with_another_implementation() -> None:
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    a, b = walks(4), walks(4, seed=1)
    apart = [pairwise.paired_distances(x[1:], y[1:]).mean() for x, y in zip(a, b, strict=True)]
    assert drag_distance(a, b, 80) == pytest.approx(np.mean(apart) / 80)


@pytest.mark.parametrize("error", [direction_error, speed_error, drag_distance])
def test_paths_that_do_not_match_are_refused(error: object) -> None:
    for a, b in (((3, 2), (4, 2)), ((3, 3), (3, 3)), ((0, 2), (0, 2))):
        with pytest.raises(RequestError, match="expected"):
            error(np.zeros(a), np.zeros(b))  # type: ignore[operator]


# ---------------------------------------------------------------- all of it


@pytest.mark.parametrize(
    "other",
    [
        pan((0, 0), 3),
        np.full((3, 64, 64, 3), 128, np.uint8),
        RNG.integers(0, 256, (3, 64, 64, 3), np.uint8),
        carried(noise(), [(0, 0)] * 2 + [(3, 0)]),
    ],
    ids=["still", "blank", "static on a screen", "one frame moves"],
)
def test_no_clip_scores_nan(other: np.ndarray) -> None:
    moving = pan((2, 0), 3)
    for pair in ((moving, other), (other, moving), (other, other)):
        data = score(*pair).to_json()
        assert "NaN" not in json.dumps(data) and "Infinity" not in json.dumps(data)
        assert -1 <= data["motion"]["fidelity"] <= 1


def test_a_score_compares_clips_of_different_size() -> None:
    small, large = pan((2, 0)), pan((2, 0)).repeat(2, axis=1).repeat(2, axis=2)
    found = score(small, large)
    assert found.motion.fidelity > 0.95 and found.motion.speed_ratio == pytest.approx(1, abs=0.1)
    assert found.direction_error < 5 and found.speed_error < 0.005
    assert found.tracker == "flow_tracks" and "no weights" in found.encoder and "no weights" in found.judge
    assert 0 <= found.imaging[1] < found.imaging[0] <= 1  # the larger one is the same, coarser


def test_a_still_reference_asks_for_no_direction() -> None:
    still, right, down = pan((0, 0), 3), pan((2, 0), 3), pan((0, 2), 3)
    moved = score(still, right)
    assert moved.direction_error == 0 and moved.speed_error == pytest.approx(2 / 64, rel=0.1)
    noisy = np.clip(still.astype(int) + RNG.integers(-2, 3, still.shape), 0, 255).astype(np.uint8)
    assert score(noisy, still).direction_error == score(noisy, noisy).speed_error == 0
    assert score(right, down).direction_error == pytest.approx(90, abs=5)


def test_a_score_takes_any_tracker() -> None:
    assert (
        score(pan((2, 0)), pan((0, 0)), lambda video: straight((FAST, 0), frames=len(video))).motion.fidelity
        == 1
    )


def test_lost_tracks_have_no_part_in_a_scores_mean_motion() -> None:
    points = straight((FAST, 0), (0, FAST), frames=5).points

    def tracker(video: np.ndarray) -> Tracks:
        return tracks(points, np.array([[True] * 5, [True] + [False] * 4]) if video[0, 0, 0, 0] else None)

    one, both = np.full((5, 16, 16, 3), 9, np.uint8), np.zeros((5, 16, 16, 3), np.uint8)
    assert score(both, one, tracker).direction_error == pytest.approx(45)
    assert score(one, one, tracker).direction_error == 0


def test_a_score_refuses_clips_of_different_length() -> None:
    with pytest.raises(RequestError, match="one length"):
        score(pan((1, 0), 3), pan((1, 0), 4))
