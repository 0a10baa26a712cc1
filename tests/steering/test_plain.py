"""A plain run of another seed, clip or prompt than the steered one is noticed."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from steered import EARLY, LEFT, statistics_of
from tiny import sample, tiny

from moft.errors import RequestError
from moft.steering.entry import steer
from moft.steering.recording import Recording, record


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
        warnings.filterwarnings("error", message="the plain run was told")
        steered(name, recording)
    with pytest.raises(RequestError, match="another seed or other latents"):
        steered(name, recording, seed=1)


@pytest.mark.parametrize(
    "name", ["animatediff", "wan", "ltx", "latte", "cogvideox", "mochi", "hunyuan", "allegro", "modelscope"]
)
def test_a_plain_run_of_another_prompt_is_told(name: str) -> None:
    recording = plain(name)
    with pytest.warns(UserWarning, match="the plain run was told other words"):
        steered(name, recording, prompt="blue stripes")
