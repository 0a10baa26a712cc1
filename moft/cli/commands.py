"""The command line: parse, call, present. Only the demo imports it."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

try:
    import typer
    from typer.core import TyperCommand, TyperGroup
except ModuleNotFoundError as error:
    raise SystemExit("error: the command line needs typer; pip install 'moft[cli]'") from error

from moft import __version__
from moft.bench.commands import app as bench
from moft.cli.options import KINDS, requests_of
from moft.errors import MediaError, MoftError, RequestError
from moft.media.files import check_folder
from moft.models.load import load_pipeline
from moft.models.size import clip_size
from moft.optional import needs
from moft.provenance import command, versions
from moft.request.drag import Drag
from moft.request.motion import DEFAULT_SPEED
from moft.request.parse import read_requests_file
from moft.runs import replaying
from moft.runs.compare import compare
from moft.runs.job import Scene
from moft.runs.recipe import named_files, read_recipe
from moft.runs.save import check_output
from moft.runs.words import describe, described, printable, scores, summary

if TYPE_CHECKING:
    import numpy as np

    from moft.feature.statistics import Statistics
    from moft.steering.settings import Settings
    from moft.types import ClipSize

CONVENTION = "Directions say where the picture goes: left = the picture content goes left (camera right)."


def _say(line: str) -> None:
    typer.echo(line, err=True)


# ---------------------------------------------------------------- commands


class _Ordered(TyperCommand):
    """Notes in which order options were typed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta["order"] = [option.name for option in self.make_parser(ctx).parse_args(args=list(args))[2]]
        return super().parse_args(ctx, args)


class _Group(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MoftError as error:
            _say(f"error: {printable(' '.join(str(error).split()))}")
            raise typer.Exit(2) from None


app = typer.Typer(cls=_Group, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
app.add_typer(bench, name="bench")

Model = Annotated[str, typer.Option(help="miniature, a folder, or a hub id (only that is fetched).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print only JSON on stdout.")]
Prompt = Annotated[str | None, typer.Option(help="What to show, for models that take words.")]
FirstFrame = Annotated[str | None, typer.Option(help="First frame, for models that start from an image.")]
NegativePrompt = Annotated[str | None, typer.Option(help="What not to show.")]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1)]
Steps = Annotated[int, typer.Option(min=2, max=1000, help="Denoising steps.")]
Frames = Annotated[int | None, typer.Option(min=2, help="Default: the model's.")]
Side = Annotated[int | None, typer.Option(min=16, help="px; default: the model's.")]
StepSize = Annotated[float | None, typer.Option(min=0, help="Change of the latents per update.")]
SaveMemory = Annotated[
    bool, typer.Option("--save-memory", help="Compute layers again instead of keeping them.")
]
Channels = Annotated[Path | None, typer.Option(help="Motion channels file; default: the model's.")]
GuidanceScale = Annotated[
    float | None, typer.Option(help="How closely to follow the prompt; default: the pipeline's.")
]
Recorded = Annotated[
    Path, typer.Argument(metavar="FILE", help="A clip that moft made, or the .json beside it.")
]
PLACES = "mask picture, folder of masks, mask video, box:x,y,w,h, polygon:x,y;x,y;x,y (px, or % of the clip)"


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"moft {__version__}")
        raise typer.Exit


def _ready(
    model: str,
    channels: Path | None,
    frames: int | None = None,
    height: int | None = None,
    width: int | None = None,
) -> tuple[Any, Statistics, ClipSize]:
    """A pipeline, its motion channels, and the size at which it will sample."""
    pipe = load_pipeline(model)
    from moft.feature.statistics import Statistics, find_statistics

    statistics = Statistics.load(channels) if channels else find_statistics(pipe)
    return pipe, statistics, clip_size(pipe, frames, height, width, statistics.made)


def _settings(
    step_size: float | None,
    *,
    keep_keys: float = 0.0,
    carry: float = 0.0,
    fused: bool = False,
    save_memory: bool,
) -> Settings:
    from moft.steering.settings import Settings

    chosen = Settings(keep_keys=keep_keys, carry=carry, fused=fused, save_memory=save_memory)
    return chosen if step_size is None else replace(chosen, step_size=step_size)


@app.callback(
    epilog=f"Example: moft steer --prompt 'a red ball over blue cells' --motion left.  {CONVENTION}"
)
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """See and steer the motion inside video diffusion models, with no training."""


@app.command(
    cls=_Ordered,
    epilog="Example: moft steer --prompt 'a red ball over blue cells' --motion left -o left.mp4.  "
    "Two halves apart: moft steer --prompt 'red cells' --motion 'left 2px' --region box:0,0,50%,100% --motion 'right 2px' --region rest.  "
    "A still background: moft steer --prompt 'a red ball over blue cells' --motion 'up 1px' --region box:16,16,32,32 --motion still "
    "--region rest.  --motion, --path and --like are a request each, as often as wanted; --speed, --region, --strength, --ease, --span, "
    f"--like-region and --like-frames are given once for all, or once for each that they can go with, in their order.  {CONVENTION}",
)
def steer(
    ctx: typer.Context,
    prompt: Prompt = None,
    motion: Annotated[
        list[str] | None,
        typer.Option(
            help="left, up-right, zoom in, still, ..., or degrees: 0 right, 90 down; 'left 2px' names the speed too."
        ),
    ] = None,
    speed: Annotated[
        list[str] | None,
        typer.Option(help="Mean while it moves, per frame: 1.5px, or 2% of the shorter side."),
    ] = None,
    path: Annotated[
        list[str] | None,
        typer.Option(
            help="Follow these points instead: '0,0 -0.3,0 0,0', in shorter sides from where it starts."
        ),
    ] = None,
    like: Annotated[list[str] | None, typer.Option(help="Follow the motion of this clip instead.")] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Where it counts: {PLACES}, or rest (what other requests leave). Default: everywhere, or the rest."
        ),
    ] = None,
    strength: Annotated[
        list[float] | None, typer.Option(min=0, help="Weight of the request; default 1; 0 asks nothing.")
    ] = None,
    ease: Annotated[
        list[str] | None, typer.Option(help="in (starts slowly), out (ends slowly) or in-out.")
    ] = None,
    span: Annotated[
        list[str] | None, typer.Option(help="Part of the clip in which it moves: 0.25,0.75.")
    ] = None,
    like_region: Annotated[
        list[str] | None, typer.Option(help=f"Where to look in the clip to follow: {PLACES}.")
    ] = None,
    like_frames: Annotated[
        list[str] | None,
        typer.Option(help="Which frames of it, 0:8 being the first eight; default: all, resampled."),
    ] = None,
    per_position: Annotated[
        bool, typer.Option("--per-position", help="Follow a clip place by place, not its mean.")
    ] = False,
    invert: Annotated[
        bool, typer.Option("--invert", help="Read a clip by inversion instead of adding noise.")
    ] = False,
    requests: Annotated[
        Path | None, typer.Option(help="File of requests (JSON) instead of all these.")
    ] = None,
    image: FirstFrame = None,
    video: Annotated[
        str | None,
        typer.Option(
            help="A real clip to steer, for models sampled by DDIM: it is inverted, and its motion changed."
        ),
    ] = None,
    model: Model = "miniature",
    negative_prompt: NegativePrompt = None,
    seed: Seed = 0,
    steps: Steps = 25,
    guidance_scale: GuidanceScale = None,
    frames: Frames = None,
    height: Side = None,
    width: Side = None,
    step_size: StepSize = None,
    retry: Annotated[
        int,
        typer.Option(
            min=0,
            max=100,
            help="If it is not followed: so many more runs of what may help; the best is kept.",
        ),
    ] = 0,
    keep_keys: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Share of the steps that take over keys and values of the plain run, to keep its content.",
        ),
    ] = 0.0,
    carry: Annotated[
        float,
        typer.Option(
            min=0,
            max=0.99,
            help="Instead of gradients: after this share of the steps, move the plain run's first frame as asked; 0.56 suits --video.",
        ),
    ] = 0.0,
    fused: Annotated[
        bool,
        typer.Option("--fused", help="Take gradients from the sampling itself: a quarter of the extra cost."),
    ] = False,
    save_memory: SaveMemory = False,
    channels: Channels = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Steered clip: .mp4, .webm or .gif.")] = Path(
        "steered.mp4"
    ),
    as_json: AsJson = False,
) -> None:
    """Sample a clip whose motion goes as asked, beside the plain one from the same seed, and measure both."""
    given = {
        name: ctx.params[name]
        for name in (*KINDS, "speed", "region", "strength", "ease", "span", "like_region", "like_frames")
    }
    if requests is None:
        wanted = requests_of(ctx.meta["order"], given, per_position=per_position, invert=invert)
    else:
        also = [f"--{name.replace('_', '-')}" for name, values in given.items() if values]
        if also:
            raise RequestError(
                f"expected --requests alone, got {', '.join(also)} too; write these into the file"
            )
        wanted = read_requests_file(requests)
    settings = _settings(step_size, keep_keys=keep_keys, carry=carry, fused=fused, save_memory=save_memory)
    check_output(
        out,
        [
            *(name for request in wanted for name in named_files(request)),
            *(name for name in (image, video) if name),
        ],
    )
    pipe, statistics, size = _ready(model, channels, frames, height, width)
    words = "" if video and prompt is None else prompt
    scene = Scene(words, size, negative_prompt, seed, steps, guidance_scale, image, video)
    record = compare(
        pipe,
        scene,
        wanted,
        settings,
        statistics,
        out,
        model,
        retries=retry,
        channels=str(channels) if channels else None,
    )
    typer.echo(json.dumps(record) if as_json else summary(record))


@app.command(
    epilog="Example: moft drag --prompt 'green cells' --point 24,32:38,32 --point 52,10 -o dragged.mp4.  A point is start:end, "
    "start:via:...:end at even moments, or one place that must not move; x right, y down, in px of the clip."
)
def drag(
    point: Annotated[
        list[str], typer.Option(metavar="X,Y[:X,Y...]", help="What to drag where, in px; give several.")
    ],
    prompt: Prompt = None,
    radius: Annotated[
        float | None,
        typer.Option(
            help="px around a point in which the picture goes with it; default: three eighths of the shorter side."
        ),
    ] = None,
    image: FirstFrame = None,
    model: Model = "miniature",
    negative_prompt: NegativePrompt = None,
    seed: Seed = 0,
    steps: Steps = 25,
    guidance_scale: GuidanceScale = None,
    frames: Frames = None,
    height: Side = None,
    width: Side = None,
    step_size: StepSize = None,
    retry: Annotated[
        int,
        typer.Option(
            min=0, max=100, help="If a point does not arrive: so many more seeds; the best is kept."
        ),
    ] = 0,
    save_memory: SaveMemory = False,
    channels: Channels = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Dragged clip: .mp4, .webm or .gif.")] = Path(
        "dragged.mp4"
    ),
    as_json: AsJson = False,
) -> None:
    """Sample a clip in which points go where they are dragged, beside the plain one from the same seed, and track both."""
    from moft.runs import dragged

    wanted = Drag(dragged.points_of(point), radius)
    check_output(out, [image] if image else [])
    settings = _settings(step_size, save_memory=save_memory)
    pipe, statistics, size = _ready(model, channels, frames, height, width)
    scene = Scene(prompt, size, negative_prompt, seed, steps, guidance_scale, image)
    record = dragged.compare_drag(
        pipe,
        scene,
        [wanted],
        settings,
        statistics,
        out,
        model,
        retries=retry,
        channels=str(channels) if channels else None,
    )
    typer.echo(json.dumps(record) if as_json else dragged.summary(record))


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
    from moft.runs import dragged

    recipe = read_recipe(file)
    drags = isinstance(recipe.requests[0], Drag)
    record = replaying.replay(
        recipe,
        out,
        file,
        lambda line: _say(f"warning: {printable(line)}"),
        model=model,
        channels=str(channels) if channels else None,
        run=dragged.compare_drag if drags else compare,
    )
    told = dragged.summary if drags else summary
    same = "yes, every frame" if record["identical"] else "no"
    typer.echo(json.dumps(record) if as_json else f"{told(record)}\nidentical: {same}")


@app.command(epilog=f"Example: moft info left.mp4.  {CONVENTION}")
def info(file: Recorded, as_json: AsJson = False) -> None:
    """Print the recipe that a clip carries. Nothing that it names is opened."""
    recipe = read_recipe(file)
    if as_json:
        typer.echo(json.dumps(recipe.to_json()))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None)
    for name, text in described(recipe).items():
        table.add_row(name, Text(printable(text)))  # Text: what a stranger wrote is no markup
    wide = Console().width if sys.stdout.isatty() else 160  # digests stay whole in a pipe
    Console(width=wide).print(table)


@app.command(epilog=f"Example: moft channels --model ./my-model --photos ./pictures.  {CONVENTION}")
def channels(
    model: Model = "miniature",
    photos: Annotated[Path | None, typer.Option(help="Folder of pictures; default: scikit-image's.")] = None,
    share: Annotated[float, typer.Option(help="Share of channels to keep.")] = 0.04,
    timestep: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=999,
            help="Noise level at which to look; default: 300, of two denoisers the first's least.",
        ),
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Submodule of the denoiser; see `moft models`.")] = None,
    frames: Frames = None,
    height: Side = None,
    width: Side = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Default: where `moft steer` looks.")
    ] = None,
) -> None:
    """Find a model's motion channels from pictures panned in known directions."""
    pictures = read_photos(photos)
    if out is not None:
        check_folder(out)
    pipe = load_pipeline(model)
    from moft.feature.statistics import find_motion_channels, find_statistics, statistics_path
    from moft.known.pans import pans

    known = (
        find_statistics(pipe).made if statistics_path(pipe).exists() else {}
    )  # made before, for clips of this length
    size = clip_size(pipe, frames, height, width, known)
    clips = list(pans(list(pictures.values()), size))
    _say(f"reading {len(clips)} pans of {len(pictures)} pictures")
    found = find_motion_channels(
        pipe, clips, layer=layer, timestep=timestep, share=share, model=model, track=_progress
    )
    made = {
        "command": command(),
        "versions": versions(),
        "photos": list(pictures),
        "clips": len(clips),
        "frames": size.frames,
        "size": [size.height, size.width],
    }
    where = out or statistics_path(pipe)
    replace(found, made=made).save(where)
    typer.echo(f"{len(found.channels)} motion channels of {found.layer}, in {where}")


def _progress(batches: Sequence[Any]) -> Iterable[Any]:
    """The batches, with a bar on stderr if that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    return track(batches, "looking", console=Console(stderr=True), disable=not sys.stderr.isatty())


def read_photos(folder: Path | None) -> dict[str, np.ndarray]:
    """Pictures by name, uint8 (h w 3): all of a folder, or those that scikit-image ships."""
    if folder is None:
        if find_spec("skimage") is None:
            raise MoftError(
                "no pictures: scikit-image is not installed; pass --photos or pip install 'moft[photos]'"
            )
        from moft.known.photographs import training_photographs

        return training_photographs()
    from moft.media.reading import read_video

    if not folder.is_dir():
        raise MediaError(f"cannot read {folder}: expected a folder of pictures; check the path")
    names = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"))
    if not names:
        raise MediaError(f"cannot read {folder}: expected png, jpg or webp pictures, got none; add some")
    return {path.name: read_video(path, frames=1)[0] for path in names}


@app.command(
    epilog="Examples: moft explain clip.mp4 photo.jpg -o report.  moft explain clip.mp4 --point 32,20,0 --sweep.  "
    f"moft explain --probe -o probe.  {CONVENTION}"
)
def explain(
    clips: Annotated[
        list[str] | None,
        typer.Argument(help="Clips, and pictures, which are panned. The first has the point."),
    ] = None,
    model: Model = "miniature",
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for report.html, scores.json, figures/ and data/.")
    ] = Path("explained"),
    point: Annotated[
        str | None,
        typer.Option(help="x,y,frame in the first clip, px at the model's size; default: where most moves."),
    ] = None,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Score all layers and timesteps; keep the best beside the model.")
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="The scores on held-out clips and photographs; needs no clips.")
    ] = False,
    layer: Annotated[str | None, typer.Option(help="Submodule of the denoiser; see `moft models`.")] = None,
    timestep: Annotated[
        int | None, typer.Option(min=1, max=999, help="Noise level at which to look.")
    ] = None,
    channels: Channels = None,
    as_json: AsJson = False,
) -> None:
    """See the motion inside a model: a report of figures, each with a number behind it."""
    if not clips and not probe and not sweep:
        raise RequestError("no clips: expected a clip or a picture, or --probe for held-out ones")
    needs("diffusers", "matplotlib", "jinja2", "sklearn", "cv2")
    from moft.feature.model import load
    from moft.interpreter.explaining import check_report_folder
    from moft.interpreter.explaining import explain as run
    from moft.interpreter.viewpoint import ExplainSettings

    settings = ExplainSettings(_point(point), sweep, layer, timestep)
    if probe:
        settings = replace(settings, objects=192, places=12)
    check_report_folder(out)
    record = run(load(model, channels=channels), clips or [], out, settings=settings, tell=_say)
    typer.echo(json.dumps(record) if as_json else _explained(record, out))


def _point(text: str | None) -> tuple[float, float, float] | None:
    if text is None:
        return None
    try:
        x, y, frame = (float(part) for part in text.split(","))
    except ValueError:
        raise RequestError(f"expected --point x,y,frame, three numbers, got {text!r}") from None
    return x, y, frame


def _explained(record: dict[str, Any], out: Path) -> str:
    def row(values: dict[str, Any], *names: str) -> str:
        return ", ".join(f"{n} {'-' if values[n] is None else format(values[n], '.3f')}" for n in names)

    rows = {
        "read at": f"{record['layer']}, timestep {record['timestep']}",
        "auc": row(record["auc"], "vanilla", "ccr", "moft"),
        "separability": row(record["separability"], "vanilla", "ccr"),
        "curve": f"{record['curve_correlation']:.3f} with the true displacement (channel {record['best_channel']['channel']})",
        "read-out": row(record["readout"], "direction_cosine", "epe_px"),
        **(
            {"best": "{layer} at timestep {timestep}".format(**record["sweep"]["best"])}
            if "sweep" in record
            else {}
        ),
        "report": str(out / "report.html"),
    }
    return "\n".join(f"{name + ':':<14}{text}" for name, text in rows.items())


@app.command(epilog=f"Example: moft measure clip.mp4 --region mask.png.  {CONVENTION}")
def measure(
    clip: Annotated[str, typer.Argument(help="Any clip.")],
    region: Annotated[str | None, typer.Option(help=f"Where to look: {PLACES}.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how the picture content of a clip moves."""
    import moft

    needs("cv2")
    video = moft.read_video(clip)
    mask = moft.read_region(region, ClipSize.of(video), _say) if region else None
    found = moft.measure(video, mask).to_json()
    typer.echo(json.dumps(found) if as_json else describe(found))


@app.command(
    epilog=f"Example: moft calibrate --model ./my-model --prompt 'a street' --prompt 'a forest'.  {CONVENTION}"
)
def calibrate(
    prompt: Annotated[list[str] | None, typer.Option(help="A scene to sample; give several.")] = None,
    image: Annotated[
        list[str] | None, typer.Option(help="First frames, for models that start from an image.")
    ] = None,
    model: Model = "miniature",
    speed: Annotated[
        str | None, typer.Option(help="At which to compare; default: 3% of the shorter side a frame.")
    ] = None,
    seed: Seed = 0,
    steps: Steps = 25,
    channels: Annotated[
        Path | None, typer.Option(help="Motion channels file to amend; default: the model's.")
    ] = None,
) -> None:
    """Find by how much targets must be enlarged so that clips move as fast as asked. Four steered runs a scene."""
    needs("cv2")
    pipe, statistics, size = _ready(model, channels)
    from moft.feature.statistics import statistics_path
    from moft.runs.calibration import calibrate as run

    pairs = itertools.zip_longest(prompt or [], image or [])
    scenes = [
        Scene(words, size, seed=seed + i, steps=steps, image=picture)
        for i, (words, picture) in enumerate(pairs)
    ]
    if not scenes:
        raise RequestError(
            "expected one or more --prompt (or --image), got none; name a few scenes unlike each other"
        )
    found = run(pipe, statistics, scenes, speed or DEFAULT_SPEED, track=_progress)
    note = {**found.made["gain"], "command": command(), "versions": versions()}
    found = replace(found, made={**found.made, "gain": note})
    where = channels or statistics_path(pipe)
    found.save(where)
    typer.echo(
        f"gain {found.gain:.2f}: without it clips had {1 / found.gain:.2f} of the asked speed; in {where}"
    )


@app.command("score", epilog=f"Example: moft score like.mp4 steered.mp4 --json.  {CONVENTION}")
def score_clips(
    reference: Annotated[str, typer.Argument(help="The clip whose motion was wanted.")],
    output: Annotated[str, typer.Argument(help="The clip that should move like it.")],
    encoder: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a DINO or CLIP of transformers, to compare frames by; else by thumbnails."
        ),
    ] = None,
    musiq: Annotated[
        Path | None,
        typer.Option(
            help="Weights of MUSIQ (SPAQ), to rate frames by, as VBench does; else by their sharpness."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score how alike two clips move: motion fidelity, direction, speed; how steady each is, and how good its frames look."""
    needs("cv2", "skimage")
    from moft.metrics import networks
    from moft.metrics.fidelity import score
    from moft.metrics.quality import THUMBNAILS

    wanted, found, resampled = _alike(reference, output)
    by = networks.vision(encoder) if encoder else THUMBNAILS
    scored = score(wanted, found, encoder=by, judge=networks.judge_of(musiq))
    record = {"reference": reference, "output": output, "resampled": resampled, **scored.to_json()}
    record |= {"command": command(), "versions": versions()}
    typer.echo(json.dumps(record) if as_json else scores(record))


def _alike(*paths: str) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Both clips at the shorter one's length (nearest frames, evenly spaced) and the smaller one's size (cropped to its
    shape, then resized), and what they were."""
    import moft
    from moft.media.frames import evenly

    clips = [moft.read_video(path) for path in paths]
    was = [list(clip.shape[:3]) for clip in clips]
    frames, (_, height, width) = min(f for f, _, _ in was), min(was, key=lambda shape: shape[1] * shape[2])
    clips = [
        clip if clip.shape[1:3] == (height, width) else moft.read_video(path, size=(height, width))
        for clip, path in zip(clips, paths, strict=True)
    ]
    clips = [clip[evenly(len(clip), frames)] for clip in clips]
    return clips[0], clips[1], {"frames": frames, "size": [height, width], "was": was}


@app.command(epilog=f"Example: moft models --json.  {CONVENTION}")
def models(as_json: AsJson = False) -> None:
    """List the model families that can be steered, and what each supports."""
    from rich.console import Console
    from rich.table import Table

    from moft.models.families import FAMILIES

    rows: list[dict[str, Any]] = [
        {
            "family": f.name,
            "pipelines": dict(f.pipelines),
            "denoiser": f.denoiser,
            "layer": f.layer,
            "frames_per_latent": f.frame_stride,
        }
        for f in FAMILIES
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("family", "pipelines", "start from", "default layer", "frames a\nlatent")
    for row in rows:
        pipelines = row["pipelines"]
        table.add_row(
            row["family"],
            "\n".join(pipelines),
            "\n".join(pipelines.values()),
            row["layer"],
            str(row["frames_per_latent"]),
            end_section=True,
        )
    wide = Console().width if sys.stdout.isatty() else 160  # names stay whole in a pipe
    Console(width=wide).print(table)
    typer.echo(
        "* is the middle block. Any layer of the denoiser can be named; all share keys and values, and can --save-memory."
    )


def main() -> None:
    """Entry point of the `moft` command."""
    app()


if __name__ == "__main__":
    main()
