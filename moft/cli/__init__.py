"""The command line: parse, call, present. Nothing imports it."""

from __future__ import annotations


def main() -> None:
    """Entry point of the `moft` command."""
    from moft.cli.ending import open_streams

    open_streams()
    from moft.cli.commands import app

    app()
