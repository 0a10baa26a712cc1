"""What long work has found so far, piece by piece, kept beside its result until that is there.

So work that is stopped, also by `kill -9`, goes on where it was when it is asked for again. A piece is a file
named after all that it depends on: another question finds no piece of this one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import Tensor

from moft.errors import RequestError
from moft.feature.checks import check_floats
from moft.media.tensors import load_tensors, save_tensors
from moft.provenance import digest_of

T = TypeVar("T")
Shape = tuple[int | None, ...]


class Track(Protocol):
    """Wraps the loop over the pieces that are still to be made, to show progress."""

    def __call__(self, items: Sequence[T], /) -> Iterable[T]: ...


class Kept:
    """Pieces beside a result, in a folder `.NAME.parts`.

    Args:
        result: the file that all of it is for.
        question: plain JSON values that everything found depends on: the model's digest, settings, versions.
    """

    def __init__(self, result: Path, question: Sequence[Any]) -> None:
        self.folder, self._question = result.with_name(f".{result.name}.parts"), list(question)

    def load(self, name: Sequence[Any], shapes: dict[str, Shape]) -> dict[str, Tensor] | None:
        """The tensors of a piece, by name; None unless it is there, whole, and of these shapes."""
        with suppress(RequestError):  # none, or broken
            found, _ = load_tensors(self._path(name), _KIND, {})
            if found.keys() == shapes.keys():
                for key, shape in shapes.items():
                    check_floats(key, found[key], shape)
                return found
        return None

    def save(self, name: Sequence[Any], tensors: dict[str, Tensor]) -> None:
        """Keep a piece, whole or not at all. Raises MediaError where the disk fails."""
        save_tensors(self._path(name), tensors, {"kind": _KIND})

    def clear(self) -> None:
        """Take all of it away: the result is there."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name: Sequence[Any]) -> Path:
        digest = digest_of([*self._question, *name]).removeprefix("sha256:")
        return self.folder / f"{digest[:32]}.safetensors"


_KIND = "moft piece"


def pieces(
    names: Sequence[Sequence[Any]],
    make: Callable[[int], dict[str, Tensor]],
    shapes: Callable[[int], dict[str, Shape]],
    kept: Kept | None,
    track: Track = iter,
) -> list[dict[str, Tensor]]:
    """What `make` finds for each piece by its number, or an earlier run has kept of it.

    names: plain JSON values that tell each piece from the others; shapes: of its tensors, None any extent.
    Raises MediaError where the disk fails."""
    found = [None if kept is None else kept.load(name, shapes(i)) for i, name in enumerate(names)]
    for i in track([i for i, piece in enumerate(found) if piece is None]):
        found[i] = made = make(i)
        if kept is not None:
            kept.save(names[i], made)
    return [piece for piece in found if piece is not None]


def parted(count: int, most: int) -> list[range]:
    """The numbers below `count`, so many at once at most."""
    return [range(start, min(start + most, count)) for start in range(0, count, most)]
