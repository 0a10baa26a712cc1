"""`moft steer`, `drag`, `replay` and `info`: clips made, made again, and asked what they were made from."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from moft.cli.app import CONVENTION, AsJson, Channels, Frames, Model, Side, app, console, loaded, steps_shown
from moft.cli.fields import options, taking
from moft.cli.options import KINDS, points_of, requests_of
from moft.errors import MediaError, RequestError
from moft.optional import needs
from moft.printing import in_json, say, show
from moft.request.along import Along
from moft.request.drag import Drag
from moft.request.like import Like
from moft.request.motion import Motion
from moft.request.parse import read_requests_file
from moft.runs.job import Job, Scene
from moft.steering.settings import Settings
from moft.types import ClipSize

SAID_OF = ("speed", "region", "strength", "ease", "span", "like_region", "like_frames")  # of several requests
SCENE = ("prompt", "image", "negative_prompt", "seed", "steps", "guidance_scale", "fps")
REDRAWN = ("video", "inpaint", "inpaint_prompt")  # a real clip, or a part of one
HOW = (
    "step_size",
    "gradient_steps",
    "rule",
    "loss",
    "clip_frames",
    "keep",
    "keep_keys",
    "carry",
    "fused",
    "keep_spread",
    "warp_noise",
    "guided_steps",
)
Recorded = Annotated[
    Path, typer.Argument(metavar="FILE", help="A clip that moft made, or the .json beside it.")
]


STEERED = (  # what `moft steer` can be asked
    *[p.replace(name="motion") for p in options(Motion, "direction", several=True)],
    *options(Motion, "speed", "path", several=True),
    *options(Like, "like", several=True),
    *options(Along, "field", several=True),
    *options(Motion, "region", "strength", "ease", "span", several=True),
    *options(Like, "like_region", "like_frames", several=True),
    *options(Like, "by", "per_position", "invert"),
    *options(Scene, *SCENE, *REDRAWN),
    *options(Settings, *HOW, "save_memory"),
    *[p.replace(name="retry") for p in options(Job, "retries")],
)


class Ordered(TyperCommand):
    """Notes in which order options were typed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta["order"] = [option.name for option in self.make_parser(ctx).parse_args(args=list(args))[2]]
        return super().parse_args(ctx, args)


@app.command(
    cls=Ordered,
    epilog="Example: moft steer --prompt 'a red ball over blue cells' --motion left -o left.mp4.  "
    "Two halves apart: moft steer --prompt 'red cells' --motion 'left 2px' --region box:0,0,50%,100% "
    "--motion 'right 2px' --region rest.  A still background: moft steer --prompt 'a red ball over blue "
    "cells' "
    "--motion 'up 1px' --region box:16,16,32,32 --motion still --region rest.  --motion, --path, "
    "--like and --field are a "
    "request each, as often as wanted; --speed, --region, --strength, --ease, --span, --like-region and "
    "--like-frames "
    f"are given once for all, or once for each that they can go with, in their order.  {CONVENTION}",
)
@taking(*STEERED)
def steer(
    ctx: typer.Context,
    requests: Annotated[
        Path | None, typer.Option(help="File of requests (JSON) instead of all these.")
    ] = None,
    model: Model = "miniature",
    frames: Frames = None,
    height: Side = None,
    width: Side = None,
    channels: Channels = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Steered clip: .mp4, .webm or .gif.")] = Path(
        "steered.mp4"
    ),
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Sample a clip whose motion goes as asked, beside the plain one from the same seed, and measure both."""
    job = job_of(ctx.meta["order"], given, requests)
    _make(job, model, channels, (frames, height, width), out, as_json, requests)


def job_of(order: list[str], given: dict[str, Any], requests: Path | None = None) -> Job:
    """What the options of `STEERED` ask, given in this order; requests: a file in place of theirs."""
    wanted = _requests(order, requests, given)
    settings = Settings(**{name: given[name] for name in (*HOW, "save_memory")})
    scene = {name: given[name] for name in (*SCENE, *REDRAWN)}
    if scene["video"] and scene["prompt"] is None:
        scene["prompt"] = ""
    return Job(Scene(**scene), tuple(wanted), settings, given["retry"])


def _requests(order: list[str], file: Path | None, given: dict[str, Any]) -> list[Any]:
    """Of the options, or of a file in place of them."""
    said = {name: given[name] for name in (*KINDS, *SAID_OF)}
    if file is None:
        return list(
            requests_of(order, said, **{name: given[name] for name in ("per_position", "invert", "by")})
        )
    also = [f"--{name.replace('_', '-')}" for name, values in said.items() if values]
    if also:
        raise RequestError(f"expected --requests alone, got {', '.join(also)} too; write these into the file")
    return list(read_requests_file(file))


@app.command(
    epilog="Example: moft drag --prompt 'green cells' --point 24,32:38,32 --point 52,10 -o dragged.mp4.  A "
    "point is "
    "start:end, start:via:...:end at even moments, or one place that must not move; x right, y down, in "
    "px of the clip."
)
@taking(
    *options(Drag, "radius"),
    *options(Scene, *SCENE),
    *options(Settings, "step_size", "save_memory"),
    *[p.replace(name="retry") for p in options(Job, "retries")],
)
def drag(
    point: Annotated[
        list[str], typer.Option(metavar="X,Y[:X,Y...]", help="What to drag where, in px; give several.")
    ],
    model: Model = "miniature",
    frames: Frames = None,
    height: Side = None,
    width: Side = None,
    channels: Channels = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Dragged clip: .mp4, .webm or .gif.")] = Path(
        "dragged.mp4"
    ),
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Sample a clip in which points go where they are dragged, beside the plain one from the same seed, and
    track both."""
    request = Drag(points_of(point), given["radius"])
    settings = Settings(step_size=given["step_size"], save_memory=given["save_memory"])
    scene = Scene(**{name: given[name] for name in SCENE})
    job = Job(scene, (request,), settings, given["retry"])
    _make(job, model, channels, (frames, height, width), out, as_json)


def _make(
    job: Job,
    name: str,
    channels: Path | None,
    sides: tuple[int | None, int | None, int | None],
    out: Path,
    as_json: bool,
    requests: Path | None = None,
) -> None:
    """Run a job and write what it gave; what is wrong with the output is said before anything is loaded."""
    import moft
    from moft.runs.save import check_output
    from moft.runs.words import summary

    check_output(out, [*job.files, *(path for path in (channels, requests) if path)], job.scene.fps)
    needs("diffusers", "cv2")
    model = loaded(name, channels)
    job = _sized(job, model.size(*sides))
    with steps_shown() as watch:
        run = moft.run(model, job, watch=watch)
    record = _saved(run, out)
    show(in_json(record) if as_json else summary(record))


def _saved(run: Any, out: Path) -> dict[str, Any]:
    """The record of a run that was written, or MediaError, which says where the frames were kept."""
    try:
        return run.save(out)
    except MediaError as error:
        raise MediaError(f"{error}; {run.keep(out)}") from error


def _sized(job: Job, size: ClipSize) -> Job:
    return replace(job, scene=replace(job.scene, size=size))


@app.command(epilog=f"Example: moft replay left.mp4 -o again.mp4.  {CONVENTION}")
def replay(
    file: Recorded,
    out: Annotated[Path, typer.Option("--out", "-o", help="Steered clip: .mp4, .webm or .gif.")] = Path(
        "replayed.mp4"
    ),
    model: Annotated[
        str | None,
        typer.Option(
            help="Default: the recipe's, if it is on this machine; what is on the hub must be named here."
        ),
    ] = None,
    channels: Annotated[
        Path | None, typer.Option(help="Motion channels file; default: the recipe's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a steered or dragged clip again from its recipe, and say whether the frames are the same."""
    import moft
    from moft.runs.recipe import read_recipe
    from moft.runs.save import check_output
    from moft.runs.words import summary

    recipe = read_recipe(file)
    recipe = recipe if channels is None else recipe.without_channels()
    given = [file] if channels is None else [file, channels]
    check_output(out, [*given, *recipe.located(file.parent).files], recipe.scene.fps)

    def warn(line: str) -> None:
        say(f"warning: {line}")

    with steps_shown() as watch:
        run = moft.replay(file, model=model, channels=channels, tell=warn, watch=watch)
    record = _saved(run, out)
    same = {True: "yes, every frame", False: "no", None: "not told, the recipe was never made"}[run.identical]
    show(in_json(record) if as_json else f"{summary(record)}\nidentical: {same}")


@app.command(epilog=f"Example: moft info left.mp4.  {CONVENTION}")
def info(file: Recorded, as_json: AsJson = False) -> None:
    """Print the recipe that a clip carries. Nothing that it names is opened."""
    from moft.runs.recipe import read_recipe

    recipe = read_recipe(file)
    if as_json:
        show(in_json(recipe.to_json()))
        return
    from rich.table import Table
    from rich.text import Text

    from moft.runs.words import described

    table = Table(show_header=False, box=None)
    for name, text in described(recipe).items():
        table.add_row(Text(name), Text(text))  # Text: what a stranger wrote is no markup
    console(sys.stdout).print(table)
