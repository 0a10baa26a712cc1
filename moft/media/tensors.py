"""Tensors with notes about them, as safetensors files of a kind; nothing is ever pickled."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from torch import Tensor

from moft.errors import RequestError


def save_tensors(path: str | os.PathLike[str], tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
    """Write a safetensors file with notes (JSON) about it, whole or not at all."""
    from safetensors.torch import save_file

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    save_file({k: v.contiguous() for k, v in tensors.items()}, aside, {"moft": json.dumps(notes)})
    aside.replace(path)


def load_tensors(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `save_tensors` wrote: tensors and notes. Raises RequestError unless the notes are of this kind."""
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
