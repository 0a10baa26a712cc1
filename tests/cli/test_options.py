"""From what was typed to requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from moft.cli.options import requests_of
from moft.errors import MoftError, RecipeError, RequestError
from moft.request.along import Along
from moft.request.like import Like
from moft.request.motion import Motion
from moft.request.parse import read_requests_file


def typed(*options: tuple[str, Any], **flags: bool) -> list[Motion | Like | Along]:
    """As the command line gives them: names in order, values by name."""
    given: dict[str, list[Any]] = {}
    for name, value in options:
        given.setdefault(name, []).append(value)
    return requests_of([name for name, _ in options], given, **flags)


def test_a_field_is_a_request_with_a_region_and_a_strength_of_its_own() -> None:
    found = typed(
        ("motion", "left"), HALF, ("strength", 1.0), ("field", "a.npz"), ("region", "rest"), ("strength", 2.0)
    )
    assert found == [Motion("left", region=HALF[1]), Along("a.npz", region="rest", strength=2)]
    with pytest.raises(RequestError, match="--speed"):
        typed(("field", "a.npz"), ("speed", "2px"))


HALF = ("region", "box:0,0,50%,100%")


def test_each_request_has_the_region_typed_for_it() -> None:
    found = typed(("motion", "left 2px"), HALF, ("motion", "right 1%"), ("region", "rest"))
    assert found == [Motion("left", speed="2px", region=HALF[1]), Motion("right", speed="1%", region="rest")]


def test_kinds_keep_the_order_in_which_they_were_typed() -> None:
    found = typed(
        ("like", "a.mp4"),
        ("motion", "left"),
        ("like", "b.mp4"),
        ("path", "0,0 -0.3,0.1 0,0"),
        *(("region", f"box:{x},0,1,1") for x in range(4)),
        ("like_region", "box:9,9,9,9"),
        ("like_frames", "0:8"),
        ("like_frames", "2:9"),
        per_position=True,
    )
    assert typed(("like", "a.mp4"), by="moft") == [Like("a.mp4", by="moft")]
    assert found == [
        Like("a.mp4", "box:0,0,1,1", "box:9,9,9,9", (0, 8), per_position=True),
        Motion("left", region="box:1,0,1,1"),
        Like("b.mp4", "box:2,0,1,1", "box:9,9,9,9", (2, 9), per_position=True),
        Motion(path=((0, 0), (-0.3, 0.1), (0, 0)), region="box:3,0,1,1"),
    ]


def test_once_is_for_all_that_it_can_go_with() -> None:
    found = typed(
        ("motion", "left"),
        ("motion", "still"),
        ("path", "0,0 1,1"),
        ("speed", "2px"),
        ("ease", "in"),
        ("span", "25%, 0.75"),
        ("strength", 2.0),
        ("region", "m.png"),
    )
    assert found[0] == Motion("left", speed="2px", ease="in", span=(0.25, 0.75), strength=2, region="m.png")
    assert found[1] == Motion("still", strength=2, region="m.png")
    assert found[2] == Motion(path=((0, 0), (1, 1)), ease="in", span=(0.25, 0.75), strength=2, region="m.png")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), ("--motion", "--like", "got none")),
        ((HALF,), ("--motion",)),
        (
            (("motion", "left"), ("motion", "right"), ("motion", "up"), HALF, HALF),
            ("--region", "3 requests", "got 2"),
        ),
        ((("motion", "left"), HALF, HALF), ("--region", "got 2")),
        ((("like", "a.mp4"), ("speed", "2px")), ("--speed", "leave it out")),
        ((("motion", "still"), ("speed", "2px")), ("--speed",)),
        ((("motion", "still"), ("ease", "in")), ("--ease",)),
        ((("path", "0,0 1,1"), ("speed", "2px")), ("--speed",)),
        ((("motion", "left"), ("like_region", "m.png")), ("--like-region",)),
        ((("motion", "left"), ("like_frames", "0:8")), ("--like-frames",)),
        ((("motion", "left 2px"), ("speed", "1px")), ("one speed",)),
        ((("motion", "sideways"),), ("sideways", "down-right")),
        ((("path", "0,0"),), ("path of two or more",)),
        ((("path", "0,0 a,b"),), ("path",)),
        ((("motion", "left"), ("span", "0.5")), ("span",)),
        ((("motion", "left"), ("span", "50%,nan%")), ("span",)),
        ((("motion", "left"), ("ease", "slowly")), ("ease", "in-out")),
        ((("like", "a.mp4"), ("like_frames", "8")), ("like_frames",)),
        ((("like", "a.mp4"), ("like_frames", "8:0")), ("like_frames",)),
    ],
)
def test_what_does_not_fit_is_refused_and_named(
    options: tuple[tuple[str, Any], ...], words: tuple[str, ...]
) -> None:
    with pytest.raises(RequestError) as error:
        typed(*options)
    for word in words:
        assert word in str(error.value)


def test_flags_of_clips_need_a_clip() -> None:
    for flag in ("per_position", "invert"):
        with pytest.raises(RequestError, match="beside a --like"):
            typed(("motion", "left"), **{flag: True})


def test_a_file_of_requests_is_what_was_written(tmp_path: Path) -> None:
    wanted = [
        Motion("left", speed="2px", region="rest", steps=(0.1, 0.5)),
        Like("a.mp4", "m.png", like_frames=(0, 8), invert=True),
        Along("a_tracks.npy", region="rest"),
    ]
    (tmp_path / "r.json").write_text(json.dumps([request.to_json() for request in wanted]))
    assert read_requests_file(tmp_path / "r.json") == wanted


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[]", "got none"),
        ("{}", "expected a list"),
        ("[", "as JSON, got"),
        ("[1]", r"requests\[0\]"),
        ("[" * 10**5, "as JSON, got"),
        ('[{"direction": "left"}, {"direction": "sideways"}]', r"requests\[1\]"),
        ('[{"like": 1}]', r"requests\[0\].like"),
        ('[{"direction": "left", "sped": 1}]', r"requests\[0\].sped"),
        ('[{"direction": NaN}]', "as JSON, got NaN"),
        ('[{"like": "a", "direction": "left"}]', r"requests\[0\].direction"),
        ('"' + "a" * 2**20 + '"', "at most"),
        ("\xff", "JSON|UTF|utf"),
        ('[{"points": [[[1, 2]]]}]', "got a drag; .*moft drag"),
    ],
)
def test_a_file_that_holds_none_is_refused_and_the_place_named(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "r.json").write_bytes(text.encode("latin-1"))
    with pytest.raises((RequestError, RecipeError), match=word):
        read_requests_file(tmp_path / "r.json")
    with pytest.raises(MoftError, match="none.json"):
        read_requests_file(tmp_path / "none.json")
