"""The command line: parse, call, present. Nothing imports it."""

from __future__ import annotations


def main() -> None:
    """Entry point of the `moft` command."""
    from moft.cli.commands import app

    app()
