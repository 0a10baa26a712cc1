"""Each family knows how many frames a second its clips are meant to be seen at."""

from __future__ import annotations

import inspect

import pytest
from tiny import tiny

from moft.models.families import FAMILIES, family_of

RATES = {  # of what diffusers or the models' authors write
    "Allegro": 15,
    "AnimateDiff": 8,
    "CogVideoX": 8,
    "HunyuanVideo": 24,
    "LTX": 25,
    "Latte": 8,
    "Mochi": 30,
    "ModelScope": 8,
    "Stable Video Diffusion": 7,
    "Wan": 16,
}


def test_every_family_has_its_rate() -> None:
    assert {family.name: family.fps for family in FAMILIES} == RATES


@pytest.mark.parametrize(("name", "argument"), [("svd", "fps"), ("ltx", "frame_rate")])
def test_a_pipeline_that_is_told_a_rate_is_told_that_of_its_family(name: str, argument: str) -> None:
    told = inspect.signature(tiny(name).__call__).parameters[argument].default
    assert told == family_of(tiny(name)).fps
