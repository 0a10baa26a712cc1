"""Docstrings as they are written in moft, turned into what Sphinx reads.

Two forms are ours: a line "name: what it is", which becomes an item of a list of parameters, and an indented block
behind a paragraph, which becomes an example. Everything else is left to napoleon.
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


def _process(_app: Any, what: str, _name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    lines[:] = rewritten(lines)
    if what in ("property", "attribute"):
        lines.insert(0, "")  # or napoleon takes what is before a colon for a type


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this. Before napoleon, which reads its own sections then."""
    app.connect("autodoc-process-docstring", _process, priority=100)
    return {"parallel_read_safe": True}
