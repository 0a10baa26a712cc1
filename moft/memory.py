"""Memory that ended: told from other errors in one place, and said with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from moft.errors import BackboneError

_WORDS = ("allocate memory", "not enough memory", "out of memory", "insufficient memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ended: Python's and numpy's `MemoryError`, torch's on accelerators,
    and the `RuntimeError` of its allocator on the processor or the error of OpenCV, known by their words."""
    if isinstance(error, MemoryError) or "OutOfMemoryError" in {cls.__name__ for cls in type(error).__mro__}:
        return True
    theirs = isinstance(error, RuntimeError) or type(error).__module__.partition(".")[0] == "cv2"
    return theirs and any(words in str(error).lower() for words in _WORDS)


@contextmanager
def enough_memory(doing: str, remedy: str) -> Iterator[None]:
    """Raise BackboneError, that it happened while doing this, where memory ends inside the block."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise BackboneError(f"out of memory while {doing}; {remedy}") from error
