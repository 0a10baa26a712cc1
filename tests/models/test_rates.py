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
    "ConsisID": 8,
    "Cosmos 1": 30,
    "Cosmos 2.5": 16,
    "EasyAnimate": 8,
    "HunyuanVideo": 24,
    "HunyuanVideo 1.5": 24,
    "Kandinsky 5": 24,
    "LTX": 25,
    "LTX-2": 24,
    "Latte": 8,
    "Mochi": 30,
    "ModelScope": 8,
    "Sana Video": 16,
    "SkyReels V2": 24,
    "Stable Video Diffusion": 7,
    "Wan": 16,
    "Wan VACE": 16,
}


def test_every_family_has_its_rate() -> None:
    assert {family.name: family.fps for family in FAMILIES} == RATES


@pytest.mark.parametrize(
    ("name", "argument"), [("svd", "fps"), ("ltx", "frame_rate"), ("ltx2", "frame_rate"), ("cosmos", "fps")]
)
def test_a_pipeline_that_is_told_a_rate_is_told_that_of_its_family(name: str, argument: str) -> None:
    told = inspect.signature(tiny(name).__call__).parameters[argument].default
    assert told == family_of(tiny(name)).fps
