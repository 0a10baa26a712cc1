"""One contract for every model family, on its real diffusers classes, tiny and random (tests/tiny)."""

from __future__ import annotations

import copy
import inspect
import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from einops import rearrange
from steered import (
    EARLY,
    LEFT,
    PLAIN,
    assert_fused_features_are_the_same,
    assert_the_loss_stays_down,
    brief,
    brief_plain,
    brief_steered,
    guide_of,
    guided,
    left_as_found,
    losses_of,
    plain_sample,
    statistics_of,
    steered_sample,
)
from tiny import BUILDERS, CELLS, LATENT_FRAMES, clip_size, sample, tiny
from torch import Tensor

import moft
from moft.errors import BackboneError, RequestError
from moft.feature.definition import motion_feature
from moft.feature.losses import position_loss
from moft.feature.reference import ClipReading, from_clip
from moft.models.calls import Call, timestep_of
from moft.models.families import INSIDE, family_of
from moft.models.hooks import SharedKV, capture
from moft.models.tap import Tap
from moft.steering.entry import steer
from moft.steering.recording import Recording, record
from moft.steering.settings import Settings


@pytest.fixture(scope="module", params=BUILDERS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def pipe(name: str) -> Any:
    return tiny(name)


@cache
def latents_of(name: str) -> Tensor:
    """Noise (1 c f h w)."""
    pipe = tiny(name)
    channels = (
        pipe.unet.config.out_channels if hasattr(pipe, "unet") else pipe.vae.config.get("latent_channels")
    )
    shape = (1, channels or pipe.vae.config.z_dim, LATENT_FRAMES, *CELLS)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@cache
def call_of(name: str) -> Call:
    return Tap(tiny(name)).first_call(["a ball"], latents_of(name))


@pytest.fixture
def statistics(name: str) -> moft.Statistics:
    return statistics_of(name)


@pytest.fixture
def latents(name: str) -> Tensor:
    return latents_of(name)


@pytest.fixture
def call(name: str) -> Call:
    return call_of(name)


# ---------------------------------------------------------------- attaching


def test_steering_changes_the_sample_and_leaves_no_trace(name: str, pipe: Any, statistics: moft.Statistics):
    with left_as_found(name):
        steered, run = steered_sample(name)
    assert not torch.equal(plain_sample(name), steered)
    assert [step["step"] for step in run.report.steps] == [1, 2, 3]


def test_an_exception_inside_leaves_no_trace_either(name: str, pipe: Any, statistics: moft.Statistics):
    denoiser, broken = getattr(pipe, family_of(pipe).attribute), []

    def fail(*_: object) -> None:
        broken.append(1)
        if (
            len(broken) == 4
        ):  # in the second gradient step of the first guided step, or in the steps before it
            raise KeyError

    with (
        left_as_found(name),
        pytest.raises(KeyError),
        steer(pipe, LEFT, statistics=statistics, settings=EARLY),
    ):
        handle = denoiser.register_forward_pre_hook(fail)
        try:
            sample(pipe)
        finally:
            handle.remove()


def test_zero_strength_is_plain_sampling_bit_for_bit(name: str, pipe: Any, statistics: moft.Statistics):
    with steer(pipe, moft.Motion("left", strength=0), statistics=statistics, settings=EARLY):
        assert torch.equal(brief(name), brief_plain(name))


def test_the_callback_and_the_wrapped_step_are_the_same(name: str, pipe: Any, statistics: moft.Statistics):
    if "callback_on_step_end" not in inspect.signature(pipe.__call__).parameters:
        with pytest.raises(BackboneError, match="leave by_callback out"):
            with steer(pipe, LEFT, statistics=statistics, by_callback=True):
                pass
        return
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY, by_callback=True) as run:
        called = brief(name, callback_on_step_end=run.callback)
    assert torch.equal(called, brief_steered(name))


# ---------------------------------------------------------------- guiding


def test_the_loss_falls_in_each_guided_step(name: str):
    steps = steered_sample(name)[1].report.steps
    assert all(step["losses"][1] < step["losses"][0] for step in steps)
    assert steps[-1]["losses"][0] < steps[0]["losses"][0]


def test_the_loss_stays_down_after_the_guided_steps(name: str):
    """With UniPC, whose corrector restores the old latents, this fails unless it is told to forget them."""
    assert_the_loss_stays_down(name)


def test_what_is_read_in_passing_is_what_is_read_by_itself(name: str):
    assert_fused_features_are_the_same(name)


def test_fused_steering_lowers_the_loss_and_leaves_no_trace(
    name: str, pipe: Any, statistics: moft.Statistics
):
    fused = replace(EARLY, fused=True)
    with left_as_found(name), steer(pipe, LEFT, statistics=statistics, settings=fused) as run:
        sample(pipe)
    assert [s["step"] for s in run.report.steps] == [1, 2, 3] and all(
        len(s["losses"]) == 1 for s in run.report.steps
    )
    assert run.report.steps[-1]["losses"][0] < losses_of(name, PLAIN)[0][3]


def test_the_conditional_early_exit_gradient_is_the_full_one(
    name: str, pipe: Any, statistics: moft.Statistics
):
    """Against a forward pass of the whole denoiser on both branches, the loss reading the conditional one."""
    tap, calls, latents = Tap(pipe), [], latents_of(name)
    with tap.listen(calls):
        sample(pipe, num_inference_steps=2)
    first, held = calls[0], tap.inputs(calls[0])
    told = timestep_of(first, tap.family)
    target = torch.randn(1, 1, len(statistics.channels), 1, 1)

    def gradient(features: Tensor, x: Tensor) -> Tensor:
        return torch.autograd.grad(position_loss(motion_feature(features, statistics.channels), target), x)[0]

    x = latents.clone().requires_grad_(True)
    ours = gradient(tap.read(x, told, tap.conditional(calls, 1)), x)

    x = latents.clone().requires_grad_(True)
    whole = torch.cat([x.expand(len(held), -1, -1, -1, -1), held[:, x.shape[1] :]], 1)
    whole = rearrange(whole, f"{INSIDE} -> {tap.family.layout}")
    with capture(tap.denoiser, [tap.layer]) as seen:
        tap.denoiser(**{**first, tap.family.latents: whole})
    theirs = gradient(tap.grid(seen[tap.layer], first)[-1:], x)
    assert theirs.abs().max() > 0 and (ours - theirs).norm() / theirs.norm() < 1e-5


def test_a_batch_does_not_mix_its_clips(name: str, pipe: Any, statistics: moft.Statistics):
    options = (
        {"mask_feature": False} if name == "latte" else {}
    )  # Latte itself cuts the padding of one prompt alone
    if not family_of(pipe).takes_batches:
        with pytest.raises(ValueError, match="list of prompts"):
            brief(name, prompt=["a ball", "an uneven plain"])
        return
    other = "a plain" if name == "kandinsky" else "an uneven plain"  # Kandinsky itself does not mask padding
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY):
        both = brief(name, prompt=["a ball", other], **options)
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY):
        first = brief(name, prompt=["a ball"], **options)
    torch.testing.assert_close(both[:1], first, atol=5e-3, rtol=1e-3)
    assert not torch.allclose(both[1:], first, atol=0.1)


def test_inference_mode_makes_no_difference(name: str, pipe: Any, statistics: moft.Statistics):
    with torch.inference_mode(), steer(pipe, LEFT, statistics=statistics, settings=EARLY):
        inferred = brief(name)
    assert torch.equal(inferred, brief_steered(name))


def test_gradient_checkpointing_makes_no_difference(name: str, pipe: Any, statistics: moft.Statistics):
    denoiser = getattr(pipe, family_of(pipe).attribute)
    if not denoiser._supports_gradient_checkpointing:
        pytest.skip("diffusers has none for this model")
    denoiser.enable_gradient_checkpointing()
    try:
        with steer(pipe, LEFT, statistics=statistics, settings=EARLY):
            saving = brief(name)
    finally:
        denoiser.disable_gradient_checkpointing()
    torch.testing.assert_close(saving, brief_steered(name), atol=1e-5, rtol=1e-5)


def test_saving_memory_makes_no_difference(name: str, pipe: Any, statistics: moft.Statistics):
    settings = replace(EARLY, save_memory=True)
    with steer(pipe, LEFT, statistics=statistics, settings=settings) as run, run.tap.checkpointed():
        chosen = [m for m in run.tap.denoiser.modules() if "forward" in vars(m)]
    assert chosen
    with left_as_found(name), steer(pipe, LEFT, statistics=statistics, settings=settings):
        saving = brief(name)
    torch.testing.assert_close(saving, brief_steered(name), atol=1e-5, rtol=1e-5)


def test_offloading_the_models_makes_no_difference(name: str, pipe: Any, statistics: moft.Statistics):
    pipe.enable_model_cpu_offload(device="cpu")
    try:
        with steer(pipe, LEFT, statistics=statistics, settings=EARLY):
            offloaded = brief(name)
    finally:
        pipe.remove_all_hooks()
    assert torch.equal(offloaded, brief_steered(name))


def test_guidance_off_still_steers(name: str, pipe: Any, statistics: moft.Statistics):
    guider = getattr(pipe, "guider", None)  # a component, where the pipeline is told no scale
    off = {family_of(pipe).guidance: 1.0} if guider is None else {}
    if guider is not None:
        guider.disable()
    try:
        with steer(pipe, LEFT, statistics=statistics, settings=EARLY) as run:
            brief(name, **off)
    finally:
        if guider is not None:
            guider.enable()
    assert len(run.report.steps) == 1


def test_odd_sizes_are_steered_too(name: str, pipe: Any, statistics: moft.Statistics):
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY) as run:
        brief(
            name, cells=(12, 20) if name in ("ltx2", "sana") else (10, 14)
        )  # they want sides of whole 32 px
    losses = [step["losses"] for step in run.report.steps]
    assert losses[-1][1] < losses[0][0]


def test_bfloat16_weights_steer_alike(
    name: str, pipe: Any, statistics: moft.Statistics, latents: Tensor, call: Call
):
    own = copy.deepcopy(pipe)  # rounding is for good: tables that no state dict holds lose bits too
    with steer(own, LEFT, statistics=statistics) as run:
        gradient, asked = guide_of(run).gradient, run.objectives(run.tap.clip_size(latents))
        _, exact = gradient(latents, torch.tensor(500), call, asked)
        denoiser = getattr(own, family_of(own).attribute).to(torch.bfloat16)
        for part, module in denoiser.named_modules() if name == "kandinsky" else ():
            if part.rpartition(".")[2] in denoiser._keep_in_fp32_modules:  # as it is loaded
                module.float()
        low = {
            k: v.bfloat16() if isinstance(v, Tensor) and v.is_floating_point() else v for k, v in call.items()
        }
        _, rough = gradient(latents, torch.tensor(500), low, asked)
    assert exact is not None and rough is not None
    assert torch.cosine_similarity(exact.flatten(), rough.flatten(), 0) > 0.95


def test_one_update_is_a_step_of_what_the_denoiser_takes(pipe: Any, statistics: moft.Statistics):
    """However large the latents are between two steps: SVD's start at 700 times the size."""
    found: list[float] = []
    settings = replace(EARLY, gradient_steps=1, keep_spread=False)
    with steer(pipe, LEFT, statistics=statistics, settings=settings) as run:
        guide = guide_of(run)
        usual = guide.guided

        def watched(latents: Tensor, call: Call, index: int, due: Any) -> Tensor:
            moved = usual(latents, call, index, due)
            step = run.tap.scaled(moved - latents, run.tap.timesteps[index])
            found.append(float(step.square().mean().sqrt()))
            return moved

        guide.guided = watched
        sample(pipe)
    assert found == pytest.approx([EARLY.step_size] * 3, rel=1e-3)


def test_a_region_keeps_the_gradient_inside(
    pipe: Any, statistics: moft.Statistics, latents: Tensor, call: Call
):
    mask = np.zeros((8, 8), np.float32)
    mask[:, 4:] = 1
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY, regions=[mask]) as run:
        moved = guided(run, latents, call, 1)
    half = CELLS[1] // 2
    assert torch.equal(moved[..., :half], latents[..., :half])
    assert not torch.equal(moved[..., half:], latents[..., half:])


def test_a_frame_clip_leaves_later_frames_alone(
    pipe: Any, statistics: moft.Statistics, latents: Tensor, call: Call
):
    with steer(pipe, LEFT, statistics=statistics, settings=Settings(clip_frames=2)) as run:
        moved = guided(run, latents, call, 1)
    changed = (moved - latents).abs().amax((0, 1, 3, 4)) > 0
    assert changed.tolist() == [True, True] + [False] * (LATENT_FRAMES - 2)


def test_a_gradient_that_is_not_finite_is_skipped(
    pipe: Any, statistics: moft.Statistics, latents: Tensor, call: Call
):
    twice = steer(pipe, LEFT, statistics=statistics, settings=Settings(gradient_steps=2))
    with twice as run, pytest.warns(RuntimeWarning, match="not finite"):
        moved = guided(run, latents * math.inf, call, 1)
    assert run.report.skipped == 2 and torch.equal(moved, latents * math.inf)


def test_what_suits_a_whole_frame_leads_its_noise_and_takes_one_gradient_a_step(
    name: str, pipe: Any, statistics: moft.Statistics
):
    """A step size of nought is plain sampling, unless it is said that noise goes along."""
    plain = plain_sample(name)
    with left_as_found(name), steer(pipe, LEFT, statistics=statistics) as run:
        assert not torch.equal(sample(pipe), plain)
    assert [len(step["losses"]) for step in run.report.steps] == [1, 1, 1]
    with steer(pipe, LEFT, statistics=statistics, settings=Settings(step_size=0)):
        assert torch.equal(sample(pipe), plain)
    with steer(pipe, LEFT, statistics=statistics, settings=Settings(step_size=0, warp_noise=1.5)) as led:
        assert not torch.equal(sample(pipe), plain)
    assert led.report.warped == run.report.warped == 1


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("place", [(1, 0, 10), (3, 6, 0), (2, 6, 10)], ids=str)
def test_features_keep_frames_and_grid(pipe: Any, latents: Tensor, call: Call, place: tuple[int, int, int]):
    """What is planted in the latents changes the feature there: in that frame and token, or, since a UNet's
    feature block sees wide, on that side of the middle."""
    tap, (f, y, x) = Tap(pipe), place
    planted = latents.clone()
    planted[:, :, f, y : y + 2, x : x + 2] += 3
    before, after = (tap.features_of(z, 500.0, call) for z in (latents, planted))
    change = (after - before).square().sum((0, 2))  # f h w
    assert len(change) == LATENT_FRAMES and int(change.sum((1, 2)).argmax()) == f
    rows, columns = (n // m for n, m in zip(CELLS, change.shape[1:], strict=True))
    if tap.family.attribute == "unet":
        for axis, at in ((0, y), (1, x)):
            weight = change[f].sum(1 - axis)
            centre = float((weight * torch.arange(len(weight))).sum() / weight.sum())
            middle = (len(weight) - 1) / 2
            assert (centre - middle) * (at - middle) > 0
    else:
        found = int(change[f].argmax())
        assert (found // change.shape[2], found % change.shape[2]) in {
            ((y + i) // rows, (x + j) // columns) for i in range(2) for j in range(2)
        }


def test_noise_is_added_as_the_scheduler_takes_it_away(pipe: Any, latents: Tensor):
    """A step with the true answer leads from one noise level to the next."""
    scheduler, tap, clean = copy.deepcopy(pipe.scheduler), Tap(pipe), latents
    noise, kind = torch.randn_like(clean), scheduler.config.get("prediction_type", "flow_prediction")
    scheduler.set_timesteps(10, **({"mu": 1.0} if scheduler.config.get("use_dynamic_shifting") else {}))
    if hasattr(scheduler, "is_scale_input_called"):  # latents grow with the noise: clean + σ · noise
        noisy, told = tap.noised(clean, noise, 600)
        if hasattr(scheduler, "precondition_inputs"):  # EDM's
            size, sigma = scheduler.config.sigma_data, math.exp(4 * told)
            assert scheduler.precondition_noise(torch.tensor(sigma)) == pytest.approx(told)
            torch.testing.assert_close(
                noisy, scheduler.precondition_inputs(size * clean + sigma * noise, sigma)
            )
            return
        alpha = float(scheduler.alphas_cumprod[600])
        sigma = (
            math.exp(4 * told)
            if scheduler.config.get("timestep_type") == "continuous"
            else ((1 - alpha) / alpha) ** 0.5
        )
        torch.testing.assert_close(noisy, (clean + sigma * noise) / math.sqrt(1 + sigma**2))
        return
    before, after = scheduler.timesteps[3:5]
    upwards = scheduler.timesteps[0] < scheduler.timesteps[-1]  # Mochi
    x, told = tap.noised(clean, noise, 1000 - float(before) if upwards else float(before))
    assert told == pytest.approx(float(before))
    if kind == "flow_prediction":
        answer = clean - noise if upwards else noise - clean
    else:
        alpha = scheduler.alphas_cumprod[int(before)]
        answer = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
    found = scheduler.step(answer, before, x, return_dict=False)[0]
    expected, _ = tap.noised(clean, noise, 1000 - float(after) if upwards else float(after))
    torch.testing.assert_close(found, expected, atol=5e-3, rtol=0)  # UniPC rounds its timesteps


@cache
def recorded_with_keys(name: str) -> Recording:
    """Of a brief run."""
    with record(tiny(name), keys=True) as recording:
        assert torch.equal(brief(name), brief_plain(name))
    return recording


def test_taking_over_a_runs_own_keys_and_values_is_the_identity(
    name: str, pipe: Any, statistics: moft.Statistics
):
    """In all calls of the pipeline: of both parts of the guidance batch, in one call a step or in two."""
    settings, plain = replace(PLAIN, keep_keys=1), recorded_with_keys(name)
    with left_as_found(name), steer(pipe, LEFT, statistics=statistics, settings=settings, plain=plain):
        assert torch.equal(brief(name), brief_plain(name))


def test_keys_and_values_of_another_run_change_the_sample_and_the_gradient(
    name: str, pipe: Any, statistics: moft.Statistics, call: Call
):
    plain = copy.copy(recorded_with_keys(name))
    plain.begun = None  # or it is refused, since its keys are of another noise
    with steer(pipe, LEFT, statistics=statistics, settings=replace(PLAIN, keep_keys=1), plain=plain):
        kept = brief(name, seed=1)
    assert not torch.equal(kept, brief(name, seed=1))
    latents = -plain.latents[2]
    found = []
    for share in (0, 0.3, 1):  # of three steps none, the first, or all
        settings = replace(EARLY, keep_keys=share, gradient_steps=1)
        with steer(pipe, LEFT, statistics=statistics, settings=settings, plain=plain) as run:
            found.append(guided(run, latents, call, 2))
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_the_gradient_takes_over_the_conditional_part(name: str, pipe: Any, statistics: moft.Statistics):
    """At the latents of the plain run these are what the features have by themselves, in each update; but
    held fast, so that no gradient flows through them."""
    plain, losses, gradients = recorded_with_keys(name), [], []
    for share in (0, 1):
        settings = replace(EARLY, keep_keys=share)
        with steer(pipe, LEFT, statistics=statistics, settings=settings, plain=plain) as run:
            guide = guide_of(run)

            def watched(latents: Tensor, *rest: Any, usual: Any = guide.gradient) -> Any:
                loss, gradient = usual(plain.latents[1].float(), *rest)
                losses.append(loss)
                gradients.append(gradient)
                return usual(latents, *rest)

            guide.gradient = watched
            brief(name)  # which guides step 1 alone, before anything is changed
    assert losses == pytest.approx([losses[0]] * 4, rel=1e-4)
    assert torch.equal(gradients[0], gradients[1]) and not torch.allclose(
        gradients[1], gradients[2], rtol=1e-3
    )
    torch.testing.assert_close(gradients[2], gradients[3])


def test_a_clip_is_a_reference_of_its_own_motion(name: str, pipe: Any, statistics: moft.Statistics):
    size = clip_size(pipe)
    video = np.random.default_rng(1).integers(0, 255, (size.frames, size.height, size.width, 3), np.uint8)
    reference = from_clip(pipe, video, statistics=statistics, how=ClipReading(calibrated=False))
    assert reference.value.shape[0] == LATENT_FRAMES
    with steer(pipe, reference, settings=EARLY) as run:
        brief(name)
    assert run.report.steps[0]["losses"][1] < run.report.steps[0]["losses"][0]
    if type(pipe.scheduler).__name__ == "DDIMScheduler":
        inverted = from_clip(pipe, video, statistics=statistics, how=ClipReading(timestep=40, invert=True))
        assert inverted.value.shape == reference.value.shape and not torch.equal(
            inverted.value, reference.value
        )
    else:
        with pytest.raises(BackboneError, match="needs a DDIMScheduler"):
            from_clip(pipe, video, statistics=statistics, how=ClipReading(invert=True))
    with pytest.raises(RequestError, match="uint8"):
        from_clip(pipe, video.astype(np.float32), statistics=statistics)


# ---------------------------------------------------------------- what cannot be


def test_two_stage_schedulers_are_refused_with_a_remedy(name: str, pipe: Any, statistics: moft.Statistics):
    from diffusers import HeunDiscreteScheduler

    usual, pipe.scheduler = pipe.scheduler, HeunDiscreteScheduler()
    try:
        with pytest.raises(BackboneError, match="use DDIM"), steer(pipe, LEFT, statistics=statistics):
            pass
    finally:
        pipe.scheduler = usual


def test_fused_projections_are_refused_for_shared_keys_with_a_remedy():
    attention = torch.nn.Module()
    attention.fused_projections = True
    with pytest.raises(BackboneError, match="unfuse_qkv_projections"):
        SharedKV({"attn1": attention})


def test_a_cache_is_refused_with_a_remedy():
    from diffusers import FirstBlockCacheConfig

    pipe = BUILDERS["wan"]()
    pipe.transformer.enable_cache(FirstBlockCacheConfig(threshold=0.1))
    with (
        pytest.raises(BackboneError, match="disable_cache"),
        steer(pipe, LEFT, statistics=statistics_of("wan")),
    ):
        pass
    pipe.transformer.disable_cache()
    with steer(pipe, LEFT, statistics=statistics_of("wan")):
        pass


def test_float8_storage_is_refused_where_it_leaves_no_gradient():
    pipe = BUILDERS["animatediff"]()
    pipe.unet.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    with (
        pytest.raises(BackboneError, match="bfloat16"),
        steer(pipe, LEFT, statistics=statistics_of("animatediff")),
    ):
        pass


def test_an_unknown_pipeline_is_refused_listing_what_is_known():
    with pytest.raises(BackboneError, match=r"AnimateDiff.*Wan.*adding-a-backbone"), steer(object(), LEFT):
        pass


def test_a_wrapped_denoiser_is_refused_with_a_remedy():
    pipe = BUILDERS["latte"]()
    pipe.transformer = torch.nn.Sequential(pipe.transformer)
    with (
        pytest.raises(BackboneError, match=r"\.compile\(\)"),
        steer(pipe, LEFT, statistics=statistics_of("latte")),
    ):
        pass


def test_a_model_without_statistics_says_how_to_get_them(tmp_path: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MOFT_HOME", str(tmp_path))
    with pytest.raises(RequestError, match="moft channels"), steer(tiny("animatediff"), LEFT):
        pass


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": (0.5, 0.2)},
        {"gradient_steps": 0},
        {"step_size": math.nan},
        {"rule": "magic"},
        {"loss": "l9"},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]):
    with pytest.raises(RequestError, match="expected"):
        Settings(**wrong)


def test_no_warning_is_given_for_a_sound_run(name: str):
    assert not steered_sample(name)[1].report.skipped  # and warnings are errors there
