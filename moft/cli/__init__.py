"""The command line: parse, call, present. Nothing imports it."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of the `moft` command."""
    from moft.errors import MoftError
    from moft.optional import needs

    try:
        needs("typer", "rich")
    except MoftError as error:  # what tells errors otherwise needs them too
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    from moft.cli.ending import open_streams

    open_streams()
    # Threads that wait sleep: on a busy machine those that spin take the time from those that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from moft.cli.commands import app

    app()
