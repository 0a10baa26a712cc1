"""The command line: parse, call, present. Nothing imports it."""

from __future__ import annotations

import os


def main() -> None:
    """Entry point of the `moft` command."""
    from moft.cli.ending import open_streams

    open_streams()
    # Threads that wait sleep: on a busy machine those that spin take the time from those that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from moft.cli.commands import app

    app()
