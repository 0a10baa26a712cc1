"""Recipes: they survive every container, make the same frames again, and are believed nothing."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

import moft
from moft.cli.commands import app
from moft.errors import MediaError, MoftError, RecipeError, RequestError
from moft.feature.model import model_digest
from moft.feature.statistics import STATISTICS_FILE
from moft.media.files import file_digest, frames_digest
from moft.media.reading import read_metadata
from moft.plain import MAX_BYTES
from moft.printing import printable
from moft.request.along import Along
from moft.request.drag import Drag
from moft.request.like import Like
from moft.request.motion import Motion
from moft.runs import save
from moft.runs.job import Scene
from moft.runs.recipe import FORMAT, Recipe, embedded, read_recipe
from moft.types import ClipSize

STILL = np.zeros((2, 16, 16, 3), np.uint8)


def moft_cli(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def paint(path: Path, left: int) -> Path:
    picture = np.zeros((64, 64), np.uint8)
    picture[:, :left] = 255
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture(scope="module")
def steered(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a mask and a clip that was steered inside it."""
    folder = tmp_path_factory.mktemp("steered")
    request = ("--motion", "left", "--region", paint(folder / "mask.png", 32), "--seed", 3)
    scene = ("--prompt", "a red ball [on]\nblue stripes, größer", "--steps", 5, "--step-size", 0.2)
    result = moft_cli("steer", "--model", tiny_folder, *scene, *request, "-o", folder / "left.mp4")
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def data(steered: Path) -> dict[str, Any]:
    """The recipe of that clip as JSON, to be bent."""
    return read_recipe(steered / "left.mp4").to_json()


def saved(path: Path, data: object) -> Path:
    path.write_text(json.dumps(data))
    return path


# ---------------------------------------------------------------- carried


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
    assert old == Recipe.from_json(data) and old.to_json()["recipe"] == FORMAT
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


# ---------------------------------------------------------------- replayed


@pytest.mark.parametrize("name", ["left.compare.mp4", "left.json"])
def test_replay_makes_the_same_frames(steered: Path, tmp_path: Path, name: str) -> None:
    result = moft_cli("replay", steered / name, "-o", tmp_path / "again.mp4")
    assert result.exit_code == 0, result.output
    assert "identical: yes" in result.stdout and "warning" not in result.stderr
    for kind in ("", ".plain", ".compare"):
        assert (tmp_path / f"again{kind}.mp4").read_bytes() == (steered / f"left{kind}.mp4").read_bytes()
    assert read_recipe(tmp_path / "again.json") == read_recipe(steered / "left.json")


def test_replay_computes_on_as_many_threads_as_were_used(data: dict[str, Any], tmp_path: Path) -> None:
    import torch

    here = torch.get_num_threads()
    data["threads"] = here + 1
    assert moft_cli("replay", saved(tmp_path / "r.json", data), "-o", tmp_path / "again.gif").exit_code == 0
    assert read_recipe(tmp_path / "again.gif").threads == here + 1 and torch.get_num_threads() == here


def test_a_replay_that_comes_out_otherwise_says_so(data: dict[str, Any], tmp_path: Path) -> None:
    data["seed"] = 4
    result = moft_cli("replay", saved(tmp_path / "r.json", data), "-o", tmp_path / "again.gif")
    assert result.exit_code == 0 and "identical: no" in result.stdout
    assert "warning: the frames are not those of the original" in result.stderr


def test_replay_warns_of_other_versions_models_and_channels(data: dict[str, Any], tmp_path: Path) -> None:
    data["versions"] |= {"torch": "1.0", "gone": "2"}
    data["model_digest"] = data["channels_digest"] = "sha256:" + "0" * 64
    result = moft_cli("replay", saved(tmp_path / "r.json", data), "-o", tmp_path / "again.mp4", "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["identical"] is True
    lines = result.stderr.splitlines()
    for start in (
        "made with torch 1.0,",
        "made with gone 2, replayed with nothing",
        "model: expected sha256:000",
        "channels: expected sha256:000",
    ):
        assert any(line.startswith(f"warning: {start}") for line in lines), lines


def test_replay_of_several_requests_is_exact(tiny_folder: Path, tmp_path: Path) -> None:
    """With a folder of masks, a clip region to region, a course over time and a retry; and from another
    place."""
    made, moved = tmp_path / "made", tmp_path / "moved"
    (made / "masks").mkdir(parents=True)
    for i in range(4):
        paint(made / "masks" / f"{i}.png", 16 + 4 * i)
    noise = np.random.default_rng(0).integers(0, 255, (64, 84, 3), np.uint8)
    moft.write_video(made / "clip.mp4", np.stack([noise[:, 20 - 2 * i : 84 - 2 * i] for i in range(10)]))
    options = (
        "--motion",
        "left 2px",
        "--region",
        made / "masks",
        "--ease",
        "in-out",
        "--span",
        "0,75%",
        "--like",
        made / "clip.mp4",
        "--region",
        "rest",
        "--like-region",
        "box:0,0,50%,100%",
        "--per-position",
        "--retry",
        1,
    )
    result = moft_cli(
        "steer",
        "--model",
        tiny_folder,
        "--prompt",
        "a ball",
        "--steps",
        4,
        *options,
        "-o",
        made / "a.gif",
        "--json",
    )
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert set(record["inputs"]) == {str(made / "masks"), str(made / "clip.mp4")}
    assert any("4 masks spread over 8 frames" in line for line in record["notes"])
    assert any("10 frames resampled to 8" in line for line in record["notes"])
    made.rename(moved)
    result = moft_cli("replay", moved / "a.gif", "-o", tmp_path / "b.gif")
    assert result.exit_code == 0, result.output
    assert "identical: yes" in result.stdout and (moved / "a.gif").read_bytes() != b""
    assert np.array_equal(moft.read_video(moved / "a.gif"), moft.read_video(tmp_path / "b.gif"))
    paint(moved / "masks" / "2.png", 5)
    refused(
        moft_cli("replay", moved / "a.gif", "-o", tmp_path / "c.gif"), "masks", "another file of that name"
    )


def test_what_is_said_behind_a_file_stays_with_it_in_another_place(
    data: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"a")
    (tmp_path / "m.png").write_bytes(b"b")
    names = {"gone/clip.mp4": "clip.mp4", "gone/m.png": "m.png"}
    requests = (
        Like("gone/clip.mp4#mover", region="gone/m.png#2"),
        Like("gone/clip.mp4", region="rest", like_region="gone/m.png"),
    )
    inputs = {name: file_digest(str(tmp_path / here)) for name, here in names.items()}
    found = replace(Recipe.from_json(data), requests=requests, inputs=inputs).located(tmp_path)
    clip, mask = (str(tmp_path / here) for here in names.values())
    assert found.requests == (
        Like(f"{clip}#mover", region=f"{mask}#2"),
        Like(clip, region="rest", like_region=mask),
    )
    assert set(found.inputs) == {clip, mask}


def test_replay_finds_a_clip_beside_the_recipe_and_its_own_channels(
    tiny_folder: Path, tiny_statistics: moft.Statistics, tmp_path: Path
) -> None:
    made, moved = tmp_path / "made", tmp_path / "moved"
    made.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (64, 84, 3), np.uint8)
    moft.write_video(made / "clip.mp4", np.stack([noise[:, 20 - 2 * i : 84 - 2 * i] for i in range(10)]))
    paint(made / "mask.png", 32)
    tiny_statistics.save(made / "found.safetensors")
    options = (
        "--like",
        made / "clip.mp4",
        "--region",
        made / "mask.png",
        "--channels",
        made / "found.safetensors",
    )
    result = moft_cli(
        "steer", "--model", tiny_folder, "--prompt", "a ball", "--steps", 4, *options, "-o", made / "a.webm"
    )
    assert result.exit_code == 0, result.output
    made.rename(moved)
    result = moft_cli("replay", moved / "a.webm", "-o", moved / "b.webm")
    assert result.exit_code == 0, result.output
    assert "identical: yes" in result.stdout
    assert np.array_equal(moft.read_video(moved / "a.webm"), moft.read_video(moved / "b.webm"))
    assert set(read_recipe(moved / "b.webm").inputs) == {
        str(p) for p in moved.iterdir() if p.stem in ("clip", "mask", "found")
    }
    (moved / "found.safetensors").unlink()
    refused(moft_cli("replay", moved / "a.webm", "-o", tmp_path / "c.webm"), "found.safetensors")
    result = moft_cli(
        "replay", moved / "a.webm", "--channels", tiny_folder / STATISTICS_FILE, "-o", moved / "b.webm"
    )
    assert "identical: yes" in result.stdout, result.output  # the same numbers from another place


@pytest.mark.parametrize(("option", "name"), [("--keep-keys", "keep_keys"), ("--carry", "carry")])
def test_replay_of_a_steered_real_clip_is_exact_wherever_the_clip_went(
    tiny_folder: Path, tmp_path: Path, option: str, name: str
) -> None:
    made, moved = tmp_path / "made", tmp_path / "moved"
    made.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (64, 84, 3), np.uint8)
    moft.write_video(made / "clip.mp4", np.stack([noise[:, 20 - 2 * i : 84 - 2 * i] for i in range(10)]))
    options = (
        "--video",
        made / "clip.mp4",
        "--motion",
        "up",
        "--region",
        "box:0,0,50%,100%",
        option,
        0.5,
        "--steps",
        4,
    )
    result = moft_cli("steer", "--model", tiny_folder, *options, "-o", made / "a.mp4", "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert (
        record["prompt"] == ""
        and record["video"] == str(made / "clip.mp4")
        and record["settings"][name] == 0.5
    )
    assert (
        set(record["inputs"]) == {str(made / "clip.mp4")} and "10 frames resampled to 8" in record["notes"][0]
    )
    clip = moft.read_video(made / "clip.mp4", size=(64, 64))[[0, 1, 3, 4, 5, 6, 8, 9]]
    plain = moft.read_video(made / "a.plain.mp4")
    lossy = 10 * np.log10(
        255**2 / np.square(clip.astype(float) - plain).mean()
    )  # but for mp4, which loses a little
    assert record["reconstruction"] == pytest.approx(lossy, abs=1)
    made.rename(moved)
    result = moft_cli("replay", moved / "a.mp4", "-o", tmp_path / "b.mp4")
    assert result.exit_code == 0 and "identical: yes" in result.stdout, result.output
    assert f"PSNR of {record['reconstruction']:.1f} dB" in result.stdout
    assert "steered clip" in moft_cli("info", tmp_path / "b.mp4").stdout
    (moved / "clip.mp4").unlink()
    refused(moft_cli("replay", moved / "a.mp4", "-o", tmp_path / "c.mp4"), "clip.mp4", "no such file")


# ---------------------------------------------------------------- refused


def refused(result: Any, *words: str) -> None:
    """Exit code 2 and one line that names what is wrong."""
    assert result.exit_code == 2 and result.stdout == "", result.output
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moft.feature.model.load_pipeline", lambda *_: pytest.fail("loaded a model"))


@pytest.mark.usefixtures("no_model")
def test_replay_refuses_a_mask_that_is_gone_or_changed(data: dict[str, Any], tmp_path: Path) -> None:
    old, mask = data["requests"][0]["region"], tmp_path / "m.png"
    endless = bent(
        bent(data, "requests", 0, "region", to="m" * 5000), "inputs", to={"m" * 5000: data["inputs"][old]}
    )
    refused(moft_cli("replay", saved(tmp_path / "r.json", endless), "-o", tmp_path / "a.mp4"), "no such file")
    data["requests"][0]["region"], data["inputs"] = str(mask), {str(mask): data["inputs"][old]}
    recipe = saved(tmp_path / "r.json", data)
    for got in ("no such file", "another file of that name"):
        refused(moft_cli("replay", recipe, "-o", tmp_path / "again.mp4"), str(mask), got)
        paint(mask, 16)
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


@pytest.mark.parametrize(
    ("path", "to", "word"),
    [
        (("recipe",), ..., '"recipe"'),
        (("recipe",), 6, "recipe: expected a format up to 5"),
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
    assert read_metadata(paint(tmp_path / "a.png", 3)) == {}
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


# ---------------------------------------------------------------- hostile

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


# ---------------------------------------------------------------- shown


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
    assert recipe.job == moft.Job(scene, (moft.Motion("left"),), moft.Settings(gradient_steps=2))
    assert recipe.model == "miniature" and recipe.versions["moft"] == "0.1.0" and recipe.threads == 1
