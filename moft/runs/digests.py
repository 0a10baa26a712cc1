"""Digests of files, models, motion channels and frames."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft.errors import MediaError, RecipeError

if TYPE_CHECKING:
    import numpy as np

    from moft.feature.statistics import Statistics

_MODEL_FILES = (".json", ".safetensors", ".txt", ".model")


def file_digest(name: str | os.PathLike[str]) -> str:
    """ "sha256:…" of an ordinary file, or of the masks in a folder, by their names and in order.

    Raises RecipeError for anything else; MediaError for a folder without masks, or with too many."""
    from moft.media.region_text import masks_in

    if os.path.isdir(name):
        return _combined([(os.path.basename(mask), file_digest(mask)) for mask in masks_in(name)])
    if not os.path.isfile(name):
        raise RecipeError(
            f"cannot read {os.fspath(name)}: expected an ordinary file, got none; check the path"
        )
    found = hashlib.sha256()
    try:
        with open(name, "rb") as file:
            while block := file.read(2**20):
                found.update(block)
    except OSError as error:
        raise RecipeError(f"cannot read {os.fspath(name)}: {error.strerror}; check the path") from error
    return f"sha256:{found.hexdigest()}"


def model_digest(folder: str | None) -> str | None:
    """Of a diffusers folder: its commit if it is a snapshot of the hub, else of all weights and settings in it.

    None for None. Reads every byte of the weights, which a run has just done too."""
    if folder is None:
        return None
    root = Path(folder)
    if root.parent.name == "snapshots" and re.fullmatch("[0-9a-f]{40}", root.name):
        return f"commit:{root.name}"
    files = sorted(p for p in root.glob("*/*") if p.suffix in _MODEL_FILES and p.is_file())
    index = [root / "model_index.json"]
    return _combined([(p.relative_to(root).as_posix(), file_digest(p)) for p in index + files])


def statistics_digest(statistics: Statistics) -> str:
    """Of the numbers that steering uses, not of the file that they were in."""
    tensors = (statistics.channels, statistics.response, statistics.low, statistics.high)
    return _combined(
        [statistics.layer, statistics.timestep, statistics.gain, *(tensor.tolist() for tensor in tensors)]
    )


def frames_digest(video: np.ndarray) -> str:
    """Of uint8 frames and their shape."""
    return _combined([list(video.shape), hashlib.sha256(video.tobytes()).hexdigest()])


def _combined(parts: list[Any]) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"


def _digest_if_any(place: str) -> str | None:
    try:
        return file_digest(place)
    except MediaError:  # a folder that is none of masks
        return None
