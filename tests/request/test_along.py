"""A field to follow as a request: plain values, checked, named in full."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moft.errors import RecipeError, RequestError
from moft.request.along import Along, beside
from moft.request.parse import read_requests


@pytest.mark.parametrize(
    "along",
    [
        Along("a.safetensors"),
        Along("a_tracks.npy", region="box:0,0,50%,100%", strength=0.5, steps=(0.1, 0.6)),
    ],
)
def test_it_comes_back_from_its_json(along: Along) -> None:
    assert read_requests(json.loads(json.dumps([along.to_json()]))) == (along,)


def test_its_words_say_what_is_not_as_usual() -> None:
    assert str(Along("a.npz")) == "the motion in a.npz"
    words = str(Along("a.npz", region="rest", strength=2, steps=(0.1, 0.5)))
    assert words == "the motion in a.npz, in rest, strength 2, asked in 10% to 50% of the steps"


def test_tracks_go_with_their_visibility_by_their_names() -> None:
    assert Along("b/a_tracks.npy").files == ["b/a_tracks.npy", "b/a_visibility.npy"]
    assert Along("a.npy").files == ["a.npy"] and beside("tracks.npy") is None


def test_the_same_file_asks_the_same_wherever() -> None:
    assert Along("a.npz").same(Along("a.npz", region="rest", strength=3))
    assert not Along("a.npz").same(Along("b.npz")) and not Along("a.npz").same("a.npz")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"field": ""}, "field as text"),
        ({"field": None}, "field as text"),
        ({"field": "a.npz", "region": ""}, "region as text"),
        ({"field": "a.npz", "strength": -1}, "strength"),
        ({"field": "a.npz", "steps": (0.5, 0.2)}, "steps"),
    ],
)
def test_what_is_out_of_range_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        Along(**fields)


def test_a_key_that_it_has_not_is_named() -> None:
    with pytest.raises(RecipeError, match=r"requests\[0\].speed"):
        read_requests([{"field": "a.npz", "speed": "2px"}])
