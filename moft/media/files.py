"""Files that appear whole or not at all, and digests that tell whether they are the same."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from moft.errors import MediaError, RecipeError
from moft.media.checks import refusal
from moft.media.region_text import masks_in
from moft.provenance import digest_of

if TYPE_CHECKING:
    from moft.types import Video


def check_parent(out: Path) -> None:
    """Raise MediaError unless the folder of `out` is there."""
    if not out.parent.is_dir():
        raise refusal(str(out), "an existing folder", str(out.parent), "create it first", "write")


def check_folder(out: Path) -> None:
    """Raise MediaError unless the folder of `out` is there and can be written."""
    check_parent(out)
    with staging(out.parent):
        pass


@contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """A passing folder on the same disk, whose finished files are renamed into place.

    Raises MediaError where the disk fails.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".moft-", dir=parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise MediaError(f"cannot write in {parent}: {error.strerror or error}; choose another -o") from error


def file_digest(name: str | os.PathLike[str]) -> str:
    """ "sha256:…" of an ordinary file, or of the masks in a folder, by their names and in order.

    Raises RecipeError for anything else; MediaError for a folder without masks, or with too many."""
    if os.path.isdir(name):
        return digest_of([(os.path.basename(mask), file_digest(mask)) for mask in masks_in(name)])
    if not os.path.isfile(name):
        raise RecipeError(
            f"cannot read {os.fspath(name)}: expected an ordinary file, got none; check the path"
        )
    try:
        with open(name, "rb") as file:
            digest = hashlib.sha256()
            while block := file.read(2**20):
                digest.update(block)
    except OSError as error:
        raise RecipeError(f"cannot read {os.fspath(name)}: {error.strerror}; check the path") from error
    return f"sha256:{digest.hexdigest()}"


def frames_digest(video: Video) -> str:
    """Of uint8 frames and their shape."""
    return digest_of([list(video.shape), hashlib.sha256(video.tobytes()).hexdigest()])


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A new name in the same folder, to be written; the file takes the target's place if all goes well.

    Raises OSError where the disk fails.
    """
    temporary = target.with_name(f".{secrets.token_hex(8)}{target.suffix.lower()}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
