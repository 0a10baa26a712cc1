"""The index of errors says what moft says: every message of it is in the source, and every family of messages
is in it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import moft

PACKAGE = Path(moft.__file__).parent
INDEX = PACKAGE.parent / "docs" / "errors.md"
RAISING = re.compile(r"_?refus(e|al)|(Moft|Media|Request|Backbone|Recipe)Error")
SHAPE = re.compile(r"expected|received|got|cannot|point|[^a-z]")  # what messages have in common
INSIDE = {"bench", "miniature"}  # wings for those who work on moft, whose errors are not in the index
GAP = "…"


def in_words(node: ast.AST) -> str:
    """The constant text of an expression, with a gap where something is put in."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else GAP
    if isinstance(node, ast.JoinedStr):
        return "".join(in_words(part) for part in node.values)
    return GAP


@cache
def said() -> list[tuple[str, str]]:
    """(where, text) of every call that raises an error on purpose, its texts side by side."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        where = path.relative_to(PACKAGE)
        if where.parts[0] in INSIDE:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
                if RAISING.fullmatch(name):
                    found.append((f"{where}:{node.lineno}", " | ".join(in_words(arg) for arg in node.args)))
    return found


def listed() -> list[str]:
    """The messages in the index: the first column of its tables, but for that of the classes."""
    rows = re.findall(r"^\| `([^`]+)` \| .* \| .* \|$", INDEX.read_text(), re.MULTILINE)
    return [row for row in rows if not row.endswith("Error")]


def holds(text: str, message: str) -> bool:
    """Whether a text has the parts of a message in their order."""
    return bool(re.search(".*".join(re.escape(part.strip()) for part in message.split(GAP)), text, re.DOTALL))


@pytest.mark.parametrize("message", listed())
def test_every_message_of_the_index_is_one_of_mofts(message: str) -> None:
    source = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    joined = re.sub(r'"\s*\n\s*f?"', "", source)  # texts that go over several lines
    assert any(holds(text, message) for _, text in said()) or holds(joined, message)


def test_every_error_is_in_the_index() -> None:
    """An error that is not: add its message to docs/errors.md, with what the user did, the cause and the
    mend."""
    messages = listed()
    speaking = [(where, text) for where, text in said() if len(SHAPE.sub("", text)) > 8]
    missing = [f"{where}: {text}" for where, text in speaking if not any(holds(text, m) for m in messages)]
    assert not missing, "\n".join(missing)
