"""Folders of pipelines that are put together from blocks load as others do: whole, from themselves alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from steered import statistics_of
from tiny import clip_size, sample, tiny
from typer.testing import CliRunner

import moft
from moft.cli.commands import app
from moft.errors import BackboneError
from moft.models.folder.classes import MODULAR

NAMES = ("wan_modular", "ltx_modular")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each as diffusers saves it, with motion channels beside; then moved, so that its index names a place
    that is no more."""
    found = {}
    for name in NAMES:
        pipe, made = tiny(name), tmp_path_factory.mktemp("saved") / name
        whole = type(pipe)(blocks=type(pipe.blocks)())  # the tiny ones end at their latents
        whole.update_components(**{**pipe.components, "vae": pipe.vae})
        whole.save_pretrained(str(made), overwrite_modular_index=True)
        found[name] = Path(shutil.move(made, tmp_path_factory.mktemp("moved") / name))
        size = clip_size(pipe)
        known = replace(statistics_of(name), made={"frames": size.frames, "size": [size.height, size.width]})
        known.save(found[name] / "motion_channels.safetensors")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_samples_what_was_saved(name: str, folders: dict[str, Path]) -> None:
    model = moft.load(folders[name])
    assert type(model.pipe) is type(tiny(name)) and model.digest
    assert model.statistics.layer == statistics_of(name).layer
    found = sample(model.pipe, num_inference_steps=3, output_type="np")  # it also decodes
    assert torch.equal(found, sample(tiny(name), num_inference_steps=3))


def test_the_commands_take_it_from_doctor_to_replay(folders: dict[str, Path], tmp_path: Path) -> None:
    folder, out = str(folders["wan_modular"]), tmp_path / "out.mp4"
    told = CliRunner().invoke(app, ["doctor", "--model", folder, "--json"])
    assert json.loads(told.stdout)["pipeline"] == "WanModularPipeline"
    asked = ["--prompt", "a ball", "--motion", "left 1px", "--steps", "6"]
    done = CliRunner().invoke(app, ["steer", *asked, "--model", folder, "-o", str(out)])
    assert done.exit_code == 0 and np.ptp(moft.read_video(out)) > 0
    again = moft.replay(out)
    assert again.identical


def change(field: str, value: Any) -> Callable[[Path], None]:
    """Another value in the index."""

    def changed(folder: Path) -> None:
        data = json.loads((folder / MODULAR).read_text())
        data[field] = value
        (folder / MODULAR).write_text(json.dumps(data))

    return changed


def elsewhere(folder: Path) -> None:
    """A part that lies in another model of the hub alone."""
    place = {"pretrained_model_name_or_path": "someone/vae", "subfolder": "", "type_hint": [None, None]}
    change("vae", [None, None, place])(folder)
    shutil.rmtree(folder / "vae")


def coded(folder: Path) -> None:
    """Blocks in a file beside, as diffusers runs them where it may."""
    change("_blocks_class_name", "Evil")(folder)
    (folder / "config.json").write_text(json.dumps({"auto_map": {"ModularPipelineBlocks": "evil.Evil"}}))
    (folder / "evil.py").write_text(f"open({str(folder / 'ran')!r}, 'w')")


@pytest.mark.parametrize(
    ("bend", "said"),
    [
        (elsewhere, r"vae: expected its files in the folder vae, got none; nothing is fetched for it"),
        (coded, r"_blocks_class_name: expected blocks of diffusers, got 'Evil'; .*moft\.steer\(pipe"),
        (change("_blocks_class_name", "SequentialPipelineBlocks"), "expected blocks of diffusers"),
        (change("_blocks_class_name", "WanTransformer3DModel"), "expected blocks of diffusers"),
        (change("_class_name", "WanPipeline"), "expected a pipeline class of diffusers, got 'WanPipeline'"),
        (change("_class_name", "HeliosModularPipeline"), "HeliosModularPipeline cannot be steered"),
        (change("vae", ["os", "path"]), "vae: expected a package, a class and a place"),
        (
            change("vae", ["os", "path", {}]),
            "vae: expected a class of diffusers or transformers, got one of os",
        ),
        (change("../vae", ["diffusers", "AutoencoderKLWan", {}]), "../vae: expected its files in the folder"),
    ],
)
def test_what_would_fetch_or_run_code_is_refused(
    bend: Callable[[Path], None], said: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(folders["wan_modular"], tmp_path / "bent"))
    bend(folder)
    with pytest.raises(BackboneError, match=said):
        moft.load(folder)
    assert not (folder / "ran").exists()
