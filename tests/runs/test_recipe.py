"""Recipes: carried by every file, read again, told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from program import moft_cli

import moft
from moft.errors import RecipeError
from moft.feature.model import model_digest
from moft.feature.statistics import STATISTICS_FILE
from moft.media.files import file_digest
from moft.printing import printable
from moft.request.along import Along
from moft.request.drag import Drag
from moft.request.like import Like
from moft.request.motion import Motion
from moft.runs import save
from moft.runs.formats import FORMAT
from moft.runs.recipe import Recipe, read_recipe
from moft.types import ClipSize

STILL = np.zeros((2, 16, 16, 3), np.uint8)


def saved(path: Path, data: object) -> Path:
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize("name", ["left.mp4", "left.plain.mp4", "left.compare.mp4", "left.json"])
def test_every_file_of_a_run_carries_the_recipe(steered: Path, name: str, tiny_folder: Path) -> None:
    recipe = read_recipe(steered / name)
    assert recipe.scene.prompt == "a red ball [on]\nblue stripes, größer" and recipe.scene.seed == 3
    assert recipe.scene.size == ClipSize(8, 64, 64) and recipe.settings.step_size == 0.2
    assert recipe.requests == (Motion("left", region=str(steered / "mask.png")),)
    assert recipe.model == str(tiny_folder) and recipe.model_digest == model_digest(str(tiny_folder))
    assert list(recipe.inputs) == [str(steered / "mask.png")]
    assert {"moft", "torch", "diffusers", "transformers", "device"} <= set(recipe.versions)
    assert recipe == read_recipe(steered / "left.mp4")


@pytest.mark.parametrize("suffix", save.SUFFIXES)
def test_a_recipe_survives_every_format_that_is_written(
    data: dict[str, Any], tmp_path: Path, suffix: str
) -> None:
    clips: dict[str, Any] = {"": STILL, ".plain": STILL, ".compare": STILL}
    save.write_all(tmp_path / f"a{suffix}", clips, data)
    for clip in tmp_path.glob(f"*{suffix}"):
        assert read_recipe(clip).to_json() == data


@pytest.mark.parametrize("kind", ["mp4", "matroska"])
def test_a_recipe_survives_a_copy_by_another_program(steered: Path, tmp_path: Path, kind: str) -> None:
    with av.open(str(steered / "left.mp4")) as old, av.open(str(tmp_path / "copy"), "w", format=kind) as new:
        new.metadata.update(old.metadata)  # without movflags, which keeps only the usual tags in mp4
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    assert read_recipe(tmp_path / "copy") == read_recipe(steered / "left.mp4")


def test_a_recipe_for_every_kind_of_request_comes_back(data: dict[str, Any]) -> None:
    recipe = Recipe.from_json(data)
    digest = data["channels_digest"]
    path, turned = (
        Motion(path=((0, 0), (-0.3, 0.1), (0, 0)), strength=0.5),
        Motion(200, speed="1.5px", region="box:0,0,50%,9"),
    )
    timed = Motion("left", ease="in", span=(0.2, 0.7), steps=(0.1, 0.5), region="rest")
    like = Like(
        "clip.mp4", region="m.png", like_region="masks", like_frames=(3, 9), per_position=True, strength=2.0
    )
    part, other = Like("clip.mp4#mover2", region="m.png#3"), Like("clip.mp4#ground", region="rest")
    for requests, files in (
        ((path,), ()),
        ((part, other), ("clip.mp4", "m.png")),
        ((turned, timed), ()),
        ((like,), ("clip.mp4", "m.png", "masks")),
        ((replace(turned, region="m.png"), like, timed), ("m.png", "clip.mp4", "masks")),
        (
            (Along("a_tracks.npy", region="m.png", strength=2.0),),
            ("a_tracks.npy", "a_visibility.npy", "m.png"),
        ),
        ((Along("a.safetensors", steps=(0.1, 0.5)), timed), ("a.safetensors",)),
        ((Drag((((24, 32.5), (38, 32)), ((52, 10),)), radius=12),), ()),
        ((Drag((((24, 32),),)),), ()),
    ):
        wanted = replace(recipe, requests=requests, inputs=dict.fromkeys(files, digest))
        assert Recipe.from_json(json.loads(json.dumps(wanted.to_json()))) == wanted


def test_a_recipe_of_before_clips_were_followed_by_flow_is_read_as_it_was(data: dict[str, Any]) -> None:
    asked = [{"like": "a.mp4"}, {"like": "a.mp4", "per_position": True, "region": "rest"}]
    old = data | {"recipe": 4, "requests": asked, "inputs": {"a.mp4": data["channels_digest"]}}
    first, second = Recipe.from_json(old).requests
    assert first == Like("a.mp4", by="moft")
    assert isinstance(second, Like) and not second.by_flow
    (now, _) = Recipe.from_json(old | {"recipe": FORMAT}).requests
    assert now == Like("a.mp4") and now.by_flow


@pytest.mark.parametrize(
    ("asked", "then"),
    [
        ({"direction": "left"}, False),
        ({"direction": "turn clockwise"}, None),
        ({"direction": "still"}, None),
        ({"direction": "left", "ease": "in"}, None),
        ({"like": "a.mp4", "by": "moft"}, False),
        ({"like": "a.mp4"}, None),
    ],
)
def test_a_motion_of_before_spreads_were_kept_keeps_none(
    data: dict[str, Any], asked: dict[str, Any], then: bool | None
) -> None:
    files = {"a.mp4": data["channels_digest"]} if "like" in asked else {}

    def kept(form: int, *requests: dict[str, Any], said: bool | None = None) -> bool | None:
        told = {**data["settings"], "keep_spread": said}
        made = data | {"recipe": form, "requests": list(requests), "inputs": files, "settings": told}
        return Recipe.from_json(made).settings.keep_spread

    assert kept(5, asked) is then and kept(6, asked) is None
    assert kept(5, asked, said=True) is True and kept(5, asked, said=False) is False
    halves = [{**asked, "region": "box:0,0,50%,100%"}, {**asked, "region": "rest"}]
    assert kept(5, *halves) is None


LEFT_HALF = {"direction": "left", "region": "box:0,0,50%,100%"}


@pytest.mark.parametrize(
    ("requests", "updates", "in_7"),
    [
        ([{"direction": "left"}], 2, None),
        ([{"direction": "zoom in"}], 2, None),
        ([LEFT_HALF], 2, 2),
        ([{"direction": "left", "ease": "in"}], None, None),
        ([{"direction": "still"}], 2, 2),
        ([LEFT_HALF, {"direction": "up", "region": "rest"}], 2, 2),
        ([LEFT_HALF, {"direction": "still", "region": "rest"}], 2, 2),
    ],
)
def test_a_motion_of_before_noise_went_along_is_pushed_as_then(
    data: dict[str, Any], requests: list[dict[str, Any]], updates: int | None, in_7: int | None
) -> None:
    def read(form: int, **said: object) -> Recipe:
        told = {"step_size": 0.3, **said}
        return Recipe.from_json(data | {"recipe": form, "requests": requests, "inputs": {}, "settings": told})

    then = [(0.12, 0.92) if one["direction"] == "still" else (0.12, 0.48) for one in requests]
    for form, wanted in ((6, updates), (7, in_7)):
        found = read(form)
        assert found.settings.gradient_steps == wanted
        assert found.settings.warp_noise == (0 if form == 6 or wanted else None)
        alike = len({*then}) == 1
        assert found.settings.steps == (then[0] if wanted and alike else None)
        steps = [one.steps for one in found.requests if isinstance(one, moft.Motion)]
        assert steps == (then if wanted and not alike else [None] * len(requests))
    assert read(6, gradient_steps=3).settings.gradient_steps == 3
    assert read(6, warp_noise=1).settings.warp_noise == 1
    assert read(7, steps=[0.1, 0.5]).settings.steps == (0.1, 0.5)
    gentle = "ease" not in requests[0]
    assert read(8).settings.guided_steps == (1000 if gentle else None)  # each of them took a gradient
    told = {"recipe": 8, "requests": [{"direction": "still"}], "inputs": {}, "settings": {}}
    assert Recipe.from_json(data | told).settings.step_size == 0.15
    assert read(8, guided_steps=3).settings.guided_steps == 3
    assert read(FORMAT).settings == moft.Settings(step_size=0.3)


def of_first_format(data: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """The recipe as it was before there could be several requests."""
    return {
        "recipe": 1,
        "request": request,
        **{k: v for k, v in data.items() if k not in ("recipe", "requests")},
    }


def test_a_recipe_of_one_request_is_still_read(data: dict[str, Any]) -> None:
    (motion,) = data["requests"]
    old = Recipe.from_json(of_first_format(data, motion))
    now = Recipe.from_json(data)
    assert replace(old, settings=now.settings) == now and old.to_json()["recipe"] == FORMAT
    assert Recipe.from_json(data | {"recipe": 2}) == old
    followed = of_first_format(
        data | {"inputs": {"a.mp4": data["channels_digest"]}}, {"like": "a.mp4", "strength": 1.0}
    )
    assert Recipe.from_json(followed).requests == (
        Like("a.mp4", like_frames=(0, 8), by="moft"),
    )  # its first frames, not resampled, by its feature
    for wrong, word in (
        ({"like": 3}, "request.like: expected str"),
        ({"direction": "sideways"}, "request: expected a direction"),
        (3, "request: expected a JSON object"),
        ({"like": "a.mp4", "motion": {"direction": "left"}}, "request.motion"),
    ):
        with pytest.raises(RecipeError, match=word):
            Recipe.from_json(of_first_format(data, wrong))  # type: ignore[arg-type]


def test_the_digest_of_a_folder_of_masks_sees_their_order_and_every_byte(tmp_path: Path) -> None:
    from PIL import Image as image

    def digest(*names: str) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for i, name in enumerate(names):
            image.new("L", (4, 4), 100 + i).save(folder / name)
        return file_digest(folder)

    assert digest("a.png", "b.png") == digest("a.png", "b.png")
    assert (
        len({digest("a.png", "b.png"), digest("b.png", "a.png"), digest("a.png", "c.png"), digest("a.png")})
        == 4
    )


def test_the_digest_of_a_model_sees_one_byte_of_its_weights_and_not_its_notes(
    tiny_folder: Path, tmp_path: Path
) -> None:
    import shutil

    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    found = model_digest(str(folder))
    assert found == model_digest(str(tiny_folder))
    (folder / STATISTICS_FILE).unlink()  # its own digest tells of these
    assert model_digest(str(folder)) == found
    weights = bytearray((folder / "vae" / "diffusion_pytorch_model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(weights)
    assert model_digest(str(folder)) != found


@pytest.mark.parametrize("name", ["unet/extra.py", "vae/old.bin", "tokenizer/deep/er/a", "None.py"])
def test_the_digest_covers_all_files_of_a_model(tiny_folder: Path, tmp_path: Path, name: str) -> None:
    import shutil

    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    found = model_digest(str(folder))
    assert model_digest(str(folder), older=True) == found
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("a")
    first = model_digest(str(folder))
    (folder / name).write_text("b")
    assert len({found, first, model_digest(str(folder))}) == 3
    assert model_digest(str(folder), older=True) == found


def test_a_recipe_that_counted_fewer_files_of_its_model_is_of_the_same_model(
    steered: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    import shutil

    from moft.runs.replaying import as_counted_now

    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    (folder / "vae" / "notes.md").write_text("a")
    then, model = read_recipe(steered / "left.mp4"), moft.Model(None, str(folder))
    assert then.model_digest != model.digest
    assert as_counted_now(then, model).model_digest == model.digest
    other = replace(then, model_digest="sha256:" + "0" * 64)
    assert as_counted_now(other, model) == other


def test_a_snapshot_of_the_hub_is_known_by_its_commit(tmp_path: Path) -> None:
    folder = tmp_path / "snapshots" / ("ab" * 20)
    folder.mkdir(parents=True)
    assert model_digest(str(folder)) == "commit:" + "ab" * 20


def test_info_says_what_a_clip_was_made_from(steered: Path, tiny_folder: Path) -> None:
    shown = " ".join(moft_cli("info", steered / "left.mp4").stdout.split())
    for words in (
        "asked left at 3% a frame",
        "prompt a red ball [on] blue stripes, größer",
        "seed 3",
        "8 frames of 64 x 64 px",
        "step_size 0.2",
        "torch ",
        "sha256:",
    ):
        assert words in shown
    assert "(here" not in shown
    found = json.loads(moft_cli("info", steered / "left.json", "--json").stdout)
    assert Recipe.from_json(found) == read_recipe(steered / "left.mp4")


def test_info_opens_nothing_and_obeys_nothing_in_a_recipe(data: dict[str, Any], tmp_path: Path) -> None:
    data |= {"model": "nobody/nothing", "prompt": "\x1b[2Jgone [red]x[/red]\u202e\u2028"}
    data["versions"] |= {"torch": "1.0\x1b[0m"}
    result = moft_cli("info", saved(tmp_path / "r.json", data))
    assert result.exit_code == 0 and "gone [red]x[/red]" in result.stdout and "(here " in result.stdout
    assert not set("\x1b\u202e\u2028") & set(result.stdout)
    assert printable("a\nb\x07\u202e") == "a b??"


@pytest.mark.parametrize("name", ["words-0.1.0.mp4", "words-0.1.0.json"])
def test_a_clip_of_an_earlier_release_is_read(name: str) -> None:
    """Made by 0.1.0, before what is wanted became a job."""
    recipe = read_recipe(Path(__file__).parents[1] / "kept" / name)
    scene = moft.Scene("a red ball over blue cells", moft.ClipSize(8, 64, 64), fps=8)  # as all were written
    then = moft.Settings((0.12, 0.48), gradient_steps=2, step_size=0.3, keep_spread=False, warp_noise=0)
    assert recipe.job == moft.Job(scene, (moft.Motion("left"),), then)
    assert recipe.model == "miniature" and recipe.versions["moft"] == "0.1.0" and recipe.threads == 1
