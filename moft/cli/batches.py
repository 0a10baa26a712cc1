"""`moft batch`: many jobs, by several workers, gone on with after any interruption."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from moft.cli.app import CONVENTION, AsJson, Channels, Frames, Model, Side, console
from moft.cli.fields import taking
from moft.cli.steering import STEERED, Ordered
from moft.cli.sweeps import VARIED, varied
from moft.errors import RequestError
from moft.optional import needs
from moft.printing import in_a_line, in_json, say, show, span

EXAMPLES = (
    "Examples: moft batch jobs.jsonl -o night --workers 2.  moft batch -o night --resume.  moft batch "
    "--prompt 'red cells' --vary seed=0:8 --vary 'motion=left,right,zoom in' -o sweep.  moft batch status "
    f"night.  {CONVENTION}"
)
QUIET = 30.0  # seconds between two lines of progress where nobody's screen is


class _Group(TyperGroup):
    """`moft batch` alone is `moft batch run`, so a manifest may follow at once."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


batch = typer.Typer(cls=_Group, no_args_is_help=True, rich_markup_mode=None, epilog=EXAMPLES)
Manifest = Annotated[Path | None, typer.Argument(help="A job a line, as JSON (see the guide on batches).")]
Vary = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OPTION=VALUES",
        help="Instead of a manifest: one job given as to moft steer, with this option at each of these "
        "values, seed=0:100 or 'motion=left,right'; give several for all combinations. Where "
        "values have commas, put | between them.",
    ),
]
Defaults = Annotated[
    Path | None, typer.Option(help="JSON of what jobs have in common, unless they say it themselves.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the clips and the table.")]
Workers = Annotated[int, typer.Option(min=1, max=1024, help="Processes, each with a model of its own.")]
Ray = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Workers by Ray: local, or the address of a cluster (HOST:PORT)."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on in a folder that has jobs; those done stay.")]
Again = Annotated[
    bool, typer.Option("--again", help="With --resume: jobs that failed or were set aside, too.")
]
Retries = Annotated[int, typer.Option(min=0, max=100, help="More tries of a job that fails.")]
Shard = Annotated[str | None, typer.Option(metavar="I/N", help="Only this part of the jobs, 1/8 to 8/8 say.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only check, count and estimate; one job is tried in few steps.")
]
Folder = Annotated[Path, typer.Argument(help="Folder of a batch.")]


@batch.callback()
def _root() -> None:
    """Make many clips: the jobs of a manifest, or one job with some of its options varied."""


def _check_asked(manifest: Path | None, vary: list[str] | None, resume: bool) -> None:
    if (manifest is not None and vary) or not (manifest or vary or resume):
        got = "both" if vary else "none"
        raise RequestError(f"expected a manifest or --vary, or --resume alone, got {got}; say what to make")


@batch.command(cls=Ordered, epilog=EXAMPLES)
@taking(*STEERED)
def run(
    ctx: typer.Context,
    manifest: Manifest = None,
    vary: Vary = None,
    defaults: Defaults = None,
    out: Out = Path("batch"),
    workers: Workers = 1,
    ray: Ray = None,
    resume: Resume = False,
    again: Again = False,
    retries: Retries = 0,
    shard: Shard = None,
    dry_run: DryRun = False,
    model: Model = "miniature",
    channels: Channels = None,
    frames: Frames = None,
    height: Side = None,
    width: Side = None,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Make the jobs of a manifest, or one job varied."""
    needs("diffusers", "cv2", *(["ray"] if ray else []))
    from moft.batch.driver import apart, store_in
    from moft.batch.manifest import queue, read_defaults, write_manifest

    _check_asked(manifest, vary, resume)
    if not vary:
        _check_alone(ctx.meta["order"])
    part, common = _shard(shard), None if defaults is None else read_defaults(defaults)
    at = store_in(out, part) if dry_run else _place(out, part, resume)
    with TemporaryDirectory() as passing:
        if vary:
            place = Path(passing) if dry_run else out
            every = {**given, "frames": frames, "height": height, "width": width}
            jobs = varied(ctx, {**every, "model": model, "channels": channels}, vary)
            write_manifest(manifest := place / "jobs.jsonl", jobs)
        checked = apart(queue, manifest, common, part, None if dry_run else at) if manifest else None
        _tell_bad(checked, manifest)
        if dry_run:
            _tell_plan(checked, manifest, common, workers, as_json)
            return
    how = {"workers": workers, "retries": retries, **({"address": ray} if ray else {})}
    _make(at, out, how, again, as_json, part == (1, 1))


@batch.command(epilog="Example: moft batch status night --json.")
def status(folder: Folder, as_json: AsJson = False) -> None:
    """How far a batch is, what failed, and how long the rest may take."""
    from moft.batch.driver import stores_in
    from moft.batch.status import status_of
    from moft.batch.store import Store

    found = status_of([Store(path) for path in stores_in(folder)])
    show(in_json(found.to_json()) if as_json else "\n".join(found.lines()))


@batch.command(epilog="Example: moft batch report night, when all parts of an array have ended.")
def report(folder: Folder, as_json: AsJson = False) -> None:
    """Write the table, the contact sheet and the page of a batch anew, of all its parts together."""
    from moft.batch.driver import stores_in

    files = _reported(stores_in(folder), folder)
    show(in_json([str(file) for file in files]) if as_json else "\n".join(map(str, files)))


def _check_alone(order: list[str]) -> None:
    """Raise RequestError for options of a job, of these that were typed, where a manifest says what jobs are
    to be."""
    typed = [f"--{name.replace('_', '-')}" for name in dict.fromkeys(order) if name in VARIED]
    if typed:
        raise RequestError(
            f"expected what jobs are to be in the manifest or --defaults, got {', '.join(typed)}; write it "
            "there, or pass --vary"
        )


def _shard(text: str | None) -> tuple[int, int]:
    """ "3/8": the third of eight parts."""
    if text is None:
        return 1, 1
    first, slash, last = text.partition("/")
    part = (int(first), int(last)) if slash and first.isdecimal() and last.isdecimal() else (0, 0)
    if not 1 <= part[0] <= part[1] <= 100_000:
        raise RequestError(f"expected --shard I/N with 1 <= I <= N, got {text!r:.50}; 1/8 say")
    return part


def _place(out: Path, part: tuple[int, int], resume: bool) -> Path:
    """Where the jobs are kept, in a folder that may have some only to go on with."""
    from moft.batch.driver import store_in
    from moft.batch.table import CSV
    from moft.media.files import ready_folder

    at = store_in(ready_folder(out, CSV), part)
    if not resume and at.exists():
        raise RequestError(
            f"expected a folder without jobs, got {out}; pass --resume to go on, or another -o"
        )
    return at


def _tell_bad(checked: dict[str, Any] | None, manifest: Path | None) -> None:
    """Every bad line by its number, and then the error."""
    if not checked or not checked["bad"]:
        return
    bad = sorted((int(number), text) for number, text in checked["bad"].items())
    for number, text in bad:
        say(f"line {number}: {in_a_line(text)}")
    raise RequestError(f"expected jobs, got {len(bad)} bad lines in {manifest}; mend them: nothing was begun")


def _tell_plan(
    checked: dict[str, Any] | None,
    manifest: Path | None,
    common: dict[str, Any] | None,
    workers: int,
    as_json: bool,
) -> None:
    """How many jobs there are, and what they may take."""
    from moft.batch.driver import apart
    from moft.batch.estimate import estimate

    if checked is None or manifest is None:
        raise RequestError("expected a manifest or --vary for --dry-run, got none; say what would be made")
    found = apart(estimate, manifest, common) if checked["jobs"] else None
    if as_json:
        show(in_json({"jobs": checked["jobs"], "workers": workers, "estimate": found}))
        return
    lines = [f"{checked['jobs']} jobs, all well; nothing was begun"]
    if found is not None:
        took = found["seconds"] * checked["jobs"] / found["jobs"] / workers + found["loading"]
        memory = "" if found["memory_mb"] is None else f", {found['memory_mb'] * workers:.0f} MB of memory"
        by = "one worker" if workers == 1 else f"{workers} workers that do not hinder each other"
        lines.append(f"an estimate, by one job in few steps: {span(took)} with {by}{memory}")
    show("\n".join(lines))


def _make(at: Path, out: Path, how: dict[str, Any], again: bool, as_json: bool, whole: bool) -> None:
    """Make what is queued in a store, and write the table and the page."""
    from moft.batch.cluster import drive_by_ray
    from moft.batch.driver import drive
    from moft.batch.status import status_of
    from moft.batch.store import Store

    if not at.exists():
        raise RequestError(f"expected jobs in {out} to go on with, got none; pass a manifest or --vary")
    store = Store(at)
    for row in list(store.rows("failed", "poisoned", "cancelled")) if again else ():
        store.retry(row.key)
    try:
        with _shown(how["workers"]) as tell:
            (drive_by_ray if "address" in how else drive)(store, out, tell, **how)
    except BaseException:
        say(f"stopped; finished jobs stay: go on with moft batch -o {out} --resume")
        raise
    found = status_of([store])
    files = _reported([at], out) if whole else []
    told = [*found.lines(), *map(str, files)]
    show(in_json({**found.to_json(), "files": list(map(str, files))}) if as_json else "\n".join(told))
    if found.counts["done"] < found.jobs:
        raise typer.Exit(1)


def _reported(stores: list[Path], out: Path) -> list[Path]:
    from moft.batch.page import write_page
    from moft.batch.store import Store
    from moft.batch.table import write_tables

    opened = [Store(path) for path in stores]
    return [*write_tables(opened, out), *write_page(opened, out)]


@contextmanager
def _shown(workers: int) -> Iterator[Any]:
    """What is handed the counts: a bar on stderr if that is a terminal, else a line now and then."""
    from moft.batch.status import Pace

    pace = Pace(workers)
    if not sys.stderr.isatty():
        yield pace.every(QUIET, say)
        return
    from rich.progress import Progress

    with Progress(console=console(sys.stderr), transient=True) as progress:
        bar = progress.add_task("")

        def tell(counts: dict[str, int]) -> None:
            line = pace.line(counts)
            progress.update(bar, completed=pace.ended, total=pace.jobs, description=line)

        yield tell
