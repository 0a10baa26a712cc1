"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moft.errors import MediaError
from moft.media.checks import refusal


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
