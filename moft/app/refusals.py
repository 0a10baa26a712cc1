"""What the page is told where something cannot be done: what is wrong, what to do, and a status."""

from __future__ import annotations

from typing import Any

from moft.app.folder import NotHere
from moft.errors import MoftError
from moft.memory import is_disk_full, is_out_of_memory
from moft.printing import in_a_line, printable


class Refused(MoftError):
    """Refused for a reason of the app's own, with the status that says so."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def status_of(error: BaseException) -> int:
    """The status of HTTP that says what kind of error this is."""
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, NotHere):
        return 404
    if is_disk_full(error):
        return 507
    return 400 if isinstance(error, MoftError) else 500


def told(error: BaseException) -> dict[str, Any]:
    """An error as the page shows it: no traceback, no control characters."""
    if not isinstance(error, MoftError) or is_disk_full(error):
        return {**_unforeseen(error), "where": None}
    named = str(error).partition(": ")
    where = named[0] if named[1] and " " not in named[0] and named[0][:1].isalpha() else None
    return {**in_two(str(error)), "where": where}


def in_two(text: str) -> dict[str, str]:
    """The line of an error: what is wrong, and behind its last semicolon what to do."""
    what, _, remedy = printable(in_a_line(text)).rpartition("; ")
    return {"error": what or remedy, "do": remedy if what else ""}


def _unforeseen(error: BaseException) -> dict[str, str]:
    if is_disk_full(error):
        return {
            "error": "the disk is full",
            "do": "make room on it, then try again; nothing finished is lost",
        }
    if is_out_of_memory(error):
        return {"error": "out of memory", "do": "ask for fewer frames or a smaller size"}
    if isinstance(error, OSError):
        return {
            "error": f"the disk refused: {error.strerror or 'no reason given'}",
            "do": "check disk and rights",
        }
    name = type(error).__name__
    return {"error": f"moft did not foresee this ({name})", "do": "the terminal that runs moft app says more"}
