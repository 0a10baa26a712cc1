"""Blocks in which nothing, or little, was guided: each is refused, or told when it is left."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from doubles import KNOWN, LEFT, UNetMotionModel, double, everything_about
from torch import Tensor

import moft
from moft.errors import BackboneError, MoftError, RequestError, SteeringWarning
from moft.feature.target import OfField
from moft.field.field import Field
from moft.steering.objective import Objective

WHOLE = moft.Settings(steps=(0, 1))


def told(
    pipe: Any, sample: Callable[[Any], object], *requests: Any, inside: Any = None, **options: Any
) -> tuple[Any, list[str]]:
    """The run, and what was told of it."""
    options = {"statistics": KNOWN, **options}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with moft.steer(pipe, *(requests or (LEFT,)), **options) as run:
            if inside is not None:
                inside(pipe)
            sample(pipe)
    return run, [str(w.message) for w in caught if issubclass(w.category, SteeringWarning)]


def test_a_sound_run_is_told_nothing():
    run, said = told(double(), lambda pipe: pipe())
    assert said == [] and run.report.notes == [] and len(run.report.steps) == run.report.moved == 5
    assert run.report.made == 10


# ---------------------------------------------------------------- few steps


@pytest.mark.parametrize(
    "name", ["DDIM", "LCM", "TCD", "EulerDiscrete", "UniPCMultistep", "FlowMatchEulerDiscrete"]
)
@pytest.mark.parametrize("count, steps", [(2, None), (3, None), (4, None), (5, (0.12, 0.48))])
def test_of_few_steps_at_least_one_is_guided_and_that_it_is_few_is_told(name: str, count: int, steps: Any):
    pipe = double(scheduler=getattr(diffusers, f"{name}Scheduler")())
    run, said = told(pipe, lambda pipe: pipe(num_inference_steps=count), settings=moft.Settings(steps=steps))
    assert run.report.moved >= 1 and len(run.report.steps) == run.report.moved
    assert len(said) == 1 and said[0].startswith(f"only {len(run.report.steps)} of {count} steps guided")


def test_all_steps_asked_of_four_are_enough():
    run, said = told(double(), lambda pipe: pipe(num_inference_steps=4), settings=WHOLE)
    assert [step["step"] for step in run.report.steps] == [1, 2, 3] and said == []


def test_one_step_has_nothing_between_two():
    run, said = told(double(), lambda pipe: pipe(num_inference_steps=1))
    assert not run.report.steps and len(said) == 1 and "nothing was guided: a run of one step" in said[0]


@pytest.mark.parametrize("steps", [(0.0, 0.01), (0.99, 1.0), (0.5, 0.5001)])
def test_a_share_of_less_than_a_step_is_one(steps: tuple[float, float]):
    run, said = told(double(), lambda pipe: pipe(), settings=moft.Settings(steps=steps))
    assert len(run.report.steps) == 1 and "only 1 of 10 steps" in said[0]


@pytest.mark.parametrize("strength", [0.9, 0.6, 0.5, 0.3])
def test_shares_count_on_the_steps_that_run(strength: float):
    """As a run of so many steps has them, at the end of the schedule."""
    run, _ = told(double(), lambda pipe: pipe(num_inference_steps=20, strength=strength))
    count = int(20 * strength)
    alone, _ = told(double(), lambda pipe: pipe(num_inference_steps=count))
    first = 20 - count
    assert [s["step"] - first for s in run.report.steps] == [s["step"] for s in alone.report.steps]
    assert run.report.made == count


@pytest.mark.parametrize(
    "schedule", [{"timesteps": [900, 700, 500, 300, 200, 100]}, {"timesteps": [999, 500, 499, 498, 250, 1]}]
)
def test_timesteps_of_ones_own_are_guided_in_their_shares(schedule: dict[str, Any]):
    pipe = double(scheduler=diffusers.DDPMScheduler(clip_sample=False))
    run, _ = told(pipe, lambda pipe: pipe(**schedule))
    assert [s["step"] for s in run.report.steps] == [1, 2, 3] and run.report.made == 6


def test_sigmas_of_ones_own_that_share_a_timestep_are_guided_once_each():
    sigmas = [1.0, 0.7, 0.7, 0.7, 0.4, 0.2]
    pipe = double(scheduler=diffusers.FlowMatchEulerDiscreteScheduler())
    run, said = told(pipe, lambda pipe: pipe(sigmas=sigmas), settings=WHOLE)
    assert [s["step"] for s in run.report.steps] == [1, 2, 3, 4, 5] and not said


# ---------------------------------------------------------------- not attached to what runs


def test_a_pipeline_that_was_never_called():
    _, said = told(double(), lambda pipe: None)
    assert len(said) == 1 and said[0].startswith("nothing was guided: the pipeline made no step")


def test_another_pipeline_was_called():
    other = double()
    _, said = told(double(), lambda pipe: other())
    assert len(said) == 1 and "nothing was guided" in said[0]


def test_a_callback_that_was_not_passed():
    run, said = told(double(), lambda pipe: pipe(), by_callback=True)
    assert not run.report.steps and len(said) == 1 and "callback_on_step_end=run.callback" in said[0]


def test_a_copy_of_the_scheduler_steps_by_itself_and_that_is_told():
    """As pipelines do that deepcopy theirs: the copy's step is its own, and changes nothing of the first."""
    import copy

    pipe = double()

    def sample(pipe: Any) -> Tensor:
        own, pipe_copy = pipe.scheduler, copy.copy(pipe)
        pipe_copy.scheduler = copy.deepcopy(own)
        assert pipe_copy.scheduler.step.__self__ is pipe_copy.scheduler
        return pipe_copy()

    plain = pipe()
    found = []
    _, said = told(pipe, lambda pipe: found.append(sample(pipe)))
    assert torch.equal(found[0], plain) and "nothing was guided" in said[0]
    assert "step" not in vars(pipe.scheduler)


def swapped_scheduler(pipe: Any) -> None:
    pipe.scheduler = diffusers.DPMSolverMultistepScheduler()


def same_scheduler_anew(pipe: Any) -> None:
    pipe.scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config)


def swapped_denoiser(pipe: Any) -> None:
    pipe.unet = UNetMotionModel(0.5)


@pytest.mark.parametrize("inside", [swapped_scheduler, same_scheduler_anew, swapped_denoiser])
@pytest.mark.parametrize("by_callback", [False, True])
def test_what_is_replaced_inside_the_block_is_refused_in_the_next_call(inside: Any, by_callback: bool):
    pipe = double()
    if inside is swapped_denoiser and by_callback:
        pytest.skip("as without")
    kept = pipe.scheduler, pipe.unet
    with pytest.raises(BackboneError, match="replaced inside the block"):
        told(pipe, lambda pipe: pipe(), inside=inside, by_callback=by_callback)
    pipe.scheduler, pipe.unet = kept
    assert everything_about(pipe) == everything_about(double())


def test_a_denoiser_that_another_program_runs_in_place_of_is_refused_in_the_first_step():
    pipe = double()
    engine = UNetMotionModel(0.5)

    class Proxied(UNetMotionModel):
        __name__ = "UNetMotionModel"

        def __call__(self, *args: Any, **kwargs: Any) -> Any:  # no hook of a module runs
            return engine.forward(*args, **kwargs)

    Proxied.__name__ = "UNetMotionModel"
    pipe.unet = Proxied(0.5)
    with pytest.raises(BackboneError, match="to be called in each step, got none"):
        told(pipe, lambda pipe: pipe())
    assert not vars(pipe.scheduler).keys() & {"step", "set_timesteps"}


# ---------------------------------------------------------------- not taken up


def drops(run: Any, since: int = 0) -> Callable[..., Any]:
    """A callback that calls the run's, and hands the pipeline what it had before."""

    def callback(pipe: Any, index: int, timestep: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        changed = run.callback(pipe, index, timestep, dict(kwargs))
        return kwargs if index >= since else changed

    return callback


@pytest.mark.parametrize("fused", [False, True])
def test_changes_that_a_callback_drops_are_told(fused: bool):
    pipe, settings = double(), moft.Settings(fused=fused, warp_noise=0)
    plain, found = pipe(), []
    with pytest.warns(moft.SteeringWarning, match="nothing was guided: the pipeline did not take up") as told:
        with moft.steer(pipe, LEFT, statistics=KNOWN, settings=settings, by_callback=True) as run:
            found.append(pipe(callback_on_step_end=drops(run)))
    assert torch.equal(found[0], plain) and run.report.lost == run.report.moved == 5 and len(told) == 1


def test_how_many_changes_were_dropped_is_told():
    pipe = double()
    with pytest.warns(moft.SteeringWarning, match="^the pipeline did not take up .* behind 3 of 5 steps"):
        with moft.steer(pipe, LEFT, statistics=KNOWN, by_callback=True) as run:  # guides behind 0…4
            pipe(callback_on_step_end=drops(run, since=2))
    assert run.report.lost == 3


@pytest.mark.parametrize("scheduler", ["DDIM", "EulerDiscrete", "FlowMatchEulerDiscrete", "UniPCMultistep"])
def test_latents_that_a_callback_puts_back_are_told_and_those_that_it_changes_further_are_not(scheduler: str):
    pipe, kept = double(scheduler=getattr(diffusers, f"{scheduler}Scheduler")()), dict[int, Tensor]()

    def keep(_pipe: Any, index: int, _timestep: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        kept[index] = kwargs["latents"].clone()
        return kwargs

    pipe(callback_on_step_end=keep)

    def put_back(_pipe: Any, index: int, _timestep: Any, _kwargs: dict[str, Any]) -> dict[str, Any]:
        return {"latents": kept[index]}

    # Where a changed step is not corrected by those before it, that is seen beside a gentle change, too.
    for settings in (moft.Settings(), moft.Settings(step_size=0.3, gradient_steps=2, warp_noise=0)):
        run, said = told(pipe, lambda pipe: pipe(callback_on_step_end=put_back), settings=settings)
        assert "did not take up" in said[0] and run.report.lost > 0 and run.report.moved == 5
    assert run.report.lost == 5

    def brighter(_pipe: Any, _index: int, _timestep: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {"latents": kwargs["latents"] * 1.01 + 0.05}

    run, said = told(pipe, lambda pipe: pipe(callback_on_step_end=brighter))
    assert run.report.lost == 0 and not said


def test_a_callback_in_a_block_that_needs_none_is_refused_with_the_remedy():
    with pytest.raises(BackboneError, match="by_callback=True, or leave callback_on_step_end out"):
        with moft.steer(double(), LEFT, statistics=KNOWN) as run:
            run.tap.pipe(callback_on_step_end=run.callback)


def test_a_callback_that_is_not_given_latents_says_what_to_add():
    with pytest.raises(BackboneError, match="callback_on_step_end_tensor_inputs"):
        with moft.steer(double(), LEFT, statistics=KNOWN, by_callback=True) as run:
            run.callback(run.tap.pipe, 0, torch.tensor(900), {"prompt_embeds": torch.zeros(1)})


@pytest.mark.parametrize("first", [True, False])
def test_one_of_two_calls_to_which_no_callback_was_passed_is_told(first: bool):
    pipe = double()
    with pytest.warns(moft.SteeringWarning, match="no step was handed to run.callback") as caught:
        with moft.steer(pipe, LEFT, statistics=KNOWN, by_callback=True) as run:
            for steered in (first, not first):
                pipe(callback_on_step_end=run.callback) if steered else pipe()
    assert len(run.reports) == len(caught) == 1


@pytest.mark.parametrize("first", [True, False])
def test_a_call_of_another_pipeline_of_the_same_weights_is_told_beside_one_that_was_guided(first: bool):
    pipe = double()
    other = double(unet=pipe.unet)
    plain, found = pipe(), []

    def sample(pipe: Any) -> None:
        for one in (other, pipe) if first else (pipe, other):
            found.append(one())

    run, said = told(pipe, sample)
    assert torch.equal(found[0 if first else 1], plain) and len(run.report.steps) == 5
    assert len(said) == 1 and "made no step of its scheduler" in said[0]


def test_a_call_that_fails_in_its_first_step_is_told_nothing_of_if_the_next_is_guided():
    pipe = double()
    usual = pipe.unet.forward

    def sample(pipe: Any) -> None:
        pipe.unet.forward = lambda *args, **kwargs: 1 / 0
        with pytest.raises(ZeroDivisionError):
            pipe()
        pipe.unet.forward = usual
        pipe()

    assert told(pipe, sample)[1] == []


def test_a_clip_of_one_frame_is_refused_since_it_has_no_motion():
    with pytest.raises(RequestError, match="has no motion: sample more frames"):
        told(double(), lambda pipe: pipe(frames=1))


# ---------------------------------------------------------------- wrapped


def hidden(forward: Any) -> Any:
    return lambda *args, **kwargs: forward(*args, **kwargs)


def test_a_forward_that_another_program_wrapped_is_steered_alike():
    plain = told(double(), lambda pipe: found.append(pipe()))[0] if (found := []) is not None else None
    pipe = double()
    pipe.unet.forward = wrapper = hidden(pipe.unet.forward)
    run, said = told(pipe, lambda pipe: found.append(pipe()))
    assert torch.equal(*found) and not said and plain is not None
    assert pipe.unet.forward is wrapper


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_forward_that_gives_no_gradient_is_refused(mode: Any):
    pipe = double()
    pipe.unet.forward = mode()(pipe.unet.forward)
    with pytest.raises(BackboneError, match="no gradient comes from 'up_blocks.1'"):
        told(pipe, lambda pipe: pipe())


def test_a_class_whose_forward_hides_its_arguments_is_refused(monkeypatch: pytest.MonkeyPatch):
    pipe = double()
    usual = UNetMotionModel.forward
    monkeypatch.setattr(UNetMotionModel, "forward", lambda *args, **kwargs: usual(*args, **kwargs))
    with pytest.raises(BackboneError, match="functools.wraps"):
        told(pipe, lambda pipe: pipe())


def test_weights_made_in_inference_mode_are_refused():
    with torch.inference_mode():
        pipe = double()
    with pytest.raises(
        BackboneError, match=r"load and run the pipeline inside torch.inference_mode\(False\)"
    ):
        told(pipe, lambda pipe: pipe())


@pytest.mark.parametrize("loss", ["position", "region", "quadrants", "cosine"])
@pytest.mark.parametrize("region", [None, "box:0,0,50%,100%"])
def test_inference_mode_around_the_block_or_the_call_makes_no_difference(loss: str, region: str | None):
    request, settings = moft.Motion("left", speed="8px", region=region), moft.Settings(loss=loss)
    found, pipe = list[Tensor](), double()

    def once(around: Any, call: Any) -> None:
        with around, moft.steer(pipe, request, statistics=KNOWN, settings=settings), call:
            found.append(pipe().clone())

    once(warnings.catch_warnings(), torch.enable_grad())
    once(torch.inference_mode(), torch.enable_grad())
    once(warnings.catch_warnings(), torch.inference_mode())
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


# ---------------------------------------------------------------- caches


def stateful(pipe: Any) -> None:
    """What every cache of diffusers leaves on a module."""
    from diffusers.hooks import HookRegistry, ModelHook

    class Cache(ModelHook):
        _is_stateful = True

    HookRegistry.check_if_exists_or_initialize(pipe.unet.up_blocks[0]).register_hook(Cache(), "some_cache")


def test_a_cache_that_was_applied_is_refused_before_the_block_and_inside():
    pipe = double()
    stateful(pipe)
    with pytest.raises(BackboneError, match=r"skips layers.*some_cache"):
        told(pipe, lambda pipe: pipe())
    pipe = double()
    with pytest.raises(BackboneError, match="skips layers"):
        told(pipe, lambda pipe: pipe(), inside=stateful)


@pytest.mark.parametrize("name", ["pyramid", "faster", "first block", "mag"])
def test_each_cache_of_diffusers_is_refused_however_it_was_applied(name: str):
    from diffusers import hooks
    from tiny import BUILDERS

    pipe = BUILDERS["wan"]()
    kinds = {
        "pyramid": lambda t: hooks.apply_pyramid_attention_broadcast(
            t,
            hooks.PyramidAttentionBroadcastConfig(
                spatial_attention_block_skip_range=2, current_timestep_callback=lambda: 500
            ),
        ),
        "faster": lambda t: hooks.apply_faster_cache(
            t,
            hooks.FasterCacheConfig(
                spatial_attention_block_skip_range=2,
                tensor_format="BCFHW",
                current_timestep_callback=lambda: 500,
                is_guidance_distilled=True,
            ),
        ),
        "first block": lambda t: hooks.apply_first_block_cache(t, hooks.FirstBlockCacheConfig(threshold=0.1)),
        "mag": lambda t: hooks.apply_mag_cache(
            t, hooks.MagCacheConfig(num_inference_steps=6, calibrate=True)
        ),
    }
    kinds[name](pipe.transformer)
    with pytest.raises(BackboneError, match="skips layers"), moft.steer(pipe, LEFT, statistics=KNOWN):
        pass


# ---------------------------------------------------------------- asked for nothing


@dataclass(frozen=True)
class Odd(Objective):
    """A loss of one's own."""

    value: float

    def loss(self, look: Any) -> Tensor:
        return look.features.mean() * self.value


def odd(value: float) -> Any:
    return Odd("up_blocks.1", 300, value)


@pytest.mark.parametrize(
    ("request_", "settings", "word"),
    [
        (moft.Motion("left", strength=0), moft.Settings(), "strength 0"),
        (LEFT, moft.Settings(step_size=0), "step size is 0"),
        (LEFT, moft.Settings(step_size=1e-30, warp_noise=0), "bit for bit"),
        (odd(0.0), moft.Settings(), "bit for bit"),
        (odd(math.nan), moft.Settings(), "no gradient of 4 steps was a finite number"),
        (odd(math.inf), moft.Settings(), "no gradient of 4 steps was a finite number"),
    ],
)
@pytest.mark.parametrize("fused", [False, True])
def test_why_nothing_was_guided_is_told(request_: Any, settings: moft.Settings, word: str, fused: bool):
    pipe, found = double(), []
    plain = pipe()
    settings = replace(settings, fused=fused)
    run, said = told(pipe, lambda pipe: found.append(pipe()), request_, settings=settings)
    assert torch.equal(found[0], plain) and run.report.moved == 0
    assert len(said) == 1 and "nothing was guided" in said[0] and word in said[0]
    assert run.report.notes == said


def test_two_requests_of_strength_0_are_told_and_one_of_some_is_enough():
    halves = [
        moft.Motion("left", speed="8px", strength=s, region=r)
        for s, r in ((0, "box:0,0,50%,100%"), (0, "rest"), (1, "rest"))
    ]
    assert "strength 0" in told(double(), lambda pipe: pipe(), *halves[:2])[1][0]
    assert told(double(), lambda pipe: pipe(), halves[0], halves[2])[1] == []


def test_motion_channels_without_a_range_are_refused_at_once():
    with pytest.raises(RequestError, match="motion channels of a scale > 0.*moft channels"):
        told(double(), pytest.fail, statistics=replace(KNOWN, high=-torch.ones(2)))


def test_motion_channels_of_another_model_are_refused_in_the_first_guided_step():
    with pytest.raises(RequestError, match="which has 4, got 9"):
        told(double(), lambda pipe: pipe(), statistics=replace(KNOWN, channels=torch.tensor([0, 9])))


def test_a_step_that_the_denoiser_which_was_read_does_not_make_is_told():
    pipe = double()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with moft.steer(pipe, LEFT, statistics=KNOWN) as run:
            run.tap.works_at = lambda timestep: False
            pipe()
    assert any("another denoiser is at work there" in str(w.message) for w in caught)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        (moft.Settings(), "nothing was guided: none of 10 steps"),
        (moft.Settings(carry=0.01), "no frame was car"),
    ],
)
def test_surroundings_that_are_put_back_are_not_taken_for_steering(settings: moft.Settings, word: str):
    pipe = double()
    with moft.record(pipe) as plain:
        pipe()
    for index in plain.latents:
        plain.latents[index] = plain.latents[index] + 1e-3  # as those of an inverted clip, not quite the same
    box = moft.Motion("left", speed="8px", region="box:0,0,50%,100%")

    def sample(pipe: Any) -> None:
        run.tap.works_at = lambda timestep: False
        pipe()

    with pytest.warns(moft.SteeringWarning, match=word):
        with moft.steer(pipe, box, statistics=KNOWN, settings=settings, plain=plain) as run:
            sample(pipe)
    assert run.report.moved > 3 and not run.report.steps


# ---------------------------------------------------------------- how it is told


def test_it_is_a_warning_at_the_line_of_the_block_or_whatever_one_says():
    with pytest.warns(moft.SteeringWarning, match="nothing was guided") as caught:
        with moft.steer(double(), LEFT, statistics=KNOWN):
            pass
    assert caught[0].filename == __file__
    heard: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with moft.steer(double(), LEFT, statistics=KNOWN) as run:
            run.tell = heard.append
    assert heard == run.report.notes and len(heard) == 1


def test_a_block_that_ends_in_an_error_is_told_nothing_more():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KeyError), moft.steer(double(), LEFT, statistics=KNOWN):
            raise KeyError
    assert issubclass(SteeringWarning, UserWarning) and not issubclass(MoftError, Warning)


def test_a_clip_read_in_another_number_of_frames_is_told_once_a_size():
    field = OfField(Field.of_steps(np.full((7, 4, 4, 2), 0.01)), KNOWN)
    value = torch.zeros(8, len(KNOWN.channels), 1, 1)
    read = moft.FromClip(value, KNOWN.channels, KNOWN.layer, 1.0, 300, made={"frames": 4})
    for target, frames, factor in ((field, 8, "0.47"), (read, 4, "0.2")):

        def thrice(pipe: Any, frames: int = frames) -> None:
            for count in (frames, 16, 16):
                pipe(frames=count)

        _, said = told(double(), thrice, target)
        (note,) = [note for note in said if "a clip or field was read" in note]
        assert f"read in {frames} frames, and 16 are sampled" in note and f"{factor} times as fast" in note


# ---------------------------------------------------------------- noise alone


def test_noise_that_goes_along_without_gradients_is_steering_and_of_no_share_nothing_is():
    alone = moft.Settings(step_size=0, warp_noise=1)
    run, said = told(double(), lambda pipe: pipe(), settings=alone)
    assert said == [] and (run.report.warped, run.report.moved, run.report.steps) == (1, 1, [])
    run, said = told(double(), lambda pipe: pipe(), settings=replace(alone, warp_noise=0))
    assert run.report.warped == 0 and len(said) == 1 and said[0].startswith("nothing was guided")


def test_noise_goes_along_once_and_does_not_hide_that_no_gradient_moves():
    run, said = told(double(), lambda pipe: pipe(), settings=moft.Settings(step_size=1e-30, warp_noise=1))
    assert run.report.warped == 1 and len(said) == 1 and "bit for bit" in said[0]


@pytest.mark.parametrize("size", [0, 0.3])
def test_noise_that_could_not_go_along_is_told(size: float):
    asked, settings = odd(1.0), moft.Settings(step_size=size, warp_noise=1)
    run, said = told(double(), lambda pipe: pipe(), asked, settings=settings)
    assert run.report.warped == 0 and len(said) == 1 and "no noise went along" in said[0]
    assert said[0].startswith("nothing was guided") is (size == 0)
    _, said = told(double(), lambda pipe: pipe(num_inference_steps=20, strength=0.5), settings=settings)
    assert len(said) == 1 and "no noise went along" in said[0]


def test_noise_and_a_frame_that_is_carried_are_refused_together():
    with pytest.raises(RequestError, match="warp_noise or carry"):
        moft.Settings(warp_noise=1, carry=0.5)
