"""Docstrings as they are written in moft, turned into what Sphinx reads.

Two forms are ours: a line "name: what it is", which becomes an item of a list of parameters, and an indented
block behind a paragraph, which becomes an example. Everything else is left to napoleon.
"""

from __future__ import annotations

import re
from typing import Any

_PARAMETER = re.compile(r"(\w+(?:, \w+)*): (\S.*)")
_SECTION = re.compile(r"(Args|Returns|Raises|Yields):$")


def rewritten(lines: list[str]) -> list[str]:
    """The lines of a docstring with parameters as list items and indented blocks as literal blocks."""
    made: list[str] = []
    inside = ""  # "section" that napoleon reads, "item" of ours, "example", or prose
    for line in lines:
        blank, indented = not line.strip(), line.startswith(" ")
        parameter = None if indented else _PARAMETER.match(line)
        after_blank = bool(made) and not made[-1].strip()
        if _SECTION.match(line):
            inside = "section"
        elif inside == "section" and (blank or indented):
            pass
        elif parameter:
            made += ["", f"* **{parameter[1]}**: {parameter[2]}"]
            inside = "item"
            continue
        elif inside == "item" and not blank and not after_blank:
            line = f"  {line.strip()}"
        elif indented and after_blank and inside != "example":
            made += ["::", ""]
            inside = "example"
        elif not blank and not indented:
            made += [""] if inside == "item" else []
            inside = ""
        made.append(line)
    return made


_PROPERTIES = ("property", "attribute")
_kept: dict[
    str, list[str]
] = {}  # docstrings of properties, past napoleon, which takes what is before a colon for a type


def _before(_app: Any, what: str, name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    lines[:] = rewritten(lines)
    if what in _PROPERTIES:
        _kept[name], lines[:] = list(lines), []


def _after(_app: Any, what: str, name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    if what in _PROPERTIES:
        lines[:] = _kept.pop(name)


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this. Before napoleon and after it; its priority is 500."""
    app.connect("autodoc-process-docstring", _before, priority=100)
    app.connect("autodoc-process-docstring", _after, priority=900)
    return {"parallel_read_safe": True}
