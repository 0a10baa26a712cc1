"""Files of numbers are taken field by field: bent ones are refused by the name of what is wrong in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from moft.errors import RequestError
from moft.feature.reference import FromClip
from moft.feature.statistics import Statistics
from moft.interpreter.readout import Readout

STATISTICS = Statistics(
    torch.tensor([1, 4, 6]),
    torch.randn(3, 2),
    -torch.ones(3),
    torch.ones(3),
    "up",
    300,
    "tiny",
    {"frames": 8},
)
REFERENCE = FromClip(torch.randn(8, 3, 2, 2), torch.tensor([1, 4, 6]), "up", 0.5, 300)
READOUT = Readout(torch.randn(2, 12, 8), torch.randn(2, 8), torch.tensor([1, 4, 6]), "up", 300, 4)
STORED: list[Any] = [STATISTICS, REFERENCE, READOUT]


def parts(stored: Any, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and notes that it saves."""
    from safetensors import safe_open

    stored.save(path)
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, json.loads(  # noqa: SIM118
            file.metadata()["moft"]
        )


def refused(stored: Any, path: Path, tensors: dict[str, Tensor], notes: Any, words: str) -> None:
    save_file(tensors, path, {"moft": notes if isinstance(notes, str) else json.dumps(notes)})
    with pytest.raises(RequestError, match=words) as error:
        type(stored).load(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: type(stored).__name__)
def test_what_was_saved_comes_back(stored: Any, tmp_path: Path) -> None:
    stored.save(tmp_path / "a.safetensors")
    again = type(stored).load(tmp_path / "a.safetensors")
    assert vars(again).keys() == vars(stored).keys()
    for name, value in vars(stored).items():
        same = (
            torch.equal(value, vars(again)[name]) if isinstance(value, Tensor) else value == vars(again)[name]
        )
        assert same, name


BENT: list[tuple[str, Callable[[Tensor], Tensor], str]] = [
    ("channels", lambda t: t[:0], "expected one or more indices"),
    ("channels", lambda t: t.to(torch.uint8), "int64, got torch.uint8"),  # would choose as a mask does
    ("channels", lambda t: t.float(), "int64, got torch.float32"),
    ("channels", lambda t: torch.tensor([1, 1, 6]), "expected each once"),
    ("channels", lambda t: torch.tensor([-1, 4, 6]), "expected indices in 0…"),
    ("channels", lambda t: torch.tensor([1, 4, 2**62]), "expected indices in 0…"),
    ("channels", lambda t: t.repeat(2), "expected"),
]


@pytest.mark.parametrize("name, bend, words", BENT)
@pytest.mark.parametrize("stored", STORED, ids=lambda stored: type(stored).__name__)
def test_channels_that_are_none_are_refused(
    stored: Any, name: str, bend: Callable[[Tensor], Tensor], words: str, tmp_path: Path
) -> None:
    tensors, notes = parts(stored, tmp_path / "a.safetensors")
    tensors[name] = bend(tensors[name]).contiguous()
    refused(stored, tmp_path / "a.safetensors", tensors, notes, words)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("stored", STORED, ids=lambda stored: type(stored).__name__)
def test_numbers_that_are_none_are_refused(stored: Any, value: float, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    tensors, notes = parts(stored, path)
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            bent = tensor.clone()
            bent.view(-1)[-1] = value
            refused(stored, path, {**tensors, name: bent}, notes, f"{name}: expected finite numbers")
            for kind in (torch.int32, torch.float8_e4m3fn):
                refused(stored, path, {**tensors, name: tensor.to(kind)}, notes, f"{name}: expected floats")
            refused(stored, path, {**tensors, name: tensor[None]}, notes, f"{name}: expected floats of shape")


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: type(stored).__name__)
def test_parts_that_are_missing_or_too_much_are_refused(stored: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    tensors, notes = parts(stored, path)
    for name in tensors:
        less = {other: tensor for other, tensor in tensors.items() if other != name}
        refused(stored, path, less, notes, f"{name}: expected it among the tensors")
    refused(stored, path, {**tensors, "more": torch.zeros(1)}, notes, "more: unknown")
    for name in notes.keys() - {"kind", "gain"}:
        less = {other: note for other, note in notes.items() if other != name}
        refused(stored, path, tensors, less, f"{name}: expected it among the notes")


NOTES = [
    ("layer", 3, "layer: expected str"),
    ("layer", "", "layer: expected the name of a submodule"),
    ("timestep", "300", "timestep: expected int"),
    ("timestep", True, "timestep: expected int"),
    ("timestep", 1001, "timestep: expected a finite number in 0…1000"),
    ("timestep", -1, "timestep: expected a finite number in 0…1000"),
    ("made", [], "made: expected"),
]


@pytest.mark.parametrize("name, value, words", NOTES)
@pytest.mark.parametrize("stored", STORED, ids=lambda stored: type(stored).__name__)
def test_notes_of_another_kind_are_refused(
    stored: Any, name: str, value: Any, words: str, tmp_path: Path
) -> None:
    tensors, notes = parts(stored, tmp_path / "a.safetensors")
    refused(stored, tmp_path / "a.safetensors", tensors, {**notes, name: value}, words)


@pytest.mark.parametrize(
    "text, words",
    [
        ("[1]", "expected moft .*, got another file"),
        ('{"kind": 7}', "got 7"),
        ("[" * 5000, "nesting"),
        ('{"kind": "moft statistics", "timestep": ' + "9" * 5000 + "}", "5000 digits"),
        ('{"kind": "moft statistics", "gain": NaN}', "not finite"),
        ("", "cannot read"),
    ],
)
def test_notes_that_are_no_plain_json_are_refused(text: str, words: str, tmp_path: Path) -> None:
    tensors, _ = parts(STATISTICS, tmp_path / "a.safetensors")
    refused(STATISTICS, tmp_path / "a.safetensors", tensors, text, words)


@pytest.mark.parametrize("gain", [0, -1.0, float("nan"), float("inf"), 1e300])
def test_a_gain_that_steers_nowhere_is_refused(gain: float) -> None:
    for stored in (STATISTICS, REFERENCE):
        with pytest.raises(RequestError, match="gain: expected a number above 0"):
            replace(stored, gain=gain)


@pytest.mark.parametrize("made", [{"frames": 0}, {"frames": "8"}, {"size": [64]}, {"size": [64, 1e9]}])
def test_a_size_that_no_clip_has_is_refused(made: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=r"made\.(frames|size): expected whole numbers"):
        replace(STATISTICS, made=made)
