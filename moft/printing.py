"""What is printed. Names, prompts and recipes are anybody's: on a screen they are text, no orders to it."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable
from typing import Any


def printable(text: str) -> str:
    """One line that neither moves a terminal's cursor nor turns the order of letters round, whoever wrote
    it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def in_a_line(text: object) -> str:
    """The text of an error, say, without line breaks."""
    return " ".join(str(text).split())


def harmless(text: str) -> str:
    """The same of a text of several lines, which stay."""
    return "\n".join(map(printable, text.split("\n")))


def listed(rows: Iterable[tuple[str, str]], width: int) -> str:
    """A line for each name and what is said of it, which begins at this column; no text makes a line of its
    own."""
    return "\n".join(f"{printable(name) + ':':<{width}}{printable(text)}" for name, text in rows)


def span(seconds: float) -> str:
    """In the unit that suits: "40 s", "12 min", "3.5 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def in_json(value: Any) -> str:
    """As JSON on one line, in which every control character is escaped."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def show(text: str) -> None:
    """What a command was asked for, on stdout. Raises OSError where it cannot be written."""
    print(harmless(text), flush=True)


def say(line: str) -> None:
    """A line on stderr, where it is in no script's way; if nobody can hear it, that is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        print(printable(line), file=sys.stderr, flush=True)
