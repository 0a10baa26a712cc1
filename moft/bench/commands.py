"""`moft bench`: parse, run, write. Each command leaves one JSON file in its folder, and beside it the clips
it was scored on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from moft.bench.control.commands import Of, chosen, quiet_pipeline
from moft.bench.control.commands import app as control
from moft.optional import needs
from moft.printing import in_json, say, show

app = typer.Typer(
    rich_markup_mode=None,
    help="Measure what is claimed: the paper's tables, other systems' objectives, and the cost.",
)

Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        help="Folder for the results, as JSON, and for the clips; a run that was cut off goes on there.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print only JSON on stdout.")]
Few = Annotated[
    int | None,
    typer.Option(
        "--tasks", min=1, help="Only the first so many directions or paths: less time, wider intervals."
    ),
]
Musiq = Annotated[
    Path | None,
    typer.Option(help="Rate frames by MUSIQ with these weights, as VBench does; else by their sharpness."),
]
Prompts = Annotated[
    int,
    typer.Option(min=1, max=64, help="Prompts a direction in Table 1, of which Table 4 takes the first 8."),
]
Pairs = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=512,
        help="Instead of --prompts: as many as give so many pairs of direction and prompt; 270 are "
        "the paper's.",
    ),
]
Workers = Annotated[
    int, typer.Option(min=1, max=64, help="Processes that sample the clips of Table 1 at once.")
]
RESULTS = Path("bench")


@app.callback(
    invoke_without_command=True,
    epilog="Examples: moft bench --quick -o results.  moft bench features -o results.  "
    "moft bench page results -o docs/benchmarks.md.",
)
def _all(
    ctx: typer.Context,
    quick: Annotated[
        bool, typer.Option("--quick", help="All of it with few clips: minutes instead of hours.")
    ] = False,
    out: Out = RESULTS,
    as_json: AsJson = False,
) -> None:
    """All of the tables, one after the other; results.json sums them up."""
    if ctx.invoked_subcommand is None:
        from moft.bench.tables.records import everything

        _finish(everything(*_ready(out), say, quick=quick), out / "results.json", as_json)


@app.command()
def features(
    share: Annotated[
        list[float] | None,
        typer.Option(
            min=0.01,
            max=1,
            help="Share of the channels to keep in Table 4; give several. One row keeps all in any case.",
        ),
    ] = None,
    elsewhere: Annotated[
        bool, typer.Option(help="Compare at other layers, too, if the model has them.")
    ] = True,
    prompts: Prompts = 8,
    pairs: Pairs = None,
    workers: Workers = 1,
    model: Of = "miniature",
    few: Few = None,
    musiq: Musiq = None,
    out: Out = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Tables 1 and 4: which feature carries motion, and how many channels of it. 64 clips a row of Table 1,
    32 of Table 4."""
    from moft.bench.ahead import sample_ahead
    from moft.bench.tables.records import CLIPS
    from moft.bench.tables.records import features as run
    from moft.bench.task import held_out, prompts_of
    from moft.bench.ways.layers import SHARES
    from moft.metrics.networks import judge_of
    from moft.request.motion import DIRECTIONS

    directions = tuple(DIRECTIONS)[:few]
    prompts = prompts if pairs is None else min(64, math.ceil(pairs / len(directions)))
    if workers > 1:
        sample_ahead(_folder(out) / CLIPS, say, directions, prompts, workers, model)
    tasks, shares = held_out(directions, prompts_of(prompts)), sorted({1.0, *(share or SHARES)}, reverse=True)
    found = run(*_ready(out, model), say, tasks, shares, elsewhere, judge_of(musiq))
    _finish(found, out / "features.json", as_json)


@app.command()
def drag(few: Few = None, out: Out = RESULTS, as_json: AsJson = False) -> None:
    """Table 2: how near dragged points come, by MOFT, by DIFT and by both. 42 clips a row."""
    from moft.bench.tables.records import drag as run
    from moft.bench.ways.drag import drags

    _finish(run(*_ready(out), say, drags()[:few]), out / "drag.json", as_json)


@app.command()
def peers(few: Few = None, musiq: Musiq = None, out: Out = RESULTS, as_json: AsJson = False) -> None:
    """Other systems' objectives beside MOFT: fidelity, content kept, seconds, FLOPs and memory. 32 clips a
    row."""
    from moft.bench.tables.records import peers as run
    from moft.bench.task import held_out
    from moft.bench.ways.beside import straight
    from moft.metrics.networks import judge_of

    _finish(
        run(*_ready(out), say, straight(held_out())[:few], judge=judge_of(musiq)),
        out / "peers.json",
        as_json,
    )


@app.command()
def cost(
    real: Annotated[
        bool,
        typer.Option(
            "--real", help="Of published models at their real sizes, counted without data; prints a table."
        ),
    ] = False,
    out: Out = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Seconds, FLOPs and memory of steered runs and of the release's scheme over a plain run, and how they
    grow."""
    from moft.bench import results
    from moft.bench.tables import records
    from moft.bench.tables.sections import real_sizes
    from moft.media.files import ready_folder

    if real:
        folder = ready_folder(out, "real.json")
        record = records.real(say)
        results.save(folder, "real", record)
        show(in_json(record) if as_json else real_sizes(record))
        return
    _finish(records.cost(*_ready(out), say), out / "cost.json", as_json)


@app.command()
def tuning(
    only: Annotated[list[str] | None, typer.Option(help="Only these ways; give several.")] = None,
    step_size: Annotated[
        list[float] | None, typer.Option(help="Instead of 0.1, 0.3 and 0.6; give several.")
    ] = None,
    model: Of = "miniature",
) -> None:
    """A step size for each objective, by fidelity on the tuning tasks, with the same budget for each."""
    needs("diffusers", "cv2", "sklearn", "skimage")
    from moft.bench.ways.beside import WAYS
    from moft.bench.ways.tuning import STEP_SIZES, tuned

    names, pipe = chosen(only, WAYS), quiet_pipeline(model)
    show(f"TUNING = {tuned(pipe, names, step_size or STEP_SIZES, show)}")


@app.command()
def page(
    results: Annotated[Path, typer.Argument(help="Folder of results.")] = Path("docs/benchmarks"),
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The page; its figures go beside the results.")
    ] = Path("docs/benchmarks.md"),
) -> None:
    """Write a page of tables and plots from stored results."""
    needs("matplotlib")
    from moft.bench.tables.page import write
    from moft.media.files import check_writable

    check_writable(out, inputs=sorted(results.glob("*.json")))
    show(f"{write(results, out)}")


def _folder(out: Path) -> Path:
    """Where results go, and what measures them is installed."""
    from moft.media.files import ready_folder

    needs("diffusers", "cv2", "sklearn", "skimage")
    return ready_folder(out, "results.json")


def _ready(out: Path, model: str = "miniature") -> tuple[Any, Path]:
    """The model, and the folder."""
    folder = _folder(out)
    return quiet_pipeline(model), folder


def _finish(record: dict[str, Any], path: Path, as_json: bool) -> None:
    """Write the record, and say it."""
    from moft.bench.results import save
    from moft.bench.tables.records import printed

    save(path.parent, path.stem, record)
    show(in_json(record) if as_json else f"{printed(record)}\n{path}")


app.add_typer(control)

__all__ = ["app"]
