"""Every command, on one application."""

from __future__ import annotations

from moft.bench.commands import app as bench
from moft.cli import channels, looking, moving, page, steering
from moft.cli.app import app
from moft.cli.batches import batch

app.add_typer(batch, name="batch")
app.add_typer(bench, name="bench")

__all__ = ["app", "channels", "looking", "moving", "page", "steering"]
