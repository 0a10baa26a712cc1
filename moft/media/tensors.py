"""Tensors with notes about them, as safetensors files of a kind; nothing is ever pickled."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor

from moft import plain
from moft.errors import MoftError, RequestError
from moft.media.files import make_folder, replacing
from moft.ordinary import check_ordinary
from moft.request.fields import read

if TYPE_CHECKING:
    from moft.types import PathLike

T = TypeVar("T")

MAX_BYTES = 2**30  # of a file; a read-out has some 30 MiB


def save_tensors(path: PathLike, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
    """Write a safetensors file with notes (JSON, with a "kind" that names it), whole or not at all; folders
    are made. Raises MediaError where the disk fails."""
    from safetensors.torch import save

    path = Path(path)
    make_folder(path.parent)
    with replacing(path) as temporary:
        whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
        temporary.write_bytes(save(whole, {"moft": json.dumps(notes)}))  # save_file hides what fails


def load_as(
    cls: Callable[..., T],
    path: PathLike,
    kind: str,
    names: Collection[str],
    notes: Mapping[str, Any],
    later: Collection[str] = (),
    perhaps: Collection[str] = (),
) -> T:
    """What is made of the tensors and notes of a file, each by its name; `names` are those of the tensors,
    `perhaps` of those that may be there.

    Raises RequestError as `load_tensors` does, for other tensors, and for what the class refuses of them."""
    tensors, told = load_tensors(path, kind, notes, later)
    with about(path):
        for name in names:
            if name not in tensors:
                raise RequestError(f"{name}: expected it among the tensors, got nothing")
        for name in tensors:
            if name not in (*names, *perhaps):
                known = ", ".join((*names, *perhaps))
                raise RequestError(f"{name:.50}: unknown; expected tensors among {known}")
        return cls(**tensors, **told)


def load_tensors(
    path: PathLike, kind: str, notes: Mapping[str, Any], later: Collection[str] = ()
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `save_tensors` wrote: tensors by name, and notes.

    Args:
        kind: that the notes must say.
        notes: the type of every note but the kind, as `moft.request.fields.read` takes it.
        later: notes that older files have not.
    Raises:
        RequestError: no such file, or one that is not of this kind in all of this; it names what is not.
    """
    told, held = _held(path, f"a safetensors file of {kind}")
    found = told.pop("kind", None) if isinstance(told, dict) else None
    if found != kind:
        raise RequestError(f"cannot use {path}: expected {kind}, got {found or 'another file'!s:.50}")
    with about(path):
        return held, _notes(told, notes, later)


def _held(path: PathLike, expected: str) -> tuple[Any, dict[str, Tensor]]:
    """The notes and all tensors of a safetensors file."""
    from safetensors import safe_open

    check_ordinary(path, RequestError)
    if os.path.getsize(path) > MAX_BYTES:
        raise RequestError(f"cannot read {path}: expected {expected} of at most {MAX_BYTES} bytes, got more")
    try:
        with safe_open(path, "pt") as file:
            told = plain.parse((file.metadata() or {}).get("moft", "{}"))
            return told, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors and torch raise whatever they like for a file that is bent
        raise RequestError(f"cannot read {path}: expected {expected}, got {error!s:.200}") from error


@contextmanager
def about(path: PathLike) -> Iterator[None]:
    """What is refused inside is refused of this file."""
    try:
        yield
    except MoftError as error:
        raise RequestError(f"cannot use {path}: {error}") from error


def _notes(told: dict[str, Any], hints: Mapping[str, Any], later: Collection[str]) -> dict[str, Any]:
    for name in hints:
        if name not in told and name not in later:
            raise RequestError(f"{name}: expected it among the notes, got nothing")
    return {name: read(hint, told[name], name) for name, hint in hints.items() if name in told}
