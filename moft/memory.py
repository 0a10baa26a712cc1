"""Memory and disks that ended: told from other errors in one place, and said with what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from moft.errors import BackboneError, RecipeError, RequestError

_WORDS = ("allocate memory", "not enough memory", "out of memory", "insufficient memory")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ended: Python's and numpy's `MemoryError`, torch's on accelerators,
    and the `RuntimeError` of its allocator on the processor or the error of OpenCV, known by their words."""
    if isinstance(error, MemoryError) or "OutOfMemoryError" in {cls.__name__ for cls in type(error).__mro__}:
        return True
    theirs = isinstance(error, RuntimeError) or type(error).__module__.partition(".")[0] == "cv2"
    return theirs and any(words in str(error).lower() for words in _WORDS)


def is_disk_full(error: BaseException | None) -> bool:
    """Whether the disk had no room, here or in what led here; SQLite, codecs and loaders say it in words."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        quotes = isinstance(error, (RequestError, RecipeError))  # what somebody wrote
        if not quotes and ("disk is full" in str(error) or "No space left" in str(error)):
            return True
        error = error.__cause__
    return False


@contextmanager
def enough_memory(doing: str, remedy: str) -> Iterator[None]:
    """Raise BackboneError, that it happened while doing this, where memory ends inside the block."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise BackboneError(f"out of memory while {doing}; {remedy}") from error
