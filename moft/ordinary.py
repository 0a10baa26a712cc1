"""Opening what somebody named: ordinary files alone, since a pipe or a device may never end."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from moft.errors import MediaError, MoftError

if TYPE_CHECKING:
    from moft.types import PathLike

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def check_ordinary(path: PathLike, error: type[MoftError] = MediaError) -> None:
    """Raise `error` unless this is an ordinary file, or a link to one; a pipe is not waited for."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # of names that no system takes
        got = "no file"
    else:
        if stat.S_ISREG(mode):
            return
        got = next((words for is_kind, words in _KINDS if is_kind(mode)), "something else")
    name = os.fspath(path)
    raise error(f"cannot read {name!s:.300}: expected an ordinary file, got {got}; check the path")


def open_ordinary(path: PathLike, error: type[MoftError] = MediaError) -> BinaryIO:
    """An ordinary file, open for reading.

    Raises `error` for what is none, and OSError where the system refuses."""
    check_ordinary(path, error)
    return open(path, "rb")
