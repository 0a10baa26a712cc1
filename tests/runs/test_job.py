"""A job is plain JSON, made without torch, and what is out of range in it is said by its name."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from functools import partial
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


@pytest.mark.parametrize("cls", [moft.Scene, moft.Settings, moft.Motion, moft.Like, moft.Along, moft.Drag])
def test_of_every_field_something_is_said(cls: Any) -> None:
    told = said_of(cls)
    assert set(told) == set(cls.__dataclass_fields__)
    assert all(about.help.endswith(".") or about.help[-1].isalnum() for about in told.values())


def test_the_files_of_a_job_are_those_it_names() -> None:
    scene = moft.Scene("a", image="first.png")
    requests = (moft.Motion("left", region="m.png"), moft.Like("a.mp4", region="rest", like_region="m.png"))
    assert moft.Job(scene, requests).files == ["m.png", "a.mp4", "first.png"]
    along = moft.Along("a_tracks.npy", region="m.png")
    assert moft.Job(scene, (along,)).files == ["a_tracks.npy", "a_visibility.npy", "m.png", "first.png"]
    parts = (moft.Like("b.mp4#mover", region="m.png#2"), moft.Like("b.mp4#ground", region="rest"))
    assert moft.Job(scene, parts).files == ["b.mp4", "m.png", "first.png"]


# ---------------------------------------------------------------- what is written can be read


NUMBERS = [
    math.nan,
    math.inf,
    -math.inf,
    1e300,
    -1e300,
    1e308,
    5e-324,
    2**63,
    2**63 - 1,
    10**400,
    -1,
    0,
    1,
    0.5,
]
ODD = [*NUMBERS, *map(str, NUMBERS[:8]), "1e300px", "nan%", "inf"]
MOTION, LIKE = partial(moft.Motion, "left"), partial(moft.Like, "a.mp4")
OF_REQUESTS = [
    lambda v, cls=cls, n=n: moft.Job(moft.Scene("a"), (cls(**{n: v}),))
    for cls in (MOTION, LIKE)
    for n in ("strength", "steps", "speed", "span", "ease", "like_frames", "per_position", "region")
    if n in cls.func.__dataclass_fields__
]
OF_OTHERS = [
    *[lambda v, n=n: moft.Job(moft.Scene(**{n: v}), JOB.requests) for n in moft.Scene.__dataclass_fields__],
    *[
        lambda v, n=n: moft.Job(moft.Scene("a"), JOB.requests, moft.Settings(**{n: v}))
        for n in moft.Settings.__dataclass_fields__
    ],
    lambda v: moft.Job(moft.Scene("a"), JOB.requests, retries=v),
    lambda v: moft.Job(moft.Scene("a"), (moft.Motion(v),)),
    lambda v: moft.Job(moft.Scene("a"), (moft.Motion(path=[(0, 0), (v, 0)]),)),
    lambda v: moft.Job(moft.Scene("a"), (moft.Drag([[(v, 3), (9, 9)]]),)),
    lambda v: moft.Job(moft.Scene("a"), (moft.Drag([[(3, 3), (9, 9)]], v),)),
    lambda v: moft.Job(moft.Scene("a", moft.ClipSize(v, 64, 64)), JOB.requests),
]


@pytest.mark.parametrize("make", [*OF_REQUESTS, *OF_OTHERS])
@pytest.mark.parametrize(
    "wrap", [lambda v: v, lambda v: (v, 1), lambda v: (0, v)], ids=["one", "end", "pair"]
)
def test_every_number_is_refused_or_written_and_read_back_as_it_is(make: Any, wrap: Any) -> None:
    for value in ODD:
        try:
            job = make(wrap(value))
        except moft.MoftError:
            continue
        text = json.dumps(job.to_json(), allow_nan=False)
        assert moft.Job.from_json(json.loads(text)) == job, value
