"""A job is plain JSON, made without torch, and what is out of range in it is said by its name."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import moft
from moft.request.said import said_of

JOB = moft.Job(
    moft.Scene("red cells", moft.ClipSize(8, 64, 64), seed=3),
    (moft.Motion("left", region="box:0,0,50%,100%"), moft.Like("a.mp4", like_frames=(0, 8))),
    moft.Settings(step_size=0.4, fused=True),
    retries=2,
)


def test_a_job_comes_back_from_its_json() -> None:
    assert moft.Job.from_json(json.loads(json.dumps(JOB.to_json()))) == JOB


def test_what_has_a_default_may_be_left_out() -> None:
    job = moft.Job.from_json({"prompt": "red cells", "requests": [{"direction": "left"}]})
    assert job == moft.Job(moft.Scene("red cells"), (moft.Motion("left"),))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"seed": -1}, "seed"),
        ({"steps": 0}, "steps"),
        ({"requests": []}, "number of requests"),
        ({"requests": [{"points": [[[1, 2]]]}, {"direction": "left"}]}, "a run with a drag"),
        ({"settings": {"rule": "eval"}}, "rule among normalised"),
        ({"settings": {"keep": 2}}, "keep in 0…1"),
        ({"settings": {"fused": True, "keep_keys": 0.5}}, "fused or keep_keys"),
        ({"retries": 101}, "retries"),
        ({"size": {"frames": 8}}, "size.height"),
    ],
)
def test_what_is_out_of_range_is_said_by_name(change: dict[str, Any], word: str) -> None:
    with pytest.raises(moft.RecipeError, match=word):
        moft.Job.from_json({"prompt": "a", "requests": [{"direction": "left"}], **change})


def test_a_job_needs_no_torch() -> None:
    program = "import moft, sys; moft.Job(moft.Scene('a'), (moft.Motion('left'),)).to_json(); "
    program += "print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("cls", [moft.Scene, moft.Settings, moft.Motion, moft.Like, moft.Drag])
def test_of_every_field_something_is_said(cls: Any) -> None:
    told = said_of(cls)
    assert set(told) == set(cls.__dataclass_fields__)
    assert all(about.help.endswith(".") or about.help[-1].isalnum() for about in told.values())


def test_the_files_of_a_job_are_those_it_names() -> None:
    scene = moft.Scene("a", image="first.png")
    requests = (moft.Motion("left", region="m.png"), moft.Like("a.mp4", region="rest", like_region="m.png"))
    assert moft.Job(scene, requests).files == ["m.png", "a.mp4", "first.png"]
