"""The other pipelines of the families: each steered once, the loss falls and stays down, no trace is left."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from steered import (
    EARLY,
    LEFT,
    assert_fused_features_are_the_same,
    assert_the_loss_stays_down,
    brief,
    left_as_found,
    plain_sample,
    statistics_of,
    steered_sample,
)
from tiny import BUILDERS, CELLS, LATENT_FRAMES, VARIANTS, clip_size, sample, tiny

import moft
from moft.errors import BackboneError
from moft.feature.reference import ClipReading, from_clip
from moft.feature.statistics import find_motion_channels
from moft.models.calls import timestep_of
from moft.models.families import FAMILIES, family_of
from moft.models.families.inputs import inputs_of
from moft.models.hooks import capture
from moft.models.pipeline import usual_level
from moft.models.tap import Tap
from moft.steering.entry import steer
from moft.steering.settings import Settings

UNREAD = [  # they want a clip beside the prompt, and share their model with a pipeline that does not
    "animatediff_controlnet",
    "animatediff_video",
    "animatediff_video_controlnet",
    "cogvideox_video",
    "modelscope_video",
    "ltx_condition",
    "wan_video",
]


@pytest.fixture(scope="module", params=VARIANTS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_a_variant_is_steered_and_as_it_was_afterwards(name: str):
    with left_as_found(name):
        steered, run = steered_sample(name)
    assert not torch.equal(plain_sample(name), steered)
    assert all(step["losses"][1] < step["losses"][0] for step in run.report.steps)


def test_its_loss_stays_down_after_the_guided_steps(name: str):
    assert_the_loss_stays_down(name)


def test_what_is_read_in_passing_is_what_is_read_by_itself(name: str):
    assert_fused_features_are_the_same(name)


def test_its_conditional_early_exit_features_are_the_full_ones(name: str):
    """What conditions is in them too: residuals of a control net, image latents, given frames."""
    tap, calls = Tap(tiny(name)), []
    with tap.listen(calls):
        sample(tiny(name), num_inference_steps=2)
    with torch.no_grad(), capture(tap.denoiser, [tap.layer]) as seen:
        tap.denoiser(**calls[0])
    full = tap.grid(seen[tap.layer], calls[0])[-1:]
    call = tap.conditional(calls, 1)
    latents = tap.inputs(call)[
        :, : tap.inputs(call).shape[1] // 2
    ]  # whatever is left out comes from the call
    found = tap.features_of(latents, timestep_of(call, tap.family), call)
    torch.testing.assert_close(found, full, atol=2e-5, rtol=1e-4)


def test_a_clip_is_read_or_the_way_to_read_it_is_told(name: str):
    pipe, size = tiny(name), clip_size(tiny(name))
    video = np.random.default_rng(1).integers(0, 255, (size.frames, size.height, size.width, 3), np.uint8)
    if name in UNREAD:
        with pytest.raises(BackboneError, match="from_pipe"):
            from_clip(pipe, video, statistics=statistics_of(name))
    else:
        reference = from_clip(pipe, video, statistics=statistics_of(name), how=ClipReading(calibrated=False))
        assert reference.value.shape[0] == LATENT_FRAMES and reference.value.isfinite().all()


@pytest.mark.parametrize("name", UNREAD)
def test_the_advice_to_read_through_the_first_pipeline_works(name: str):
    import diffusers

    pipe = tiny(name)
    first = getattr(diffusers, next(iter(family_of(pipe).pipelines)))
    size = clip_size(pipe)
    video = np.random.default_rng(1).integers(0, 255, (size.frames, size.height, size.width, 3), np.uint8)
    known, how = statistics_of(name), ClipReading(calibrated=False)
    reference = from_clip(first.from_pipe(pipe), video, statistics=known, how=how)
    with steer(pipe, reference, settings=EARLY) as run:
        brief(name)
    assert len(run.report.steps) == 1


@pytest.mark.parametrize("name", ["ltx_image", "ltx_condition", "wan22_5b_image"])
def test_a_given_first_frame_stays_as_it_is(name: str):
    plain, steered = plain_sample(name), steered_sample(name)[0]
    if plain.ndim == 3:  # LTX's packed tokens, frame by frame
        plain, steered = (x.unflatten(1, (LATENT_FRAMES, *CELLS)).movedim(-1, 1) for x in (plain, steered))
    tap, calls = Tap(tiny(name)), []
    with tap.listen(calls):
        sample(tiny(name), num_inference_steps=2)
    call = tap.conditional(calls, 1)
    x = torch.randn(tap.inputs(call).shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(tap.read(x, 500.0, call).square().sum(), x)
    assert not gradient[:, :, 0].any() and gradient[:, :, 1:].any()  # nor does the loss ask for it
    assert torch.equal(plain[:, :, 0], steered[:, :, 0]) and not torch.allclose(
        plain[:, :, 1:], steered[:, :, 1:]
    )


def test_a_picture_for_a_later_frame_is_refused_since_its_tokens_have_no_place_in_the_grid():
    pipe = tiny("ltx_condition")
    with (
        steer(pipe, LEFT, statistics=statistics_of("ltx_condition")),
        pytest.raises(BackboneError, match="frame_index=0"),
    ):
        sample(pipe, frame_index=8)


@pytest.mark.parametrize("level", [1000, 300])
def test_of_two_denoisers_only_the_one_that_was_read_is_steered(level: int):
    pipe = tiny("wan22")
    statistics = replace(statistics_of("wan22"), timestep=level)
    with steer(pipe, LEFT, statistics=statistics, settings=Settings(steps=(0.17, 1), loss="position")) as run:
        sample(pipe)
    told = [step["timestep"] for step in run.report.steps]
    expected = [float(t) for t in pipe.scheduler.timesteps[1:] if (t >= 900) == (level >= 900)]
    assert told == expected and told
    assert run.tap.denoiser is (pipe.transformer if level == 1000 else pipe.transformer_2)


def test_of_two_denoisers_the_first_is_looked_at_since_motion_is_decided_there():
    """Else the guided steps, the early ones, would all belong to the denoiser that was not read."""
    video = np.random.default_rng(1).integers(0, 255, (2, 13, 32, 48, 3), np.uint8)
    clips = [(clip, moft.Motion(way)) for clip, way in zip(video, ("left", "up"), strict=True)]
    pipe = tiny("wan22")
    found = find_motion_channels(pipe, clips, share=0.1)
    assert found.timestep == 900 and Tap(pipe, found.layer, found.timestep).denoiser is pipe.transformer
    assert usual_level(tiny("wan")) == usual_level(tiny("animatediff")) == 300


def test_true_guidance_of_a_distilled_model_reads_the_conditional_call():
    """HunyuanVideo with a negative prompt makes two calls a step."""
    pipe, calls = tiny("hunyuan"), []
    tap = Tap(pipe)
    with tap.listen(calls):
        sample(pipe, num_inference_steps=1, true_cfg_scale=3.0, negative_prompt="a plain")
    conditional = tap.conditional(calls, 1)
    calls.clear()
    with tap.listen(calls):
        sample(pipe, num_inference_steps=1)
    assert torch.equal(conditional["encoder_hidden_states"], calls[0]["encoder_hidden_states"])


def test_a_pipeline_that_only_shares_a_known_denoiser_is_refused():
    """It may call the denoiser in ways that nobody has tried."""
    pipe = type("WanOfTomorrowPipeline", (), {"transformer": tiny("wan").transformer})()
    with pytest.raises(BackboneError, match="WanOfTomorrowPipeline; known"), steer(pipe, LEFT):
        pass


@pytest.mark.parametrize("name", [*BUILDERS, *VARIANTS])
def test_the_table_says_what_a_pipeline_starts_from(name: str):
    pipe, takes = tiny(name), inputs_of(tiny(name))
    first = {"image", "controlnet_frame_indices", "conditions"} & takes.keys()
    told = {
        "text": "prompt" in takes,
        "image": bool(first),
        "video": bool(
            {"video", "control_video", "conditions"} & takes.keys()
            or "conditioning_frames" in takes
            and not first
        ),
    }
    words = set(
        re.findall(r"\w+", family_of(pipe).pipelines[type(pipe).__name__])
    )  # in brackets those that may
    assert words == {word for word, so in told.items() if so}


def test_every_pipeline_of_the_table_is_tried():
    built = {type(tiny(name)).__name__ for name in (*BUILDERS, *VARIANTS)}
    assert built == {name for family in FAMILIES for name in family.pipelines}
