"""Recording a plain run, and keeping what surrounds a region as it was there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import moft
from moft.errors import RequestError
from moft.feature.target import Synthesised
from moft.steering.descent import Descent
from moft.steering.objective import follow
from moft.types import ClipSize

LEFT_HALF = np.repeat([[1.0, 0.0]], 2, 0)
KEPT = moft.Settings(keep=1.0)


def sample(pipe: Any, **kwargs: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    size = dict(num_frames=4, height=64, width=64, num_inference_steps=6)
    return pipe("a red ball", generator=generator, output_type="latent", **{**size, **kwargs}).frames


@pytest.fixture(scope="module")
def recorded(tiny_animatediff: Any) -> tuple[torch.Tensor, Any]:
    with moft.record(tiny_animatediff) as recording:
        plain = sample(tiny_animatediff)
    return plain, recording


def test_recording_changes_nothing_and_ends_with_what_came_out(tiny_animatediff: Any, recorded: Any):
    plain, recording = recorded
    assert torch.equal(plain, sample(tiny_animatediff))
    assert sorted(recording.latents) == [1, 2, 3, 4, 5, 6] and torch.equal(recording.latents[6], plain)
    assert "step" not in vars(tiny_animatediff.scheduler)


def test_a_callback_records_the_same(tiny_animatediff: Any, recorded: Any):
    with moft.record(tiny_animatediff, by_callback=True) as recording:
        sample(tiny_animatediff, callback_on_step_end=recording.callback)
    assert all(torch.equal(recording.latents[i], found) for i, found in recorded[1].latents.items())


def test_what_surrounds_a_region_stays_as_recorded(
    tiny_animatediff: Any, tiny_statistics: Any, recorded: Any
):
    plain, recording = recorded
    options = dict(statistics=tiny_statistics, regions=[LEFT_HALF])
    with moft.steer(tiny_animatediff, moft.Motion("left"), settings=KEPT, plain=recording, **options):
        kept = sample(tiny_animatediff)
    with moft.steer(tiny_animatediff, moft.Motion("left"), **options):
        free = sample(tiny_animatediff)
    assert torch.equal(kept[..., 8:], plain[..., 8:]) and not torch.equal(free[..., 8:], plain[..., 8:])
    assert not torch.allclose(kept[..., :8], plain[..., :8])


def test_a_region_may_move_from_frame_to_frame(tiny_animatediff: Any, tiny_statistics: Any, recorded: Any):
    """Alike in all frames, it is the region that does not move; else each frame is changed inside its own
    part alone."""
    plain, recording = recorded
    moving = np.stack([np.roll(np.repeat([[1.0, 0, 0, 0]], 2, 0), i, 1) for i in range(4)])
    found = []
    for region in (LEFT_HALF, np.repeat(LEFT_HALF[None], 4, 0), moving):
        options = dict(statistics=tiny_statistics, regions=[region], settings=KEPT, plain=recording)
        with moft.steer(tiny_animatediff, moft.Motion("left"), **options):
            found.append(sample(tiny_animatediff))
    torch.testing.assert_close(found[0], found[1])
    changed = (found[2] != plain).any(1)[0].unflatten(-1, (4, 4)).any(-1).any(1)  # (f 4), of the four columns
    assert torch.equal(changed, torch.eye(4, dtype=torch.bool))


def test_a_request_for_the_whole_frame_keeps_nothing(
    tiny_animatediff: Any, tiny_statistics: Any, recorded: Any
):
    both = []
    for plain in (None, recorded[1]):
        with moft.steer(
            tiny_animatediff, moft.Motion("left"), statistics=tiny_statistics, settings=KEPT, plain=plain
        ):
            both.append(sample(tiny_animatediff))
    assert torch.equal(*both)


def test_no_strength_is_plain_sampling_also_with_a_recording(
    tiny_animatediff: Any, tiny_statistics: Any, recorded: Any
):
    wanted = moft.Motion("left", strength=0)
    with moft.steer(
        tiny_animatediff,
        wanted,
        statistics=tiny_statistics,
        regions=[LEFT_HALF],
        settings=KEPT,
        plain=recorded[1],
    ):
        assert torch.equal(sample(tiny_animatediff), recorded[0])


@pytest.mark.parametrize("other", [{"num_inference_steps": 8}, {"num_frames": 5}])
def test_a_recording_of_another_kind_of_run_is_refused(
    tiny_animatediff: Any, tiny_statistics: Any, recorded: Any, other: dict[str, int]
):
    with moft.steer(
        tiny_animatediff,
        moft.Motion("left"),
        statistics=tiny_statistics,
        regions=[LEFT_HALF],
        settings=KEPT,
        plain=recorded[1],
    ):
        with pytest.raises(RequestError, match="record it with the same arguments"):
            sample(tiny_animatediff, **other)


@pytest.mark.parametrize("keep", [-0.1, 1.1, float("nan")])
def test_a_share_outside_its_range_is_refused(keep: float):
    with pytest.raises(RequestError, match="keep"):
        moft.Settings(keep=keep)


def test_each_request_is_guided_in_the_steps_that_suit_it(tiny_animatediff: Any, tiny_statistics: Any):
    def guided(*wanted: moft.Motion, **settings: Any) -> list[int]:
        options = dict(statistics=tiny_statistics, settings=moft.Settings(gradient_steps=1, **settings))
        with moft.steer(tiny_animatediff, *wanted, **options) as run:
            sample(tiny_animatediff, num_inference_steps=10)
        return [step["step"] for step in run.report.steps]

    left, still = moft.Motion("left"), moft.Motion("still", region="box:0,0,50%,100%")
    longer = replace(still, steps=(0.12, 0.92))
    assert guided(left) == list(range(1, 6)) and guided(still) == list(range(1, 7))
    assert guided(longer) == guided(left, longer) == list(range(1, 9))
    assert guided(left, still, steps=(0.5, 0.7)) == [5, 6]
    own = moft.Motion(
        "left", steps=(0.8, 1)
    )  # what a request says of its steps counts more than what the settings say
    assert guided(own) == guided(own, steps=(0.5, 0.7)) == [8, 9]


@pytest.mark.parametrize(
    "count, share, most, guided",
    [
        (25, (0.12, 0.72), 5, [3, 6, 9, 12, 15]),
        (25, (0.12, 0.72), 8, [3, 4, 6, 8, 10, 12, 14, 16]),
        (50, (0.12, 0.72), 5, [6, 12, 18, 24, 30]),  # as many in a longer run
        (8, (0.12, 0.72), 5, [1, 2, 3, 4, 5]),
        (4, (0.0, 1.0), 5, [0, 1, 2, 3]),  # fewer steps than that: all of them
        (4, (0.0, 1.0), 2, [1, 2]),  # before the first nothing can be changed
        (25, (0.12, 0.72), None, list(range(3, 18))),
    ],
)
def test_guided_steps_are_spread_evenly(
    tiny_statistics: Any, count: int, share: tuple[float, float], most: int | None, guided: list[int]
):
    asked = follow(Synthesised(moft.Motion("left"), tiny_statistics), None, alone=False, steps=share)
    own = replace(asked, guided_steps=most)
    assert [i for i in range(count) if asked.due(i, count, most)] == guided
    assert [i for i in range(count) if own.due(i, count)] == guided


def test_each_step_is_handed_the_calls_of_the_pipeline_alone(tiny_animatediff: Any, tiny_statistics: Any):
    """Those that guidance makes itself, of the conditional half, are not taken for the pipeline's in the next
    step."""
    with moft.steer(tiny_animatediff, moft.Motion("left"), statistics=tiny_statistics) as run:
        usual, seen = run.next, []

        def watched(latents: torch.Tensor, index: int, calls: list[Any]) -> torch.Tensor:
            seen.append([len(call["sample"]) for call in calls])
            return usual(latents, index, calls)

        run.next = watched
        sample(tiny_animatediff)
    assert len(run.report.steps) > 1 and seen == [[2]] * 6


# ---------------------------------------------------------------- fused


FUSED = moft.Settings(fused=True)


def test_fused_steering_without_strength_is_plain_sampling(
    tiny_animatediff: Any, tiny_statistics: Any, recorded: Any
):
    with moft.steer(
        tiny_animatediff, moft.Motion("left", strength=0), statistics=tiny_statistics, settings=FUSED
    ):
        assert torch.equal(sample(tiny_animatediff), recorded[0])


def test_fused_steering_works_in_inference_mode_and_run_after_run(
    tiny_animatediff: Any, tiny_statistics: Any
):
    with moft.steer(tiny_animatediff, moft.Motion("left"), statistics=tiny_statistics, settings=FUSED) as run:
        usual = sample(tiny_animatediff)
        with torch.inference_mode():
            again = sample(tiny_animatediff)
    assert torch.equal(usual, again)
    assert [step["step"] for step in run.report.steps] == [1, 2, 3, 1, 2, 3]


def test_fused_steering_moves_as_far_as_all_updates_together(tiny_animatediff: Any, tiny_statistics: Any):
    """And by the gradient of the step's own call: with one guided step, from latents that are those of the
    plain run."""
    one = dict(
        steps=(0.17, 0.34), gradient_steps=3, step_size=0.1, fused=True, keep_spread=False, warp_noise=0
    )
    with moft.record(tiny_animatediff) as plain:
        sample(tiny_animatediff)
    options = dict(statistics=tiny_statistics, settings=moft.Settings(**one))
    with moft.steer(tiny_animatediff, moft.Motion("left"), **options), moft.record(tiny_animatediff) as moved:
        sample(tiny_animatediff)
    change = moved.latents[2] - plain.latents[2]
    assert torch.equal(moved.latents[1], plain.latents[1]) and change.square().mean().sqrt() == pytest.approx(
        0.3, rel=1e-3
    )


def test_fused_steering_that_saves_memory_is_the_same(tiny_animatediff: Any, tiny_statistics: Any):
    found = []
    for saving in (False, True):
        settings = moft.Settings(fused=True, save_memory=saving)
        with moft.steer(tiny_animatediff, moft.Motion("left"), statistics=tiny_statistics, settings=settings):
            found.append(sample(tiny_animatediff))
    torch.testing.assert_close(*found, atol=1e-5, rtol=1e-4)


# ---------------------------------------------------------------- keys and values of the plain run


@pytest.fixture(scope="module")
def with_keys(tiny_animatediff: Any) -> Any:
    with moft.record(tiny_animatediff, keys=True) as recording:
        sample(tiny_animatediff)
    return recording


def test_recording_keys_changes_nothing_and_keeps_those_of_all_steps(recorded: Any, with_keys: Any):
    assert all(torch.equal(with_keys.latents[i], found) for i, found in recorded[1].latents.items())
    assert {step for step, _, _ in with_keys.keys.bank} == set(range(6)) and {
        number for _, number, _ in with_keys.keys.bank
    } == {0}
    assert all(name.startswith("0.up_blocks.1.attentions") for _, _, name in with_keys.keys.bank)


def test_a_share_of_the_steps_is_recorded_and_no_more_can_be_taken_over(
    tiny_animatediff: Any, tiny_statistics: Any, with_keys: Any
):
    with moft.record(tiny_animatediff, keys=0.5) as half:
        sample(tiny_animatediff)
    assert {step for step, _, _ in half.keys.bank} == {0, 1, 2}
    found = [
        steered(
            tiny_animatediff,
            tiny_statistics,
            moft.Motion("left"),
            settings=moft.Settings(keep_keys=0.5),
            plain=plain,
        )
        for plain in (half, with_keys)
    ]
    assert torch.equal(*found)
    with pytest.raises(RequestError, match=r"step 3.*got none.*keys=True"):
        steered(
            tiny_animatediff,
            tiny_statistics,
            moft.Motion("left"),
            settings=moft.Settings(keep_keys=1),
            plain=half,
        )


def test_keys_are_taken_over_in_all_calls_also_by_callback_and_saving_memory(
    tiny_animatediff: Any, tiny_statistics: Any, with_keys: Any
):
    def run(by_callback: bool = False, **settings: Any) -> torch.Tensor:
        options = dict(statistics=tiny_statistics, plain=with_keys, by_callback=by_callback)
        with moft.steer(
            tiny_animatediff, moft.Motion("left"), settings=moft.Settings(**settings), **options
        ) as run:
            return sample(tiny_animatediff, **({"callback_on_step_end": run.callback} if by_callback else {}))

    kept = run(keep_keys=1)
    assert torch.equal(run(by_callback=True, keep_keys=1), kept) and not torch.equal(run(keep_keys=0), kept)
    torch.testing.assert_close(run(keep_keys=1, save_memory=True), kept, atol=1e-5, rtol=1e-4)
    with torch.inference_mode():
        assert torch.equal(run(keep_keys=1), kept)


def test_keys_of_another_kind_of_run_are_refused(
    tiny_animatediff: Any, tiny_statistics: Any, recorded: Any, with_keys: Any
):
    left, keeping = moft.Motion("left"), moft.Settings(keep_keys=1)
    for plain in (None, recorded[1]):
        with pytest.raises(RequestError, match="keys=True"):
            steered(tiny_animatediff, tiny_statistics, left, settings=keeping, plain=plain)
    with moft.record(tiny_animatediff, keys=True) as unguided:
        sample(tiny_animatediff, guidance_scale=1.0)
    with pytest.raises(
        RequestError, match="record it with the same arguments"
    ):  # it has no unconditional part
        steered(tiny_animatediff, tiny_statistics, left, settings=keeping, plain=unguided)
    with moft.steer(tiny_animatediff, left, statistics=tiny_statistics, settings=keeping, plain=with_keys):
        with pytest.raises(RequestError, match="record it with the same arguments"):
            sample(tiny_animatediff, num_frames=5)
    for wrong in ({"keep_keys": 1.1}, {"keep_keys": float("nan")}, {"keep_keys": 0.5, "fused": True}):
        with pytest.raises(RequestError, match="keep_keys"):
            moft.Settings(**wrong)
    for share in (-0.1, 1.5, float("nan")):
        with pytest.raises(RequestError, match="keys in 0"), moft.record(tiny_animatediff, keys=share):
            pass


# ---------------------------------------------------------------- Adam


SIZE = ClipSize(8, 64, 64)
ADAM = moft.Settings(steps=(0.1, 0.7), rule="adam", step_size=0.2)


def test_adam_goes_by_its_moments_of_normalised_gradients(tiny_animatediff: Any, tiny_statistics: Any):
    """Kingma and Ba, Algorithm 1, written out, in float64."""
    mean = square = np.zeros((1, 4, 8, 16, 16))
    random = torch.Generator().manual_seed(0)
    descent, objectives = (
        Descent(ADAM),
        [follow(Synthesised(moft.Motion("left"), tiny_statistics), None, alone=True)],
    )
    for t in (1, 2, 3):
        gradient = torch.randn(mean.shape, generator=random) * 10**-t
        g = gradient.double().numpy()
        g = g / np.sqrt(np.square(g).mean())
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g**2
        wanted = mean / (1 - 0.9**t) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(
            descent.update(gradient, objectives).numpy(), 0.2 * wanted, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("fused", [False, True])
def test_adam_starts_anew_with_each_step_and_keeps_to_its_region(
    tiny_animatediff: Any, tiny_statistics: Any, fused: bool
):
    """Its first update, and so each step's if there is but one, moves every latent in the region by the step
    size."""
    settings = replace(ADAM, fused=fused, gradient_steps=1, warp_noise=0)
    moves = dict[int, torch.Tensor]()
    request = moft.Motion("left", region="box:0,0,50%,100%")
    with moft.steer(tiny_animatediff, request, statistics=tiny_statistics, settings=settings) as run:
        usual = run.next

        def watched(latents: torch.Tensor, index: int, calls: Any) -> torch.Tensor:
            found = usual(latents, index, calls)
            moves[index] = (found - latents).abs()
            return found

        run.next = watched  # type: ignore[method-assign]
        sample(tiny_animatediff)
    guided = [moved for moved in moves.values() if moved.any()]
    assert len(guided) == len(run.report.steps) == 3
    for moved in guided:
        torch.testing.assert_close(moved[..., :8], torch.full_like(moved[..., :8], 0.2), atol=1e-3, rtol=0)
        assert not moved[..., 8:].any()


# ---------------------------------------------------------------- the first frame carried along


def test_a_region_gets_the_first_frame_where_the_request_takes_it(
    tiny_animatediff: Any, tiny_statistics: Any, recorded: Any
):
    """And nothing else is done: what is outside, and all that comes before, is that of the plain run."""
    plain, recording = recorded
    one_cell = moft.Motion("up", speed="4px", region="box:0,0,50%,100%")
    options = dict(statistics=tiny_statistics, settings=moft.Settings(carry=0.5), plain=recording)
    with moft.steer(tiny_animatediff, one_cell, **options) as run, moft.record(tiny_animatediff) as seen:
        moved = sample(tiny_animatediff)
    assert run.report.steps == [] and torch.equal(seen.latents[2], recording.latents[2])
    first = recording.latents[3][:, :, 0]
    for frame in range(4):
        found = seen.latents[3][:, :, frame]
        assert torch.equal(found[..., : 16 - frame, :8], first[..., frame:, :8])
        assert torch.equal(found[..., 8:], recording.latents[3][:, :, frame, :, 8:])
    assert torch.equal(moved[..., 8:], plain[..., 8:]) and not torch.allclose(moved[..., :8], plain[..., :8])


def test_carrying_without_strength_is_plain_sampling(
    tiny_animatediff: Any, tiny_statistics: Any, recorded: Any
):
    wanted, carry = moft.Motion("left", strength=0), moft.Settings(carry=0.5)
    assert torch.equal(
        steered(tiny_animatediff, tiny_statistics, wanted, settings=carry, plain=recorded[1]), recorded[0]
    )


def test_what_cannot_be_carried_is_refused(tiny_animatediff: Any, tiny_statistics: Any, recorded: Any):
    carry = moft.Settings(carry=0.5)
    with pytest.raises(RequestError, match="moft.record"):
        steered(tiny_animatediff, tiny_statistics, moft.Motion("left"), settings=carry)
    with pytest.raises(RequestError, match="zoom"):
        steered(tiny_animatediff, tiny_statistics, moft.Motion("zoom in"), settings=carry, plain=recorded[1])
    for share in (-0.1, 1.0, float("nan")):
        with pytest.raises(RequestError, match="carry"):
            moft.Settings(carry=share)


# ---------------------------------------------------------------- several requests


HALVES = (moft.Motion("left", region="box:0,0,50%,100%"), moft.Motion("right", region="rest"))


def steered(pipe: Any, statistics: Any, *wanted: Any, **options: Any) -> torch.Tensor:
    with moft.steer(pipe, *wanted, statistics=statistics, **options):
        return sample(pipe)


def test_regions_in_words_and_as_arrays_are_the_same(tiny_animatediff: Any, tiny_statistics: Any):
    said = steered(tiny_animatediff, tiny_statistics, *HALVES)
    for regions in ([LEFT_HALF, 1 - LEFT_HALF], [LEFT_HALF, None], ["polygon:0,0;32,0;32,64;0,64", "rest"]):
        assert torch.equal(steered(tiny_animatediff, tiny_statistics, *HALVES, regions=regions), said)


def test_a_request_moves_its_own_region_alone(tiny_animatediff: Any, tiny_statistics: Any):
    """What the other one asks makes no difference to a region in the first guided step, but for the common
    step size."""
    one = dict(
        statistics=tiny_statistics,
        settings=moft.Settings(
            steps=(0.17, 0.34), gradient_steps=1, rule="plain", step_size=10.0, warp_noise=0
        ),
    )
    found = []
    for other in ("right", "up"):
        with (
            moft.steer(tiny_animatediff, HALVES[0], moft.Motion(other, region="rest"), **one),
            moft.record(tiny_animatediff) as seen,
        ):
            sample(tiny_animatediff)
        found.append(seen.latents[1])
    first, second = found
    assert torch.equal(first[..., :8], second[..., :8]) and not torch.equal(first[..., 8:], second[..., 8:])


def test_saving_memory_makes_no_difference_to_two_requests(tiny_animatediff: Any, tiny_statistics: Any):
    """Each takes a gradient of its own through layers that are computed again."""
    for fused in (False, True):
        found = [
            steered(
                tiny_animatediff,
                tiny_statistics,
                *HALVES,
                settings=moft.Settings(save_memory=saving, fused=fused),
            )
            for saving in (False, True)
        ]
        torch.testing.assert_close(*found, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        ((moft.Motion("left"), moft.Motion("right")), "whole frame or the rest"),
        ((moft.Motion("left", region="rest"),), "another request"),
        (
            (moft.Motion("left", region="box:0,0,48,64"), moft.Motion("up", region="box:0,0,40,64")),
            r"request 1 \(left.*request 2 \(up",
        ),
        ((moft.Motion("left", region="box:64,0,9,9"),), "inside the clip of 64 x 64 px"),
    ],
)
def test_contradictions_end_the_run_in_its_first_step(
    tiny_animatediff: Any, tiny_statistics: Any, wanted: Any, word: str
):
    with pytest.raises(RequestError, match=word):
        steered(tiny_animatediff, tiny_statistics, *wanted)
    assert "step" not in vars(tiny_animatediff.scheduler)


@pytest.mark.parametrize(
    "region", ["box:0,0,9", "none.png", np.zeros((4, 4)), np.full((4, 4), np.nan), np.ones(4)], ids=str
)
def test_regions_that_no_clip_has_are_refused_at_once(
    tiny_animatediff: Any, tiny_statistics: Any, region: Any
):
    with pytest.raises(moft.MoftError):
        with moft.steer(tiny_animatediff, moft.Motion("left"), statistics=tiny_statistics, regions=[region]):
            pytest.fail("attached")


def test_inside_a_region_a_motion_is_asked_by_its_mean_and_a_zoom_by_places(
    tiny_animatediff: Any, tiny_statistics: Any
):
    still, zoom = moft.Motion("still"), moft.Motion("zoom in")
    for wanted, region, loss in (
        (HALVES[0], None, "region"),
        (moft.Motion(30), LEFT_HALF, "region"),
        (moft.Motion("left"), None, "quadrants"),
        (zoom, LEFT_HALF, "blocks"),
        (zoom, None, "quadrants"),
        (still, LEFT_HALF, "position"),
        (still, None, "position"),
    ):
        regions = None if region is None else [region]
        with moft.steer(tiny_animatediff, wanted, statistics=tiny_statistics, regions=regions) as run:
            assert run.objectives(SIZE)[0].kind == loss


def test_a_zoom_in_a_region_is_asked_about_its_middle(tiny_animatediff: Any, tiny_statistics: Any):
    """Of the whole frame, and of what an object leaves, about the picture's."""
    small = "box:0,0,25%,50%"
    for wanted, about in (
        ([moft.Motion("zoom in")], [None]),
        ([moft.Motion("zoom in", region=small)], [(-0.375, -0.25)]),
        ([moft.Motion("zoom in"), moft.Motion("turn clockwise", region=small)], [(0, 0), (-0.375, -0.25)]),
    ):
        with moft.steer(tiny_animatediff, *wanted, statistics=tiny_statistics) as run:
            assert [o.target.about for o in run.objectives(SIZE)] == about
            run.tell = str


def test_each_of_several_requests_has_the_gain(tiny_animatediff: Any, tiny_statistics: Any):
    enlarged = replace(tiny_statistics, gain=2.0)
    clip = moft.from_clip(
        tiny_animatediff,
        np.random.default_rng(0).integers(0, 255, (4, 64, 64, 3), np.uint8),
        statistics=enlarged,
    )

    def gains(*wanted: Any, regions: Any = None) -> list[float]:
        with moft.steer(tiny_animatediff, *wanted, statistics=enlarged, regions=regions) as run:
            targets = [objective.target for objective in run.objectives(SIZE)]
            return [getattr(target, "gain", None) or target.statistics.gain for target in targets]

    still = moft.Motion("still", region="rest")
    assert gains(HALVES[0]) == gains(clip) == [2] and gains(HALVES[0], still) == [2, 2]
    assert gains(*HALVES) == gains(HALVES[0], clip, regions=[LEFT_HALF, None]) == [2, 2]


@pytest.mark.parametrize("as_given", [np.asarray, torch.as_tensor, list])
def test_regions_may_come_in_one_array(tiny_animatediff: Any, tiny_statistics: Any, as_given: Any):
    masks = as_given(np.stack([LEFT_HALF, 1 - LEFT_HALF]).astype(np.float32))
    wanted = moft.Motion("left"), moft.Motion("up")
    with moft.steer(tiny_animatediff, *wanted, statistics=tiny_statistics, regions=masks) as run:
        left, right = (objective.region for objective in run.objectives(ClipSize(4, 8, 8)))
        assert left.mean() == right.mean() == 0.5 and not (left * right).any()
        run.tell = str


def test_a_region_that_is_not_given_is_the_requests_own(tiny_animatediff: Any, tiny_statistics: Any):
    motion = moft.Motion("left", region="box:0,0,50%,100%")
    with moft.steer(tiny_animatediff, motion, statistics=tiny_statistics, regions=[None]) as run:
        region = run.objectives(ClipSize(4, 8, 8))[0].region
        assert region.mean() == 0.5 and region[..., :4].min() == 1
        run.tell = str
