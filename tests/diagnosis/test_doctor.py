"""What `moft doctor` counts is what is there: weights to the byte, work by closed forms, memory as it is when
the same network runs with numbers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import clip_size, tiny
from torch import nn

import moft
from moft.cli.commands import app
from moft.diagnosis import counting, examining
from moft.diagnosis.assembled import assembled
from moft.diagnosis.fitting import SPARE, fitting, gigabytes
from moft.diagnosis.hollow import Hollow
from moft.diagnosis.needs import GIB, Needs, needs_of
from moft.known.pans import pans
from moft.known.photographs import training_photographs
from moft.models.families import FAMILIES
from moft.types import ClipSize

ANIMATEDIFF = next(family for family in FAMILIES if family.name == "AnimateDiff")


def weights(pipe: Any) -> int:
    parts = [part for part in pipe.components.values() if isinstance(part, nn.Module)]
    return sum(t.nbytes for part in parts for t in (*part.parameters(), *part.buffers()))


def test_a_hollow_network_answers_in_shape_and_counts_by_closed_forms() -> None:
    network = Hollow(lambda: nn.Linear(3, 5), torch.float32)
    answer = network.module(torch.ones(7, 3))
    assert answer.shape == (7, 5) and not answer.any()
    network.module(torch.ones(7, 3))
    (call,) = network.calls.values()
    assert (network.weights, network.flops, call.times) == (4 * (15 + 5), 2 * 2 * 7 * 3 * 5, 2)
    assert network.memory == 4 * 7 * (3 + 5)  # what goes in and what comes out


@pytest.mark.parametrize("name", ["latte", "wan"])
def test_weights_are_counted_to_the_byte_and_none_is_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers import ModelMixin
    from transformers import PreTrainedModel

    pipe = tiny(name)
    pipe.save_pretrained(tmp_path)
    for base in (ModelMixin, PreTrainedModel):
        monkeypatch.setattr(base, "from_pretrained", lambda *_, **__: pytest.fail("read weights"))
    needs = needs_of(*assembled(tmp_path, torch.float32), clip_size(pipe))
    assert sum(needs.weights.values()) == weights(pipe)


def test_memory_is_that_of_the_same_network_with_numbers(tmp_path: Path) -> None:
    pipe = tiny("animatediff")
    pipe.save_pretrained(tmp_path)
    size = ClipSize(8, 64, 64)
    needs = needs_of(*assembled(tmp_path, torch.float32), size)
    with torch.no_grad():
        words = torch.zeros(2 * size.frames, 16, pipe.unet.config.cross_attention_dim)
        sample, now = (
            torch.zeros(2, 4, size.frames, *(s // 4 for s in (size.height, size.width))),
            torch.ones(1),
        )
        kept = counting.memory(lambda: pipe.unet(sample, now, encoder_hidden_states=words))
    assert needs.beside["unet"] == pytest.approx(kept, rel=0.1)
    assert needs.gradient > needs.saving > 0
    assert needs.steered() >= needs.steered(True) >= needs.plain >= needs.steered(True, offloaded=True)


def test_weights_that_take_part_are_told_from_those_that_lie_idle() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.used, self.idle = nn.Embedding(100, 3), nn.Linear(3, 5), nn.Linear(3, 7)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.used(self.words(ids)).relu()

    network = Hollow(Half, torch.float32)
    network.module(torch.zeros(2, dtype=torch.int64))
    assert network.used == 4 * (15 + 5)  # of a table a few rows alone
    assert network.weights == 4 * (300 + 15 + 5 + 21 + 7)


def test_on_a_processor_half_a_model_is_read_for_channels() -> None:
    found = moft.doctor("miniature", gpu_memory=8, dtype=torch.float32)
    needs, here = found.needs, found.processor
    assert here is not None and 0 < sum(needs.looking.values()) < sum(needs.running.values())
    assert moft.doctor("miniature", gpu_memory=8).processor is None


def test_a_steered_runs_work_is_what_the_bench_counts_over_a_plain_ones() -> None:
    """1.37 of its FLOPs, texts and frames included (docs/guides/memory.md)."""
    needs = moft.doctor("miniature", gpu_memory=8).needs
    assert needs.run_flops(25, True) / needs.run_flops(25, False) == pytest.approx(1.37, abs=0.02)


def test_the_miniature_is_known_and_the_three_commands_are_commands() -> None:
    import typer

    found = moft.doctor("miniature", gpu_memory=12)
    assert found.known.calibrated and not any("channels" in line for line in found.known.missing)
    command: Any = typer.main.get_command(app)
    for line in found.commands:
        words = line.split()
        options = {o for p in command.commands[words[1]].params for o in p.opts}
        assert {word for word in words if word.startswith("-")} <= options
    json.dumps(found.to_json(), allow_nan=False)


def test_as_many_clips_are_counted_as_channels_are_found_from() -> None:
    import typer

    command: Any = typer.main.get_command(app)
    (courses,) = (p.default for p in command.commands["channels"].params if p.name == "courses")
    photos = [np.zeros((32, 32, 3), np.uint8)] * len(training_photographs())
    assert sum(1 for _ in pans(photos, ClipSize(2, 16, 16))) + courses == examining.CLIPS


def test_of_a_hub_id_settings_alone_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fetched(name: str, allow_patterns: list[str]) -> str:
        asked.extend(allow_patterns)
        kept = shutil.ignore_patterns("*.safetensors")
        return str(shutil.copytree(moft.miniature_path(), tmp_path / "hub", ignore=kept))

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetched)
    monkeypatch.setenv("MOFT_HOME", str(tmp_path / "cache"))
    found = moft.doctor("someone/model", gpu_memory=8)
    assert not any("safetensors" in pattern or pattern == "*" for pattern in asked)
    assert found.needs.weights["unet"] > 0 and found.known.statistics is None
    assert any("moft channels --model someone/model" in line for line in found.known.missing)


def test_what_a_loader_would_refuse_the_doctor_refuses(tmp_path: Path) -> None:
    folder = shutil.copytree(moft.miniature_path(), tmp_path / "model")
    (folder / "unet" / "run.py").write_text("")
    with pytest.raises(moft.BackboneError, match="holds code"):
        moft.doctor(folder)
    with pytest.raises(moft.BackboneError, match="no model at"):
        moft.doctor(tmp_path / "nothing")


def test_a_network_that_cannot_be_counted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "rate", lambda: 1e9)
    monkeypatch.setattr(
        "diffusers.AutoencoderKL.decode", lambda *_, **__: (_ for _ in ()).throw(KeyError("numbers"))
    )
    with pytest.raises(moft.BackboneError, match="without weights, got KeyError"):
        moft.doctor("miniature")


# ---------------------------------------------------------------- what fits


def needs(size: ClipSize) -> Needs:
    """4 GiB of weights in two networks; the gradient needs twice as much as a step, without saving."""
    step = GIB * size.frames * size.height * size.width // (16 * 512 * 512)
    beside = {"unet": 2 * step, "vae": 3 * step}
    numbers = dict(gradient=8 * step, saving=2 * step, reading=step, step_flops=1, gradient_flops=1)
    weights = {"unet": 3 * GIB, "vae": GIB}
    return Needs(size, weights, beside, weights, weights, "unet", "up", **numbers, clip_flops=1, ends_flops=1)


@pytest.mark.parametrize(
    ("memory", "options", "python"),
    [
        (12 + SPARE, (), ()),
        (11 + SPARE, ("--save-memory",), ()),
        (6 + SPARE, ("--save-memory",), ("pipe.enable_model_cpu_offload()",)),
        (4 + SPARE, ("--save-memory", "--frames 8"), ("pipe.enable_model_cpu_offload()",)),
    ],
)
def test_the_first_settings_that_fit_are_named(memory: float, options: Any, python: Any) -> None:
    own = ClipSize(16, 512, 512)
    fit = fitting(lambda size, tiled: needs(size), ANIMATEDIFF, own, 8, memory)
    assert fit.fits and (fit.options, fit.python) == (options, python)
    assert fit.memory + SPARE <= memory


def test_where_nothing_fits_the_least_is_told() -> None:
    fit = fitting(lambda size, tiled: needs(size), ANIMATEDIFF, ClipSize(16, 512, 512), 8, 3)
    assert not fit.fits and 3 < fit.memory < 4 and fit.size.height < 512


def test_memory_is_read_as_people_write_it() -> None:
    assert [gigabytes(text) for text in ("12GB", "12", "8 gb", "16GiB")] == [12, 12, 8, 16]
    for text in ("", "a lot", "0", "-3GB", "nan", "inf"):
        with pytest.raises(moft.RequestError, match="the memory of a GPU"):
            gigabytes(text)
