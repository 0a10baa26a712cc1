"""The directive `moft-fields`: a table of a dataclass's fields, with what is said of them
(`moft.request.said`).

```{moft-fields} moft.Motion
```
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from moft.request.said import Said, said_of

WIDTHS = (3, 3, 3, 8)
MANY = 2**31  # what is bounded by as much as a machine's numbers is not bounded for a reader
TITLES = ("field", "default", "unit, range", "what it is")


def rows(cls: type) -> list[tuple[str, str, str, str]]:
    """Name, default, unit with range or choices, and help of every field that a caller gives."""
    about = said_of(cls)
    return [
        (
            f.name,
            _default(f),
            *((_bounds(about[f.name]), about[f.name].help) if f.name in about else ("", "")),
        )
        for f in dataclasses.fields(cls)
        if f.init
    ]


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return repr(field.default)
    if field.default_factory is not dataclasses.MISSING:
        return repr(field.default_factory())
    return "must be given"


def _bounds(about: Said) -> str:
    parts = (about.unit, ", ".join(about.options or ()), reach(about.least, about.most))
    return ", ".join(part for part in parts if part)


def reach(least: float | None, most: float | None) -> str:
    """A range in words; empty if there is none."""
    most = None if most is not None and most >= MANY else most
    if least is None or most is None:
        return f"≥ {least:g}" if least is not None else f"≤ {most:g}" if most is not None else ""
    return f"{least:g} … {most:g}"


def table(titles: tuple[str, ...], cells: list[tuple[str, ...]], plain: int = 1) -> nodes.table:
    """A table; the last `plain` columns are prose, those before them code."""
    group = nodes.tgroup(cols=len(titles))
    group += [nodes.colspec(colwidth=width) for width in WIDTHS]
    head, body = nodes.thead(), nodes.tbody()
    head += _row([nodes.Text(title) for title in titles])
    code = len(titles) - plain
    for texts in cells:
        body += _row(
            [nodes.literal(text=t) if i < code and t else nodes.Text(t) for i, t in enumerate(texts)]
        )
    group += [head, body]
    made = nodes.table(classes=["moft-fields"])
    made += group
    return made


def _row(contents: list[nodes.Node]) -> nodes.row:
    row = nodes.row()
    for content in contents:
        entry, text = nodes.entry(), nodes.paragraph()
        text += content
        entry += text
        row += entry
    return row


class Fields(SphinxDirective):
    """`moft-fields`, with the full name of a dataclass."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table."""
        module, _, name = self.arguments[0].rpartition(".")
        return [table(TITLES, rows(getattr(importlib.import_module(module), name)), plain=2)]


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.add_directive("moft-fields", Fields)
    return {"parallel_read_safe": True}
