"""The directive `moft-commands`: every command of the command line with its arguments and options, as it has
them.

Typer brings its own copy of click, which sphinx-click does not read; so the page is made here, from the
parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docutils import nodes
from fields import reach, table
from sphinx.util.docutils import SphinxDirective

TITLES = ("option", "default", "range", "what it does")


def commands(command: Any, name: str = "moft") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its full name, in the order of the help."""
    if not hasattr(command, "commands"):
        yield name, command
        return
    for key, inner in command.commands.items():
        yield from commands(inner, f"{name} {key}")


def application() -> Any:
    """The command line as the tree of commands that Typer makes of it."""
    import typer

    from moft.cli.commands import app

    return typer.main.get_command(app)


def rows(command: Any) -> list[tuple[str, str, str, str]]:
    """How it is written, default, range, and help of each argument and option."""
    return [
        (_written(p), _default(p), reach(getattr(p, "min", None), getattr(p, "max", None)), p.help or "")
        for p in command.params
    ]


def _written(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper()) + (" …" if parameter.nargs != 1 else "")
    return ", ".join(parameter.opts) + (" …" if parameter.multiple else "")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "must be given"
    return "" if parameter.default in (None, False, []) else str(parameter.default)


def _examples(epilog: str) -> nodes.bullet_list:
    """The sentences behind a command's help, which double spaces part; what is to be typed is code."""
    listed = nodes.bullet_list()
    for sentence in filter(None, (part.strip() for part in epilog.split("  "))):
        label, colon, typed = sentence.partition(": moft ")
        text = nodes.paragraph(text=label + (": " if colon else ""))
        if colon:
            text += nodes.literal(text=f"moft {typed.removesuffix('.')}")
        listed += nodes.list_item("", text)
    return listed


class Commands(SphinxDirective):
    """`moft-commands`, without arguments."""

    def run(self) -> list[nodes.Node]:
        """A section a command."""
        made: list[nodes.Node] = []
        for name, command in commands(application()):
            section = nodes.section(ids=[name.replace(" ", "-")], names=[name])
            section += [nodes.title(text=name), nodes.paragraph(text=command.help)]
            section += table(TITLES, rows(command))
            if command.epilog:
                section += _examples(command.epilog)
            self.state.document.note_explicit_target(section)
            made.append(section)
        return made


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.add_directive("moft-commands", Commands)
    return {"parallel_read_safe": True}
