"""Points dragged along trajectories: when what is at work, what the loss sees, what is refused, and that
nothing is left behind."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from steered import everything_about

import moft
from moft.errors import RequestError
from moft.request.drag import Drag
from moft.steering.dragging import SCHEDULE, Pull, around, at_frames, discs, dragging, trajectories
from moft.steering.objective import Look
from moft.steering.settings import Settings
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)
RIGHT, STAY = [(20, 32), (34, 32)], [(52, 12)]


def pull(path: Any, steps: tuple[float, float] = SCHEDULE[1], radius: float = 4) -> Pull:
    tracks = torch.from_numpy(trajectories(Drag([path]), SIZE)[0] + around(radius)[:, None])
    return Pull("a layer", 300, steps=steps, tracks=tracks)


def cost(pull: Pull, features: torch.Tensor) -> torch.Tensor:
    """Of features (b f c h w) of a clip of SIZE."""
    tap: Any = SimpleNamespace(clip_size=lambda latents: SIZE)
    return pull.loss(Look(tap, features, torch.tensor(300.0), {}, features))


def sample(pipe: Any, **kwargs: Any) -> torch.Tensor:
    size = dict(num_frames=8, height=64, width=64, num_inference_steps=10)
    generator = torch.Generator().manual_seed(0)
    return pipe("green cells", generator=generator, output_type="latent", **{**size, **kwargs}).frames


# ---------------------------------------------------------------- trajectories


def test_a_start_and_an_end_are_a_straight_and_even_way() -> None:
    (found,) = trajectories(Drag([RIGHT]), SIZE)
    np.testing.assert_allclose(found, [[20 + 2 * i, 32] for i in range(8)])


def test_one_position_stays_a_bend_is_passed_midway_and_a_whole_trajectory_is_itself() -> None:
    whole = [(10 + i * i / 2, 40 - i) for i in range(8)]
    stays, bends, itself = trajectories(Drag([STAY, [(0, 0), (14, 0), (14, 14)], whole]), SIZE)
    assert (stays == STAY[0]).all()
    np.testing.assert_allclose(bends, [(0, 0), (4, 0), (8, 0), (12, 0), (14, 2), (14, 6), (14, 10), (14, 14)])
    np.testing.assert_allclose(itself, whole)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([], r"at least one point; received \[\]"),
        ([RIGHT, []], "point 2: expected one or more positions"),
        ([[(20, math.nan)]], "point 1: expected one or more positions .* finite"),
        ([[(20, 30), (math.inf, 30)]], "point 1: .* finite"),
        ([[(1, 2, 3)]], "point 1: expected one or more positions"),
        (
            [RIGHT, [(20, 30), (64, 30)]],
            r"point 2: expected positions inside .* 64 x 64 px; received \(64.0, 30.0\)",
        ),
        ([[(-1, 5)]], "point 1: expected positions inside"),
        ([STAY, RIGHT, [*STAY, (9, 9)]], "point 3: expected one way for what lies at"),
        ([RIGHT, STAY, [(5, 5)] * 9], "point 3: expected 1 to 8 positions, .* received 9"),
    ],
)
def test_wrong_points_are_refused_by_number(points: Any, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        trajectories(Drag(points), SIZE)


def test_a_disc_goes_with_its_point() -> None:
    found = discs(trajectories(Drag([RIGHT]), SIZE)[0], 6, SIZE)
    assert found.shape == (8, 64, 64) and found.min() == 0 and found.max() == 1
    y, x = np.mgrid[:64, :64]
    for i, disc in enumerate(found):
        assert disc.sum() == pytest.approx(math.pi * 36, rel=0.15)
        assert (disc * x).sum() / disc.sum() == pytest.approx(20 + 2 * i) and (
            disc * y
        ).sum() / disc.sum() == pytest.approx(32)


# ---------------------------------------------------------------- Eq. 4 and 9


def test_the_schedule_is_that_of_the_paper() -> None:
    """Steps counted down from 25: 19 and more MOFT, 18 both, 17 to 5 DIFT, below 5 nothing."""
    early, late = pull(RIGHT, SCHEDULE[0]), pull(RIGHT, SCHEDULE[1])
    for index in range(25):
        left = 25 - index
        assert (early.due(index, 25), late.due(index, 25)) == (left >= 18, 5 <= left <= 18), left
    assert [sum(t.due(i, 50) for i in range(50)) for t in (early, late)] == [16, 28]  # twice as many of both


def moving(step: float) -> torch.Tensor:
    """Smooth features (1 8 2 16 16) of waves that go `step` px to the right a frame, 4 px a cell."""
    x = torch.arange(16) * 4 + 1.5 - step * torch.arange(8)[:, None]
    waves = torch.stack([(x / 5).sin(), (x / 5).cos()], 1)  # (f c w)
    return waves[None, :, :, None].expand(1, 8, 2, 16, 16)


def test_the_loss_is_least_where_the_features_go_as_the_point() -> None:
    losses = [float(cost(pull(RIGHT), moving(step))) for step in (2, 1.5, 1, 0)]
    assert losses[0] < 0.1 and losses == sorted(losses) and losses[-1] > 0.9
    still = [float(cost(pull(STAY), moving(step))) for step in (0, 0.5, 1)]
    assert still[0] < 0.01 and still == sorted(still)


def test_it_is_the_mean_distance_over_the_later_frames_in_units_of_the_first() -> None:
    features = torch.zeros(1, 8, 3, 16, 16)
    features[:, 0, 0] = 2
    features[:, 1:, 1] = 1
    assert float(cost(pull(STAY), features)) == pytest.approx(5**0.5 / 2, rel=1e-4)


def test_the_first_frame_is_the_goal_and_is_not_pulled() -> None:
    features = moving(0).clone().requires_grad_()
    cost(pull(RIGHT), features).backward()
    assert features.grad is not None and features.grad.isfinite().all()
    assert not features.grad[:, 0].any() and features.grad[:, 1:].any()


def test_latent_frames_are_read_at_their_moments() -> None:
    """Nine frames of video in three of latents: the first, the middle and the last."""
    tracks = torch.from_numpy(trajectories(Drag([[(0, 8), (16, 40)]]), ClipSize(9, 64, 64)))
    assert at_frames(tracks, 3).tolist() == [[[0, 8], [8, 24], [16, 40]]]


def test_what_is_outside_the_picture_asks_nothing() -> None:
    """A point at the edge: its neighbours beyond it do not count, and those inside count as ever."""
    edge = [(1, 32), (15, 32)]
    assert float(cost(pull(edge, radius=8), moving(2))) < 0.1


# ---------------------------------------------------------------- in a pipeline


def test_dragging_moves_the_latents_and_reports_by_the_schedule(
    tiny_animatediff: Any, tiny_statistics: Any
) -> None:
    plain = sample(tiny_animatediff)
    with moft.steer(tiny_animatediff, Drag([RIGHT, STAY]), statistics=tiny_statistics) as run:
        found = sample(tiny_animatediff)
    assert found.isfinite().all() and not torch.allclose(found, plain)
    assert [step["step"] for step in run.report.steps] == [
        1,
        2,
        3,
        4,
        5,
        6,
        7,
    ]  # 10 steps: MOFT to 2, DIFT 3 to 7
    assert run.report.seconds >= run.report.guidance_seconds > 0 and run.report.skipped == 0


def test_both_losses_fall_within_their_steps(tiny_animatediff: Any, tiny_statistics: Any) -> None:
    settings = Settings(step_size=0.02, gradient_steps=3)
    with moft.steer(tiny_animatediff, Drag([RIGHT]), statistics=tiny_statistics, settings=settings) as run:
        sample(tiny_animatediff)
    for step in run.report.steps:
        assert step["losses"] == sorted(step["losses"], reverse=True), step


def test_what_surrounds_the_points_stays_as_recorded(tiny_animatediff: Any, tiny_statistics: Any) -> None:
    with moft.record(tiny_animatediff) as recording:
        plain = sample(tiny_animatediff)
    with moft.steer(
        tiny_animatediff, Drag([[(12, 12), (18, 12)]], 8), statistics=tiny_statistics, plain=recording
    ):
        found = sample(tiny_animatediff)
    changed = (found != plain).any(1)[0].any(0)  # (h w) cells of 4 px
    assert changed[:7, :8].any() and not changed[7:].any() and not changed[:, 8:].any()


def test_no_step_size_is_plain_sampling(tiny_animatediff: Any, tiny_statistics: Any) -> None:
    with moft.steer(
        tiny_animatediff, Drag([RIGHT]), statistics=tiny_statistics, settings=Settings(step_size=0)
    ):
        found = sample(tiny_animatediff)
    assert torch.equal(found, sample(tiny_animatediff))


def test_a_callback_does_the_same(tiny_animatediff: Any, tiny_statistics: Any) -> None:
    with moft.steer(tiny_animatediff, Drag([RIGHT]), statistics=tiny_statistics):
        found = sample(tiny_animatediff)
    with moft.steer(tiny_animatediff, Drag([RIGHT]), statistics=tiny_statistics, by_callback=True) as run:
        assert torch.equal(found, sample(tiny_animatediff, callback_on_step_end=run.callback))


def test_it_detaches_without_a_trace_also_from_a_run_that_fails(
    tiny_animatediff: Any, tiny_statistics: Any
) -> None:
    before = everything_about(tiny_animatediff)
    with moft.steer(tiny_animatediff, Drag([RIGHT]), statistics=tiny_statistics):
        sample(tiny_animatediff)
    assert everything_about(tiny_animatediff) == before
    with pytest.raises(RequestError, match="point 1: expected positions inside the picture"):
        with moft.steer(tiny_animatediff, Drag([[(20, 32), (200, 32)]]), statistics=tiny_statistics):
            sample(tiny_animatediff)
    assert everything_about(tiny_animatediff) == before


@pytest.mark.parametrize(
    ("points", "options", "said"),
    [
        ([], {}, "at least one point"),
        ([[(1, math.nan)]], {}, "point 1"),
        ([RIGHT], {"radius": 0}, "a radius of 1 to 16384 px; received 0"),
        ([RIGHT], {"radius": math.nan}, "a radius of 1 to"),
        ([RIGHT], {"losses": ("moft", "dino")}, "two losses, each"),
        ([RIGHT], {"losses": ("moft",)}, "two losses, each"),
        (
            [RIGHT],
            {"settings": Settings(fused=True)},
            "without steps, loss, fused, keep_keys, carry and warp_noise",
        ),
        (
            [RIGHT],
            {"settings": Settings(steps=(0, 0.5))},
            "without steps, loss, fused, keep_keys, carry and warp_noise",
        ),
        ([RIGHT], {"settings": Settings(warp_noise=1)}, "keep_keys, carry and warp_noise"),
        (
            [RIGHT],
            {"settings": Settings(keep_keys=0.5)},
            "without steps, loss, fused, keep_keys, carry and warp_noise",
        ),
    ],
)
def test_wrong_requests_are_refused_before_anything_runs(
    tiny_animatediff: Any, tiny_statistics: Any, points: Any, options: Any, said: str
) -> None:
    radius = options.pop("radius", None)
    with (
        pytest.raises(RequestError, match=said),
        dragging(tiny_animatediff, Drag(points, radius), statistics=tiny_statistics, **options).attached(),
    ):
        raise AssertionError("the block was entered")
