"""Tensors with notes come back as they were, and only as the kind that they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from moft.errors import RequestError
from moft.media.tensors import load_tensors, save_tensors


def test_tensors_and_notes_come_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.safetensors"
    save_tensors(path, {"x": torch.arange(6.0).reshape(2, 3).T}, {"kind": "a test", "layer": "up"})
    tensors, notes = load_tensors(path, "a test", {"layer": str})
    assert torch.equal(tensors["x"], torch.arange(6.0).reshape(2, 3).T) and notes["layer"] == "up"
    assert os.listdir(path.parent) == [path.name]


def test_another_kind_and_what_is_no_such_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_tensors(path, {"x": torch.zeros(1)}, {"kind": "a test"})
    with pytest.raises(RequestError, match="expected a readout, got a test"):
        load_tensors(path, "a readout", {})
    path.write_text("no tensors")
    with pytest.raises(RequestError, match="expected a safetensors file of a test"):
        load_tensors(path, "a test", {})
    with pytest.raises(RequestError, match="expected an ordinary file, got no file"):
        load_tensors(tmp_path / "none", "a test", {})
