"""The form is what is said of the fields of a job, and nothing else."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

import moft
from moft.app.asked.form import form
from moft.request.motion import DIRECTIONS
from moft.request.said import said_of

ASKED = (moft.Motion, moft.Like, moft.Along, moft.Drag, moft.Scene, moft.Settings, moft.Job)
VALUES = {
    "text": "x",
    "number": 1.0,
    "integer": 2,
    "boolean": True,
    "pair": [0.1, 0.5],
    "points": [[0, 0], [0.5, 0]],
    "trajectories": [[[9, 9], [20, 20]]],
    "size": {"frames": 8, "height": 64, "width": 64},
}


@pytest.mark.parametrize("cls", ASKED)
def test_every_field_is_asked_with_what_is_said_of_it(cls: type) -> None:
    asked = form()[cls.__name__]["fields"]
    assert list(asked) == [field.name for field in fields(cls) if field.name in said_of(cls)]
    for name, about in said_of(cls).items():
        assert asked[name]["help"] == about.help and asked[name]["unit"] == about.unit
        assert (asked[name]["least"], asked[name]["most"]) == (about.least, about.most)
        assert asked[name]["choices"] == (None if about.options is None else list(about.options))
        assert asked[name]["type"] in VALUES


def test_what_is_required_is_what_has_no_default() -> None:
    required = {
        cls.__name__: [name for name, one in form()[cls.__name__]["fields"].items() if one["required"]]
        for cls in ASKED
    }
    assert required == {
        **dict.fromkeys((cls.__name__ for cls in ASKED), []),
        "Like": ["like"],
        "Along": ["field"],
        "Drag": ["points"],
    }


def test_a_value_of_each_type_makes_a_job() -> None:
    """What the page fills in by type, `Job.from_json` takes."""
    scene = {
        name: VALUES[one["type"]]
        for name, one in form()["Scene"]["fields"].items()
        if one["type"] in ("size", "integer") or name == "prompt"
    }
    for name, one in form()["Motion"]["fields"].items():
        if one["type"] == "pair":
            moft.Job.from_json({**scene, "requests": [{"direction": "left", name: VALUES["pair"]}]})
    moft.Job.from_json({**scene, "requests": [{"path": VALUES["points"]}]})
    moft.Job.from_json({**scene, "requests": [{"points": VALUES["trajectories"]}]})


def test_it_is_plain_json_with_the_names_of_directions() -> None:
    told = json.loads(json.dumps(form()))
    assert told["directions"] == DIRECTIONS
    for name in (*told["zooms"], *told["turns"], *told["directions"]):
        assert moft.Motion(name).direction == name
    for ease in told["eases"]:
        moft.Motion("left", ease=ease)
