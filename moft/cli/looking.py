"""`moft explain`, `measure`, `score` and `models`: looking into models and clips."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moft.cli.app import CONVENTION, AsJson, Channels, Model, app, console, loaded
from moft.errors import RequestError
from moft.optional import needs
from moft.printing import in_json, listed, say, show
from moft.provenance import command, versions
from moft.request.said import PLACES
from moft.types import ClipSize

if TYPE_CHECKING:
    import numpy as np


@app.command(
    epilog="Examples: moft explain clip.mp4 photo.jpg -o report.  moft explain clip.mp4 --point 32,20,0 "
    "--sweep.  "
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
    beside: Annotated[
        list[str] | None,
        typer.Option(help="Another model, whose heat maps stand beside; give several."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """See the motion inside a model: a report of figures, each with a number behind it."""
    if not clips and not probe and not sweep:
        raise RequestError("no clips: expected a clip or a picture, or --probe for held-out ones")
    needs("diffusers", "matplotlib", "jinja2", "sklearn", "cv2", "skimage")
    import moft
    from moft.interpreter.explaining import check_report_folder
    from moft.interpreter.viewpoint import ExplainSettings

    settings = ExplainSettings(_point(point), sweep, layer, timestep)
    if probe:
        settings = replace(settings, objects=192, places=12)
    check_report_folder(out, clips or [])
    own, others = loaded(model, channels), [loaded(name, None) for name in beside or ()]
    record = moft.explain(own, clips or [], out, beside=others, settings=settings, tell=say)
    show(in_json(record) if as_json else _explained(record, out))


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
        "curve": (
            f"{record['curve_correlation']:.3f} with the true displacement (channel "
            f"{record['best_channel']['channel']})"
        ),
        "read-out": row(record["readout"], "direction_cosine", "epe_px"),
        **(
            {"best": "{layer} at timestep {timestep}".format(**record["sweep"]["best"])}
            if "sweep" in record
            else {}
        ),
        "report": str(out / "report.html"),
    }
    return listed(rows.items(), 14)


@app.command(epilog=f"Example: moft measure clip.mp4 --region mask.png.  {CONVENTION}")
def measure(
    clip: Annotated[str, typer.Argument(help="Any clip.")],
    region: Annotated[str | None, typer.Option(help=f"Where to look: {PLACES}.")] = None,
    movers: Annotated[
        bool, typer.Option("--movers", help="And what in the whole clip moves otherwise than its ground.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure how the picture content of a clip moves."""
    import moft
    from moft.field.movers import parted
    from moft.runs.words import describe, described_movers

    needs("cv2")
    video = moft.read_video(clip)
    mask = moft.read_region(region, ClipSize.of(video), say) if region else None
    found = moft.measure(video, mask).to_json()
    if movers:
        found |= parted(video).to_json()
    show(in_json(found) if as_json else "\n".join([describe(found), *described_movers(found)]))


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
    """Score how alike two clips move: motion fidelity, direction, speed; how steady each is, and how good its
    frames look."""
    needs("cv2", "skimage")
    import moft
    from moft.metrics import networks
    from moft.metrics.quality import THUMBNAILS
    from moft.runs.words import scores

    wanted, found, resampled = _alike(reference, output)
    by = networks.vision(encoder) if encoder else THUMBNAILS
    scored = moft.score(wanted, found, encoder=by, judge=networks.judge_of(musiq))
    record = {"reference": reference, "output": output, "resampled": resampled, **scored.to_json()}
    record |= {"command": command(), "versions": versions()}
    show(in_json(record) if as_json else scores(record))


def _alike(*paths: str) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Both clips at the shorter one's length (spread over the longer one, or its first frames, as a clip to
    follow is taken) and the smaller one's size (cropped to its shape, then resized), and what they were."""
    import moft
    from moft.field.resampled import frames_taken

    clips = [moft.read_video(path) for path in paths]
    was = [list(clip.shape[:3]) for clip in clips]
    frames, (_, height, width) = min(f for f, _, _ in was), min(was, key=lambda shape: shape[1] * shape[2])
    clips = [
        clip if clip.shape[1:3] == (height, width) else moft.read_video(path, size=(height, width))
        for clip, path in zip(clips, paths, strict=True)
    ]
    which = [frames_taken(clip, frames) for clip in clips]
    last = [int(taken[-1]) + 1 for taken in which]
    told = {"frames": frames, "size": [height, width], "was": was, "up_to": last}
    return clips[0][which[0]], clips[1][which[1]], told


@app.command(epilog=f"Example: moft models --json.  {CONVENTION}")
def models(as_json: AsJson = False) -> None:
    """List the model families that can be steered, and what each supports."""
    from rich.table import Table

    from moft.models.families import FAMILIES

    rows: list[dict[str, Any]] = [
        {
            "family": f.name,
            "pipelines": dict(f.pipelines),
            "denoiser": f.denoiser,
            "layer": f.layer,
            "frames_per_latent": f.frame_stride,
            "fps": f.fps,
        }
        for f in FAMILIES
    ]
    if as_json:
        show(in_json(rows))
        return
    table = Table(
        "family", "pipelines", "start from", "default layer", "frames a\nlatent", "frames a\nsecond"
    )
    for row in rows:
        pipelines = row["pipelines"]
        table.add_row(
            row["family"],
            "\n".join(pipelines),
            "\n".join(pipelines.values()),
            row["layer"],
            str(row["frames_per_latent"]),
            f"{row['fps']:g}",
            end_section=True,
        )
    console(sys.stdout).print(table)
    show(
        "* is the middle block. Any layer of the denoiser can be named; all share keys and values, and "
        "can --save-memory."
    )
