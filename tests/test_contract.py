"""One contract for every model family, on its real diffusers classes at tiny random configurations."""

from __future__ import annotations

import inspect
import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import moft
from moft.backbones import family_of
from moft.errors import BackboneError, RequestError
from moft.guidance import Settings, steer
from moft.hooks import SharedKV, capture
from moft.reference import ClipSize, find_motion_channels, from_clip, pans
from moft.tap import Tap

FRAMES, STEPS = 9, 6
SIZE = 64  # px; on fewer cells a random network's group norms see two values each and amplify rounding


def tiny_wan() -> Any:
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
    from transformers import T5Tokenizer, UMT5Config, UMT5EncoderModel

    torch.manual_seed(0)
    letters = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((c, -3.0) for c in "abcdefghilmnoprstuvy")]
    return WanPipeline(
        tokenizer=T5Tokenizer(vocab=letters, extra_ids=0, model_max_length=16),
        text_encoder=UMT5EncoderModel(
            UMT5Config(vocab_size=32, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=4)
        ).eval(),
        transformer=WanTransformer3DModel(
            patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=16, out_channels=16,
            text_dim=32, freq_dim=64, ffn_dim=32, num_layers=3, cross_attn_norm=True,
            qk_norm="rms_norm_across_heads", rope_max_seq_len=32,
        ).eval(),
        vae=AutoencoderKLWan(base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
                             temperal_downsample=[False, True, True]).eval(),
        scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
    )  # fmt: skip


@pytest.fixture(scope="session")
def wan() -> Any:
    return tiny_wan()


@pytest.fixture(params=["animatediff", "wan"])
def pipe(request: pytest.FixtureRequest) -> Any:
    chosen = request.getfixturevalue("tiny_animatediff" if request.param == "animatediff" else request.param)
    chosen.set_progress_bar_config(disable=True)
    return chosen


@pytest.fixture
def statistics(pipe: Any) -> moft.Statistics:
    """Channels of a random model: any will do, the contract is about how steering attaches."""
    photo = np.random.default_rng(0).integers(0, 255, (24, 24, 3), np.uint8)
    clips = list(pans([photo], ClipSize(FRAMES, SIZE, SIZE), speeds=(0.05,)))[1:5]
    return find_motion_channels(pipe, clips, share=0.2, batch=2)


def sample(pipe: Any, prompt: Any = "a ball", seed: int = 0, **kwargs: Any) -> torch.Tensor:
    seeds = [seed + i for i in range(len(prompt))] if isinstance(prompt, list) else [seed]
    defaults = dict(num_frames=FRAMES, height=SIZE, width=SIZE, num_inference_steps=STEPS, guidance_scale=4.0)
    kwargs = {**defaults, "output_type": "latent", **kwargs}
    return pipe(prompt, generator=[torch.Generator().manual_seed(s) for s in seeds], **kwargs).frames


def everything_about(pipe: Any) -> dict[str, Any]:
    """What a user could notice if steering left something behind."""
    denoiser = getattr(pipe, family_of(pipe).attribute)
    modules = dict(denoiser.named_modules())
    return {
        "hooks": {n: (list(m._forward_hooks), list(m._forward_pre_hooks)) for n, m in modules.items()},
        "asking": [p.requires_grad for p in denoiser.parameters()],
        "gradients": [p.grad for p in denoiser.parameters()],
        "scheduler": set(vars(pipe.scheduler)) - {"timestep_list"},
        "step": inspect.unwrap(pipe.scheduler.step).__qualname__,
        "forward": "forward" in vars(denoiser),
        "processors": {n: type(m.processor) for n, m in modules.items() if hasattr(m, "processor")},
    }


LEFT = moft.Motion("left")
EARLY = Settings(steps=(0.17, 0.67), step_size=0.2, loss="position")


def test_steering_changes_the_sample_and_leaves_no_trace(pipe: Any, statistics: moft.Statistics):
    plain, before = sample(pipe), everything_about(pipe)
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY) as run:
        steered = sample(pipe)
    assert not torch.equal(plain, steered) and len(run.report.steps) == 3
    assert everything_about(pipe) == before
    assert torch.equal(sample(pipe), plain)


def test_an_exception_inside_leaves_no_trace_either(pipe: Any, statistics: moft.Statistics):
    before = everything_about(pipe)
    with pytest.raises(KeyError), steer(pipe, LEFT, statistics=statistics, settings=EARLY):
        raise KeyError
    assert everything_about(pipe) == before


def test_zero_strength_is_plain_sampling_bit_for_bit(pipe: Any, statistics: moft.Statistics):
    with steer(pipe, moft.Motion("left", strength=0), statistics=statistics, settings=EARLY):
        steered = sample(pipe)
    assert torch.equal(steered, sample(pipe))


def test_the_callback_and_the_wrapped_step_are_the_same(pipe: Any, statistics: moft.Statistics):
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY):
        wrapped = sample(pipe)
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY, by_callback=True) as run:
        called = sample(pipe, callback_on_step_end=run.callback)
    assert torch.equal(wrapped, called)


def test_the_loss_falls_and_stays_down(pipe: Any, statistics: moft.Statistics):
    """Over the guided steps; with UniPC, whose corrector restores the old latents, this fails unless it is told."""
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY) as run:
        sample(pipe)
    first, last = (run.report.steps[i]["losses"] for i in (0, -1))
    assert first[1] < first[0] and last[0] < first[0]


def test_unipc_keeps_what_guidance_did(wan: Any, statistics: moft.Statistics, pipe: Any):
    if pipe is not wan:
        pytest.skip("UniPC is Wan's")
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY) as run:
        sample(pipe)
    losses = [step["losses"] for step in run.report.steps]
    gained, lost = losses[0][0] - losses[0][1], losses[1][0] - losses[0][1]
    assert lost < 0.5 * gained


def test_the_conditional_early_exit_gradient_is_the_full_one(pipe: Any, statistics: moft.Statistics):
    """Against a forward pass of the whole denoiser on both halves, the loss reading the conditional one."""
    tap, t, calls = Tap(pipe), torch.tensor(500), []
    with tap.listen(calls):
        latents = sample(pipe, num_inference_steps=2)
    step = calls[: 1 if calls[0][tap.family.latents].shape[0] == 2 else 2]
    target = torch.randn(1, 1, len(statistics.channels), 1, 1)

    def loss(features: torch.Tensor) -> torch.Tensor:
        return moft_loss(features, target, statistics)

    x = latents.clone().requires_grad_(True)
    (ours,) = torch.autograd.grad(loss(tap.features(x, t, tap.conditional(step, 1))), x)

    x = latents.clone().requires_grad_(True)
    call, both = dict(step[0]), step[0][tap.family.latents].shape[0]
    call[tap.family.latents] = x.expand(both, -1, -1, -1, -1)
    call["timestep"] = torch.full_like(torch.as_tensor(call["timestep"]), 500)
    with capture(tap.denoiser, [tap.layer]) as seen:
        tap.denoiser(**call)
    output = seen[tap.layer]
    full = tap.family.to_features(output, call, tap.denoiser)[-1:]
    (theirs,) = torch.autograd.grad(loss(full), x)
    assert (ours - theirs).norm() / theirs.norm() < 1e-5


def moft_loss(features: torch.Tensor, target: torch.Tensor, statistics: moft.Statistics) -> torch.Tensor:
    from moft.feature import moft as motion_feature
    from moft.feature import position_loss

    return position_loss(motion_feature(features, statistics.channels), target)


def _latent_shape(pipe: Any) -> tuple[int, ...]:
    return tuple(sample(pipe, num_inference_steps=1).shape[1:])


def test_a_batch_does_not_mix_its_clips(pipe: Any, statistics: moft.Statistics):
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY):
        both = sample(pipe, ["a ball", "an uneven plain"])
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY):
        alone = sample(pipe, ["an uneven plain"], seed=1)
    torch.testing.assert_close(both[1:], alone, atol=2e-3, rtol=1e-3)


def test_inference_mode_makes_no_difference(pipe: Any, statistics: moft.Statistics):
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY):
        usual = sample(pipe)
    with torch.inference_mode(), steer(pipe, LEFT, statistics=statistics, settings=EARLY):
        inferred = sample(pipe)
    assert torch.equal(usual, inferred)


def test_gradient_checkpointing_makes_no_difference(pipe: Any, statistics: moft.Statistics):
    denoiser = getattr(pipe, family_of(pipe).attribute)
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY):
        usual = sample(pipe)
    denoiser.enable_gradient_checkpointing()
    try:
        with steer(pipe, LEFT, statistics=statistics, settings=EARLY):
            saving = sample(pipe)
    finally:
        denoiser.disable_gradient_checkpointing()
    torch.testing.assert_close(usual, saving, atol=1e-5, rtol=1e-5)


def test_guidance_off_still_steers(pipe: Any, statistics: moft.Statistics):
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY) as run:
        sample(pipe, guidance_scale=1.0)
    assert len(run.report.steps) == 3


def test_sharing_a_runs_own_keys_and_values_is_the_identity(pipe: Any):
    tap = Tap(pipe)
    latents = torch.randn(1, *_latent_shape(pipe))
    call = tap.first_call(["a ball"], latents)
    import re

    sites = [n for n, _ in tap.denoiser.named_modules() if re.fullmatch(tap.family.kv_sites, n)]
    shared = SharedKV(tap.denoiser, sites)
    assert sites
    with shared.record(0, cfg=1):
        recorded = tap.features_of(latents, 500, call)
    with shared.replay(0):
        assert torch.equal(tap.features_of(latents, 500, call), recorded)
        assert not torch.equal(tap.features_of(-latents, 500, call), tap_plain(tap, -latents, call, shared))


def tap_plain(tap: Tap, latents: torch.Tensor, call: dict[str, Any], shared: SharedKV) -> torch.Tensor:
    bank, shared.bank = shared.bank, {}
    other = Tap(tap.pipe)
    attentions = [a.get_submodule(p) for a in shared.attentions.values() for p in ("to_k", "to_v")]
    hooks = [dict(m._forward_pre_hooks) for m in attentions]
    for module in attentions:
        module._forward_pre_hooks.clear()
    try:
        return other.features_of(latents, 500, call)
    finally:
        shared.bank = bank
        for module, kept in zip(attentions, hooks, strict=True):
            module._forward_pre_hooks.update(kept)


def test_a_region_keeps_the_gradient_inside(pipe: Any, statistics: moft.Statistics):
    mask = np.zeros((8, 8), np.float32)
    mask[:, 4:] = 1
    shape = _latent_shape(pipe)
    tap = Tap(pipe)
    latents = torch.randn(1, *shape)
    with steer(pipe, LEFT, statistics=statistics, settings=EARLY, regions=[mask]) as run:
        moved = run.guide(latents, torch.tensor(500), tap.first_call(["a ball"], latents), 1)
    half = shape[-1] // 2
    assert torch.equal(moved[..., :half], latents[..., :half])
    assert not torch.equal(moved[..., half:], latents[..., half:])


def test_a_frame_clip_leaves_later_frames_alone(pipe: Any, statistics: moft.Statistics):
    latents = torch.randn(1, *_latent_shape(pipe))
    settings = Settings(clip_frames=2)
    with steer(pipe, LEFT, statistics=statistics, settings=settings) as run:
        moved = run.guide(latents, torch.tensor(500), Tap(pipe).first_call(["a ball"], latents), 1)
    changed = (moved - latents).abs().amax((0, 1, 3, 4)) > 0
    assert changed.tolist() == [True, True] + [False] * (latents.shape[2] - 2)


def test_a_gradient_that_is_not_finite_is_skipped_with_a_warning(pipe: Any, statistics: moft.Statistics):
    latents = torch.randn(1, *_latent_shape(pipe))
    call = Tap(pipe).first_call(["a ball"], latents)
    with steer(pipe, LEFT, statistics=statistics) as run, pytest.warns(RuntimeWarning, match="not finite"):
        moved = run.guide(latents * math.inf, torch.tensor(500), call, 1)
    assert run.report.skipped == 2 and torch.equal(moved, latents * math.inf)


def test_bfloat16_weights_steer_alike(pipe: Any, statistics: moft.Statistics):
    latents = torch.randn(1, *_latent_shape(pipe), generator=torch.Generator().manual_seed(0))
    denoiser = getattr(pipe, family_of(pipe).attribute)
    call = Tap(pipe).first_call(["a ball"], latents)
    with steer(pipe, LEFT, statistics=statistics) as run:
        _, exact = run.gradient(latents, torch.tensor(500), call)
        denoiser.to(torch.bfloat16)
        try:
            low = {k: v.bfloat16() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for k, v in call.items()}
            _, rough = run.gradient(latents, torch.tensor(500), low)
        finally:
            denoiser.to(torch.float32)
    assert exact is not None and rough is not None
    assert torch.cosine_similarity(exact.flatten(), rough.flatten(), 0) > 0.95


def test_a_clip_is_a_reference_of_its_own_motion(pipe: Any, statistics: moft.Statistics):
    video = np.random.default_rng(1).integers(0, 255, (FRAMES, SIZE, SIZE, 3), np.uint8)
    reference = from_clip(pipe, video, statistics=statistics)
    with steer(pipe, reference, settings=EARLY) as run:
        sample(pipe)
    assert run.report.steps[0]["losses"][1] < run.report.steps[0]["losses"][0]
    with pytest.raises(RequestError, match="uint8"):
        from_clip(pipe, video.astype(np.float32), statistics=statistics)


def test_animatediff_features_keep_frames_and_grid(tiny_animatediff: Any):
    family = family_of(tiny_animatediff)
    b, f, h, w = 2, 3, 4, 5
    planted = torch.arange(b * f * h * w).view(b, f, 1, h, w)
    output = planted.flatten(0, 1)
    sample = torch.zeros(b, 12, f, h, w)
    assert torch.equal(family.to_features(output, {"sample": sample}, tiny_animatediff.unet), planted)


def test_wan_features_keep_frames_and_grid(wan: Any):
    """A pattern planted in the latents comes out where it was put: the patch embedding tells which token is where."""
    latents = torch.zeros(1, 16, 3, 8, 12)
    latents[0, :, 1, 4:6, 8:10] = 100.0
    tokens = wan.transformer.patch_embedding(latents).flatten(2).transpose(1, 2)
    grid = family_of(wan).to_features(tokens, {"hidden_states": latents}, wan.transformer)
    assert grid.shape[1:] == (3, 24, 4, 6)
    odd = (grid - wan.transformer.patch_embedding.bias[:, None, None]).abs().sum(2)[0] > 1e-3
    assert odd.nonzero().tolist() == [[1, 2, 4]]


def test_two_stage_schedulers_are_refused_with_a_remedy(tiny_animatediff: Any, tiny_statistics: moft.Statistics):
    from diffusers import HeunDiscreteScheduler

    usual = tiny_animatediff.scheduler
    tiny_animatediff.scheduler = HeunDiscreteScheduler.from_config(usual.config)
    try:
        with pytest.raises(BackboneError, match="use DDIM"), steer(tiny_animatediff, LEFT, statistics=tiny_statistics):
            pass
    finally:
        tiny_animatediff.scheduler = usual


def test_an_unknown_pipeline_is_refused_listing_what_is_known():
    with pytest.raises(BackboneError, match=r"AnimateDiff.*Wan"), steer(object(), LEFT):
        pass


def test_a_model_without_statistics_says_how_to_get_them(tiny_animatediff: Any, tmp_path, monkeypatch):
    monkeypatch.setenv("MOFT_HOME", str(tmp_path))
    with pytest.raises(RequestError, match="moft channels"), steer(tiny_animatediff, LEFT):
        pass


@pytest.mark.parametrize(
    "wrong",
    [{"steps": (0.5, 0.2)}, {"gradient_steps": 0}, {"step_size": math.nan}, {"rule": "magic"}, {"loss": "l9"}],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]):
    with pytest.raises(RequestError, match="expected"):
        Settings(**wrong)


def test_no_warning_is_given_for_a_sound_run(tiny_animatediff: Any, tiny_statistics: moft.Statistics):
    tiny_animatediff.set_progress_bar_config(disable=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with steer(tiny_animatediff, LEFT, statistics=tiny_statistics, settings=EARLY):
            sample(tiny_animatediff)
