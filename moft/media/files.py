"""Files that appear whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moft.errors import MediaError


def check_folder(out: Path) -> None:
    """Raise MediaError unless the folder of `out` is there and can be written."""
    if not out.parent.is_dir():
        raise MediaError(
            f"cannot write {out}: expected an existing folder, got {out.parent}; create it first"
        )
    with staging(out.parent):
        pass


@contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """A passing folder on the same disk, whose finished files are renamed into place."""
    try:
        with tempfile.TemporaryDirectory(prefix=".moft-", dir=parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise MediaError(f"cannot write in {parent}: {error.strerror or error}; choose another -o") from error
