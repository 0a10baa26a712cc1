"""Recipes of strangers: bent, gone, hostile."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from program import mask, moft_cli, refused

import moft
from moft.errors import MediaError, MoftError, RecipeError, RequestError
from moft.media.files import frames_digest
from moft.media.reading import read_metadata
from moft.plain import MAX_BYTES
from moft.runs.job import Scene
from moft.runs.recipe import Recipe, embedded, read_recipe
from moft.types import ClipSize

STILL = np.zeros((2, 16, 16, 3), np.uint8)


def saved(path: Path, data: object) -> Path:
    path.write_text(json.dumps(data))
    return path


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moft.feature.model.load_pipeline", lambda *_: pytest.fail("loaded a model"))


def bent(data: dict[str, Any], *path: str | int, to: Any) -> dict[str, Any]:
    """The same, with another value at a place; without that place if `to` is ..."""
    found = copy.deepcopy(data)
    at = found
    for name in path[:-1]:
        at = at[name]
    if to is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return found


@pytest.mark.usefixtures("no_model")
def test_replay_refuses_a_mask_that_is_gone_or_changed(data: dict[str, Any], tmp_path: Path) -> None:
    old, region = data["requests"][0]["region"], tmp_path / "m.png"
    endless = bent(
        bent(data, "requests", 0, "region", to="m" * 5000), "inputs", to={"m" * 5000: data["inputs"][old]}
    )
    refused(moft_cli("replay", saved(tmp_path / "r.json", endless), "-o", tmp_path / "a.mp4"), "no such file")
    data["requests"][0]["region"], data["inputs"] = str(region), {str(region): data["inputs"][old]}
    recipe = saved(tmp_path / "r.json", data)
    for got in ("no such file", "another file of that name"):
        refused(moft_cli("replay", recipe, "-o", tmp_path / "again.mp4"), str(region), got)
        mask(region, 16)
    assert sorted(os.listdir(tmp_path)) == ["m.png", "r.json"]


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize("model", ["nobody/nothing", "./gone", "gone", "gone" * 2000])
def test_replay_fetches_no_model_that_only_the_recipe_names(
    data: dict[str, Any], tmp_path: Path, model: str
) -> None:
    data |= {"model": model, "model_digest": "commit:" + "0" * 40}
    refused(
        moft_cli("replay", saved(tmp_path / "r.json", data), "-o", tmp_path / "a.mp4"), model[:200], "--model"
    )


def test_a_model_that_the_user_names_is_loaded_at_the_commit_of_the_recipe(
    data: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def load(*arguments: Any) -> None:
        seen.append(arguments)
        raise moft.BackboneError("seen enough")

    monkeypatch.setattr("moft.feature.model.load_pipeline", load)
    recipe = saved(
        tmp_path / "r.json", data | {"model": "nobody/nothing", "model_digest": "commit:" + "0" * 40}
    )
    for model in ("nobody/nothing", "nobody/else"):
        refused(moft_cli("replay", recipe, "--model", model, "-o", tmp_path / "a.mp4"), "seen enough")
    assert seen == [("nobody/nothing", "0" * 40), ("nobody/else", None)]


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize("source", ["left.mp4", "left.plain.mp4", "left.json"])
def test_replay_never_overwrites_what_it_reads(steered: Path, source: str) -> None:
    before = {p.name: p.read_bytes() for p in steered.iterdir()}
    refused(moft_cli("replay", steered / source, "-o", steered / "left.mp4"), "input of this command")
    assert {p.name: p.read_bytes() for p in steered.iterdir()} == before


@pytest.mark.parametrize(
    ("path", "to", "word"),
    [
        (("recipe",), ..., '"recipe"'),
        (("recipe",), 10, "recipe: expected a format up to 9"),
        (("recipe",), True, "recipe: expected a format"),
        (("seed",), -1, "seed"),
        (("seed",), 1.5, "seed: expected int"),
        (("seed",), True, "seed: expected int"),
        (("steps",), 10**6, "steps"),
        (("prompt",), 7, "prompt: expected str or null"),
        (("prompt",), "\ud800", "prompt"),
        (("prompt",), ..., "prompt"),
        (("size",), [8, 64, 64], "size: expected a JSON object"),
        (("size", "frames"), 10**5, "frames"),
        (("size", "height"), "64", "size.height: expected int"),
        (("guidance_scale",), float("1e301"), "guidance_scale"),
        (("video",), "clip.mp4", "inputs: expected a digest each"),
        (("video",), 3, "video: expected str or null"),
        (("settings", "keep_keys"), 2, "settings: expected a finite keep_keys"),
        (("requests",), ..., "requests"),
        (("requests",), [], "requests"),
        (("requests",), {}, "requests: expected a list"),
        (("requests",), [{"direction": "left"}] * 101, "requests"),
        (("requests", 0), {"like": 3}, "requests[0].like: expected str"),
        (("requests", 0), {"like": "a.mp4", "motion": {"direction": "left"}}, "requests[0].motion: unknown"),
        (("requests", 0), {"like": "a.mp4"}, "inputs: expected a digest each"),
        (("requests", 0, "direction"), "sideways", "requests[0]: expected a direction"),
        (("requests", 0, "strength"), -1, "requests[0]: expected strength"),
        (("requests", 0, "span"), [0.5, 0.1], "requests[0]: expected span"),
        (("requests", 0, "steps"), [0.5], "requests[0].steps"),
        (("requests", 0, "ease"), "fast", "requests[0]: expected an ease"),
        (("requests", 0, "region"), "//host/m.png", "inputs"),
        (("requests", 0, "__class__"), 1, "requests[0].__class__: unknown"),
        (("requests",), [{"points": [[[1, 2]]]}, {"direction": "left"}], "requests in a run with a drag"),
        (("requests",), [{"points": [[[1, 2]]] * 101}], "number of points"),
        (("requests", 0), {"points": []}, "requests[0]: expected at least one point"),
        (("requests", 0), {"points": [[[1, 2]], []]}, "requests[0]: point 2: expected one or more positions"),
        (("requests", 0), {"points": [[1, 2]]}, "requests[0].points[0][0]"),
        (("requests", 0), {"points": [[[1, 2, 3]]]}, "requests[0].points[0][0]"),
        (("requests", 0), {"points": [[[1, "2"]]]}, "requests[0].points[0][0][1]: expected float"),
        (("requests", 0), {"points": [[[1, 2]]], "radius": 0}, "requests[0]: expected a radius of 1 to"),
        (
            ("requests", 0),
            {"points": [[[1, 2]]], "radius": [3]},
            "requests[0].radius: expected float or null",
        ),
        (("requests", 0), {"points": [[[1, 2]]], "region": "rest"}, "requests[0].region: unknown"),
        (("settings", "step_size"), -1, "settings: expected a finite step_size"),
        (("settings", "steps"), [0.1], "settings.steps"),
        (("settings", "rule"), "eval", "settings: expected rule among"),
        (("settings", "gradient_steps"), 10**9, "expected a finite gradient_steps"),
        (("model",), None, "model: expected str"),
        (("model",), "//host/share", "//host/share"),
        (("model_digest",), "commit:main", "model_digest"),
        (("threads",), 10**6, "threads"),
        (("inputs",), {}, "inputs: expected a digest each"),
        (("versions",), {"torch": 2}, "versions.torch: expected str"),
        (("channels_digest",), ..., "channels_digest"),
    ],
)
def test_a_bad_recipe_is_one_error_that_names_the_field(
    data: dict[str, Any], path: tuple[str | int, ...], to: Any, word: str, tmp_path: Path
) -> None:
    Recipe.from_json(data)  # which is fine
    bad = saved(tmp_path / "r.json", bent(data, *path, to=to))
    with pytest.raises(RecipeError) as error:
        read_recipe(bad)
    assert word in str(error.value)
    refused(moft_cli("info", bad), "cannot use the recipe in")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"recipe": NaN}',
        '{"recipe": Infinity}',
        "{" * 100_000,
        '{"a":' * 100_000,
        '{"recipe": ' + "1" * 5000 + "}",
        '{"recipe": 1}',
        "{}",
        '{"recipe": {}}',
        '{"x": "' + "a" * MAX_BYTES + '"}',
        "\ufeff{}",
        "[]",
        "",
        "1",
        "\0",
    ],
)
def test_text_that_is_no_recipe_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises((RecipeError, MediaError)):
        read_recipe(tmp_path / "r.json")


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif"])
def test_a_clip_without_a_recipe_and_one_with_too_long_a_comment_are_refused(
    tmp_path: Path, suffix: str
) -> None:
    clip = tmp_path / f"a{suffix}"
    moft.write_video(clip, STILL, metadata={"comment": "my holiday"})
    with pytest.raises(RecipeError, match="no recipe in"):
        read_recipe(clip)
    moft.write_video(clip, STILL, metadata={"comment": "{" + " " * MAX_BYTES + "}"})
    with pytest.raises(MediaError, match="at most 1048576 bytes"):
        read_recipe(clip)


def test_a_picture_has_no_tags_and_no_file_is_no_clip(tmp_path: Path) -> None:
    assert read_metadata(mask(tmp_path / "a.png", 3)) == {}
    for path in (tmp_path, tmp_path / "none.mp4"):
        with pytest.raises(MediaError):
            read_recipe(path)


def test_a_recipe_too_long_to_be_read_is_not_written() -> None:
    with pytest.raises(RecipeError, match="shorten"):
        embedded({"prompt": "a" * MAX_BYTES})


@pytest.mark.parametrize(
    "wrong", [{"seed": -1}, {"steps": 0}, {"size": ClipSize(8, 0, 64)}, {"size": ClipSize(9000, 9000, 9000)}]
)
def test_a_scene_out_of_range_names_what_is(wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="seed|steps|height|bytes of video"):
        Scene(**({"prompt": "a", "size": ClipSize(8, 64, 64)} | wrong))


def test_the_digest_of_frames_sees_their_shape_and_every_value() -> None:
    other = STILL.copy()
    other[1, 15, 15, 2] = 1
    videos = (STILL, other, STILL.reshape(2, 8, 32, 3))
    assert len({frames_digest(video) for video in videos}) == 3
    assert frames_digest(STILL) == frames_digest(STILL.copy())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(data: Any) -> list[tuple[str | int, ...]]:
    """Every path through the objects and lists of a JSON value."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path for name, value in inner for path in ((name,), *((name, *rest) for rest in places(value)))]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choices=st.data(), drags=st.booleans())
def test_a_recipe_bent_anywhere_is_read_or_refused_and_never_changed(
    data: dict[str, Any], choices: Any, drags: bool
) -> None:
    dragged = data | {
        "inputs": {},
        "requests": [{"points": [[[24, 32], [38.5, 32]], [[52, 10]]], "radius": 12}],
    }
    found = dragged if drags else data
    for _ in range(choices.draw(st.integers(1, 3))):
        path = choices.draw(st.sampled_from(places(found)))
        found = bent(found, *path, to=choices.draw(st.just(...) | JSON))
    try:
        recipe = Recipe.from_json(found)
    except RecipeError as error:
        assert str(error)
        return
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json(), allow_nan=False))) == recipe


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=64) | JSON.map(lambda value: json.dumps(value).encode()),
    cut=st.integers(0, 3000),
)
def test_any_file_is_read_or_refused(steered: Path, tmp_path: Path, content: bytes, cut: int) -> None:
    clip = (steered / "left.mp4").read_bytes()
    for found in (content, b"{" + content, clip[:cut] + content + clip[cut + len(content) :]):
        (tmp_path / "any").write_bytes(found)
        try:
            assert isinstance(read_recipe(tmp_path / "any"), Recipe)
        except MoftError as error:
            assert str(error)
