"""Tensors with notes about them, as safetensors files of a kind; nothing is ever pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from moft.errors import RequestError
from moft.media.files import make_folder, replacing

if TYPE_CHECKING:
    from moft.types import PathLike


def save_tensors(path: PathLike, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
    """Write a safetensors file with notes (JSON, with a "kind" that names it), whole or not at all; folders
    are made. Raises MediaError where the disk fails."""
    from safetensors.torch import save

    path = Path(path)
    make_folder(path.parent)
    with replacing(path) as temporary:
        whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
        temporary.write_bytes(save(whole, {"moft": json.dumps(notes)}))  # save_file hides what fails


def load_tensors(path: PathLike, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `save_tensors` wrote: tensors by name, and notes.

    Raises RequestError for no such file, and unless the notes are of this kind.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            notes = json.loads((file.metadata() or {})["moft"])
            if notes["kind"] != kind:
                raise RequestError(f"cannot use {path}: expected {kind}, got {notes['kind']}")
            return {name: file.get_tensor(name) for name in file.keys()}, notes  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise RequestError(
            f"cannot read {path}: expected a safetensors file of {kind}, got {error}"
        ) from error
