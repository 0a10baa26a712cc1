"""What the pages say is so: their Python names what there is, their commands have these options, their links
lead somewhere."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

import moft

ROOT = Path(moft.__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(p for p in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in p.parts)]
REQUESTS = {"Motion", "Like", "Drag", "Settings"}  # made of plain values, so those in the pages are made here


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


PYTHON = [(name(page), text) for page in PAGES for text in blocks(page, "python")]
SCRIPTS = [(name(path), path.read_text()) for path in sorted((ROOT / "examples").glob("*.py"))]
TYPED = [  # in blocks and in running text, there without an ellipsis
    (name(page), line)
    for page in PAGES
    for text in (*blocks(page, "sh"), *re.findall(r"`(moft [a-z][^`\n…]*)`", page.read_text()))
    for line in text.splitlines()
    if re.match(r"(\S*/)?moft ", line)
]


def public(node: ast.AST) -> str | None:
    """NAME of `moft.NAME`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "moft":
        return node.attr
    return None


@pytest.mark.parametrize(("page", "text"), PYTHON)
def test_python_in_a_page_calls_what_there_is(page: str, text: str) -> None:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        used = public(node)
        assert used is None or hasattr(moft, used), f"{page}: moft.{used}"
        if isinstance(node, ast.Call) and public(node.func):
            check_call(getattr(moft, str(public(node.func))), node)


def check_call(thing: Any, call: ast.Call) -> None:
    """Raise TypeError for arguments that it does not take."""
    spread = any(isinstance(arg, ast.Starred) for arg in call.args)
    if not spread and not (isinstance(thing, type) and issubclass(thing, Exception)):
        inspect.signature(thing).bind(*call.args, **{str(word.arg): None for word in call.keywords})


@pytest.mark.parametrize(("page", "text"), PYTHON)
def test_requests_in_a_page_can_be_made(page: str, text: str) -> None:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and public(node.func) in REQUESTS:
            eval(ast.unparse(node), {"moft": moft})  # our own page


def test_requests_in_tables_can_be_made() -> None:
    """Those of inline code, as `Motion("left", ease="in")`."""
    made = 0
    for page in PAGES:
        for text in re.findall(r"`((?:Motion|Like)\([^`]*\))`", page.read_text()):
            eval(text, {"Motion": moft.Motion, "Like": moft.Like})
            made += 1
    assert made > 5


@pytest.mark.parametrize(("page", "line"), TYPED)
def test_commands_in_a_page_have_their_options(page: str, line: str) -> None:
    import typer

    from moft.cli.commands import app

    command: Any = typer.main.get_command(app)
    words = shlex.split(line, comments=True)[1:]
    while hasattr(command, "commands"):
        if "run" in command.commands and words and words[0] not in command.commands:
            command = command.commands["run"]  # as `moft batch` alone
        elif words and not words[0].startswith("-"):
            command = command.commands[words.pop(0)]
        else:
            break
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in words if re.match(r"--?[a-z]", word)} <= known, page


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_programs_that_a_page_runs_are_there(page: Path) -> None:
    for path, module in re.findall(r"\bpython (?:(\S+\.py)|-m (moft[\w.]*))", page.read_text()):
        assert not path or (ROOT / path).exists(), path
        assert not module or importlib.util.find_spec(module), module


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", prose):
        assert "://" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("thing", moft.__all__)
def test_every_public_name_is_in_the_reference(thing: str) -> None:
    pages = [*(ROOT / "docs" / "reference").glob("*.md"), ROOT / "docs" / "errors.md"]
    directive = re.compile(rf"^\.\. auto\w+:: moft\.{thing}$", re.MULTILINE)
    assert sum(len(directive.findall(page.read_text())) for page in pages) == 1


@pytest.mark.parametrize("thing", moft.__all__)
def test_every_public_name_has_a_docstring_and_an_example(thing: str) -> None:
    """In its own docstring, in a script or in a page; an error, where a reader meets it: in the index of
    errors."""
    said = inspect.getdoc(getattr(moft, thing)) or ""
    assert said
    shown = [said, *(text for _, text in (*PYTHON, *SCRIPTS))]
    if thing.endswith("Error"):
        shown.append((ROOT / "docs" / "errors.md").read_text())
    assert any(re.search(rf"\bmoft\.{thing}\b", text) for text in shown)


def test_tables_of_the_site_have_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sphinx")
    monkeypatch.setattr(sys, "path", [str(ROOT / "docs" / "extensions"), *sys.path])
    import commands
    import fields

    rows = {row[0]: row[1:] for row in fields.rows(moft.Settings)}
    assert rows["gradient_steps"] == (
        "None",
        "1 … 1000",
        "Updates of the latents in each guided step; default: what suits each request (2 as in the release; "
        "1 for steady motions, stillness and fields).",
    )
    assert "normalised" in rows["rule"][1]
    named = dict(commands.commands(commands.application()))
    assert {"moft steer", "moft drag", "moft bench cost"} <= named.keys()
    assert ("--motion …", "", "") in [row[:3] for row in commands.rows(named["moft steer"])]
