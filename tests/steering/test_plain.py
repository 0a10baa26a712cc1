"""A plain run of another seed, clip, prompt, scheduler or guidance than the steered one is noticed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from steered import EARLY, LEFT, statistics_of
from tiny import clip_size, sample, tiny

from moft.errors import RequestError
from moft.steering.entry import steer
from moft.steering.recording import Recording, invert, record


def plain(name: str, **kwargs: Any) -> Recording:
    with record(tiny(name)) as recording:
        sample(tiny(name), num_inference_steps=3, **kwargs)
    return recording


def steered(name: str, recording: Recording, **kwargs: Any) -> torch.Tensor:
    region = {"regions": ["box:0,0,50%,100%"], "statistics": statistics_of(name), "settings": EARLY}
    with steer(tiny(name), LEFT, plain=recording, **region):
        return sample(tiny(name), num_inference_steps=3, **kwargs)


@pytest.mark.parametrize("name", ["animatediff", "wan", "svd", "ltx"])
def test_a_plain_run_of_another_seed_is_refused_and_of_the_same_is_not(name: str) -> None:
    recording = plain(name)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*the plain run")
        steered(name, recording)
    with pytest.raises(RequestError, match="another seed or other latents"):
        steered(name, recording, seed=1)


@pytest.mark.parametrize("name", ["animatediff", "wan"])
@pytest.mark.parametrize("call", [{"guidance_scale": 1.0}, {"negative_prompt": "ugly"}], ids=str)
def test_a_plain_run_with_another_guidance_batch_is_told(name: str, call: dict[str, Any]) -> None:
    """Wan asks for it by a call of its own."""
    recording = plain(name)
    with pytest.warns(UserWarning, match=r"told other words than this one \(encoder_hidden_states"):
        steered(name, recording, **call)


def test_a_plain_run_of_another_guidance_scale_is_told() -> None:
    recording = plain("animatediff")
    with pytest.warns(UserWarning, match="the first step of the plain run came out otherwise"):
        steered("animatediff", recording, guidance_scale=1.5)


@contextmanager
def scheduled(kind: str, **changes: Any) -> Iterator[None]:
    pipe = tiny("animatediff")
    usual = pipe.scheduler
    pipe.scheduler = getattr(diffusers, f"{kind}Scheduler").from_config(usual.config, **changes)
    try:
        yield
    finally:
        pipe.scheduler = usual


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("EulerDiscrete", {}),
        ("EulerDiscrete", {"timestep_spacing": "leading"}),  # at the same timesteps, of another scale
        ("DDIM", {"timestep_spacing": "trailing"}),
        ("DPMSolverMultistep", {}),
    ],
)
def test_a_plain_run_of_another_scheduler_is_refused(kind: str, changes: dict[str, Any]) -> None:
    recording = plain("animatediff")
    with scheduled(kind, **changes), pytest.raises(RequestError, match="and the same scheduler"):
        steered("animatediff", recording)


def test_a_plain_run_of_a_scheduler_that_steps_otherwise_is_told() -> None:
    recording = plain("animatediff")
    with scheduled("DDPM"), pytest.warns(UserWarning, match="came out otherwise"):
        steered("animatediff", recording)


def test_an_inverted_clip_is_of_its_own_schedule_and_told_nothing() -> None:
    pipe, size = tiny("animatediff"), clip_size(tiny("animatediff"))
    shape = (size.frames, size.height, size.width, 3)
    clip = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    inverted = invert(pipe, clip, steps=3)
    start = {"latents": inverted.start, "guidance_scale": 1.0, "prompt": ""}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*the plain run")
        steered("animatediff", inverted, **start)
    with scheduled("DDIM", timestep_spacing="trailing"), pytest.raises(RequestError, match="same scheduler"):
        steered("animatediff", inverted, **start)


@pytest.mark.parametrize(
    "name", ["animatediff", "wan", "ltx", "latte", "cogvideox", "mochi", "hunyuan", "allegro", "modelscope"]
)
def test_a_plain_run_of_another_prompt_is_told(name: str) -> None:
    recording = plain(name)
    with pytest.warns(UserWarning, match="the plain run was told other words"):
        steered(name, recording, prompt="blue stripes")
