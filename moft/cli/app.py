"""The application that commands belong to, what several of them take, and how they speak."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from moft import __version__
from moft.cli.ending import check_arguments, leave_unread, safe_screens, status_of, stoppable
from moft.printing import say, show, span

if TYPE_CHECKING:
    from rich.console import Console

    from moft.feature.model import Model as LoadedModel

T = TypeVar("T")

CONVENTION = "Directions say where the picture goes: left = the picture content goes left (camera right)."

Model = Annotated[str, typer.Option(help="miniature, a folder, or a hub id (only that is fetched).")]
Channels = Annotated[Path | None, typer.Option(help="Motion channels file; default: the model's.")]
Frames = Annotated[int | None, typer.Option(min=2, help="Default: the model's.")]
Side = Annotated[int | None, typer.Option(min=16, help="px; default: the model's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print only JSON on stdout.")]


ORDER = (
    "app",
    "steer",
    "drag",
    "batch",
    "replay",
    "info",
    "doctor",
    "channels",
    "calibrate",
    "explain",
    "field",
    "measure",
    "score",
    "models",
    "bench",
)


class _Group(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which a newcomer meets them."""
        return sorted(super().list_commands(ctx), key=ORDER.index)

    def main(self, args: Sequence[str] | None = None, *others: Any, **extra: Any) -> Any:
        """Run what was typed and end the program, as `moft.cli.ending` says."""

        def command() -> Any:
            check_arguments(list(sys.argv[1:] if args is None else args))
            return super(_Group, self).main(args, *others, **{**extra, "standalone_mode": False})

        with safe_screens(), stoppable():
            status = status_of(command)
        sys.exit(status)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # typer would end with status 1
            raise typer.Exit(leave_unread()) from None


app = typer.Typer(cls=_Group, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


def _version(wanted: bool) -> None:
    if wanted:
        show(f"moft {__version__}")
        raise typer.Exit


@app.callback(
    epilog=f"Example: moft steer --prompt 'a red ball over blue cells' --motion left.  {CONVENTION}"
)
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """See and steer the motion inside video diffusion models, with no training."""


def loaded(name: str, channels: Path | None = None) -> LoadedModel:
    """A model by its name, and as many threads as serve it."""
    import moft
    from moft.models.loading import settle_threads

    model = moft.load(name, channels=channels)
    settle_threads(model.pipe)
    return model


def console(stream: Any) -> Console:
    """For tables and bars, which move the cursor on purpose; lines stay whole where nobody's screen is."""
    from rich.console import Console

    return Console(file=getattr(stream, "raw", stream), width=None if stream.isatty() else 160)


def tracked(items: Sequence[T], then: int = 0) -> Iterator[T]:
    """The items, with a bar on stderr if that is a terminal. As soon as one is done, and again after a tenth,
    a line says how long the others will take, and as many more as come `then`."""
    from rich.progress import track

    shown = track(items, "looking", console=console(sys.stderr), disable=not sys.stderr.isatty())
    started = time.monotonic()
    for done, item in enumerate(shown):
        if done in {1, ceil(len(items) / 10)} - {0}:
            left = len(items) - done + then
            say(f"about {span((time.monotonic() - started) / done * left)} to go")
        yield item


@contextmanager
def steps_shown() -> Iterator[Any]:
    """What `moft.run` hands its steps to: bars on stderr, one a part of the run; None where nobody
    watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import Progress

    with Progress(console=console(sys.stderr), transient=True) as progress:
        bars: dict[str, Any] = {}

        def watch(step: Any) -> None:
            if step.part not in bars:
                bars[step.part] = progress.add_task(step.part, total=step.count)
            progress.update(bars[step.part], completed=step.index, total=step.count)

        yield watch
