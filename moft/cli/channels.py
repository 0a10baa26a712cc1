"""`moft doctor`, `channels` and `calibrate`: what is asked and found once for a model."""

from __future__ import annotations

import itertools
from dataclasses import asdict, replace
from functools import partial
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moft.cli.app import CONVENTION, AsJson, Frames, Model, Side, app, loaded, tracked
from moft.cli.fields import options, taking
from moft.errors import MediaError, MoftError, RequestError
from moft.optional import needs
from moft.printing import in_json, say, show
from moft.provenance import command, versions
from moft.request.speed import DEFAULT_SPEED
from moft.runs.job import Scene
from moft.steering.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from moft.feature.kept import Kept
    from moft.feature.statistics import Statistics
    from moft.types import ClipSize


Level = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=999,
        help="Noise level at which to look; default: 300, of two denoisers the first's least.",
    ),
]


# How clips will be steered; the gain depends on it.
_HARD = ("step_size", "gradient_steps", "guided_steps", "warp_noise")
_PLACE = "a folder, or a repository OWNER/NAME of the hub"


@app.command(epilog=f"Example: moft channels --model ./my-model --photos ./pictures.  {CONVENTION}")
def channels(
    model: Model = "miniature",
    photos: Annotated[Path | None, typer.Option(help="Folder of pictures; default: scikit-image's.")] = None,
    share: Annotated[float, typer.Option(help="Share of channels to keep.")] = 0.04,
    timestep: Level = None,
    layer: Annotated[str | None, typer.Option(help="Submodule of the denoiser; see `moft models`.")] = None,
    frames: Frames = None,
    height: Side = None,
    width: Side = None,
    courses: Annotated[
        int, typer.Option(min=0, max=2**14, help="Clips that go every way, to follow what turns back.")
    ] = 256,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Default: where `moft steer` looks.")
    ] = None,
    push: Annotated[str | None, typer.Option(help=f"Put those known into {_PLACE} instead.")] = None,
    pull: Annotated[str | None, typer.Option(help=f"Take what lies for this model in {_PLACE}.")] = None,
) -> None:
    """Find a model's motion channels from pictures panned in known directions."""
    if push or pull:
        _shared(model, push, pull, out)
        return
    from moft.known.pans import pans
    from moft.media.files import check_writable, frames_digest
    from moft.models.size import clip_size

    if out is not None:
        check_writable(out, inputs=photos.iterdir() if photos and photos.is_dir() else ())
    pictures = read_photos(photos)
    subject = loaded(model)
    from moft.feature.statistics import find_statistics, statistics_path

    pipe, where = subject.pipe, out or _kept_at(statistics_path(subject.pipe))

    # those made before were for clips of this length
    known = find_statistics(pipe).made if statistics_path(pipe).exists() else {}
    size = clip_size(pipe, frames, height, width, known)
    kept = _kept(where, subject, list(map(frames_digest, pictures.values())), asdict(size))
    place = {"layer": layer, "timestep": timestep, "share": share, "model": model}
    found = _found(pipe, list(pictures.values()), size, courses, kept, place)
    clips = len(pans(list(pictures.values()), size))
    replace(found, made=_made(list(pictures), clips, courses, size)).save(where)
    kept.clear()
    show(f"{len(found.channels)} motion channels of {found.layer}, in {where}")


def _shared(model: str, push: str | None, pull: str | None, out: Path | None) -> None:
    """Motion channels given to others, or taken from them."""
    from moft.diagnosis import shared

    if push and pull or push and out:
        raise RequestError("expected --push alone, or --pull and --out, got others; leave one out")
    if push:
        show(f"{shared.push(model, push)}, in {push}")
    if pull:
        found, where = shared.pull(model, pull, out)
        show(f"{len(found.channels)} motion channels of {found.layer}, in {where}")


def _kept(where: Path, subject: Any, *question: Any) -> Kept:
    """Where what is found on the way to a result is kept, that of this model and these versions alone."""
    from moft.feature.kept import Kept

    return Kept(where, [subject.digest, versions(), *question])


def _found(
    pipe: Any, pictures: list[np.ndarray], size: ClipSize, courses: int, kept: Kept, place: dict[str, Any]
) -> Statistics:
    """Motion channels from pans of pictures, with what the layer's whole curves say of whole courses, from so
    many clips that go every way."""
    from moft.feature.courses import find_courses
    from moft.feature.read import at_once
    from moft.feature.statistics import find_motion_channels
    from moft.known.filmed import journey
    from moft.known.pans import pans
    from moft.models.tap import Tap

    clips, then = pans(pictures, size), ceil(courses / at_once(Tap(pipe), size))
    say(
        f"reading {len(clips)} pans of {len(pictures)} pictures; stopped, the same command goes on from there"
    )
    found = find_motion_channels(pipe, clips, kept=kept, track=partial(tracked, then=then), **place)
    if not courses:
        return found
    say(f"reading {courses} clips that go every way")
    draw = partial(journey, pictures, size)
    return replace(found, courses=find_courses(pipe, draw, courses, found.layer, kept=kept, track=tracked))


def _made(photos: list[str], clips: int, courses: int, size: ClipSize) -> dict[str, Any]:
    told = {"photos": photos, "clips": clips, "courses": courses}
    shape = {"frames": size.frames, "size": [size.height, size.width]}
    return {"command": command(), "versions": versions(), **told, **shape}


def _kept_at(path: Path) -> Path:
    """A place beside a model or in the cache, its folder made; it is known to be writable."""
    from moft.media.files import check_writable, make_folder

    make_folder(path.parent)
    check_writable(path)
    return path


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
    epilog=(
        f"Example: moft calibrate --model ./my-model --prompt 'a street' --prompt 'a forest'.  {CONVENTION}"
    )
)
@taking(*options(Scene, "seed", "steps"), *options(Settings, *_HARD))
def calibrate(
    prompt: Annotated[list[str] | None, typer.Option(help="A scene to sample; give several.")] = None,
    image: Annotated[
        list[str] | None, typer.Option(help="First frames, for models that start from an image.")
    ] = None,
    model: Model = "miniature",
    speed: Annotated[
        str | None, typer.Option(help="At which to compare; default: 3% of the shorter side a frame.")
    ] = None,
    channels: Annotated[
        Path | None, typer.Option(help="Motion channels file to amend; default: the model's.")
    ] = None,
    **given: Any,
) -> None:
    """Find by how much targets must be enlarged so that clips move as fast as asked, steered as hard as they
    will be. Eight steered runs a scene."""
    import moft

    needs("cv2")
    subject = loaded(model, channels)
    scenes = [
        Scene(words, subject.size(), seed=given["seed"] + i, steps=given["steps"], image=picture)
        for i, (words, picture) in enumerate(itertools.zip_longest(prompt or [], image or []))
    ]
    if not scenes:
        raise RequestError(
            "expected one or more --prompt (or --image), got none; name a few scenes unlike each other"
        )
    from moft.feature.statistics import statistics_path
    from moft.runs.calibration import SIDES

    where = _kept_at(channels or statistics_path(subject.pipe))
    kept = _kept(where, subject)
    settings = Settings(**{name: given[name] for name in _HARD})
    track, at = _in_rounds(len(SIDES) * len(scenes)), speed or DEFAULT_SPEED
    found = moft.calibrate(subject, scenes, speed=at, settings=settings, kept=kept, track=track)
    note = {**found.made["gain"], "command": command(), "versions": versions()}
    found = replace(found, made={**found.made, "gain": note})
    found.save(where)
    kept.clear()
    shown = (f"{median(tried['share']):.2f} by {tried['gain']:.2f}" for tried in note["rounds"])
    show(f"gain {found.gain:.2f}: clips had {', '.join(shown)} of the asked speed; in {where}")


def _in_rounds(runs: int) -> Any:
    """What shows the progress of rounds of so many runs: of at least two, so in the first another is still to
    come."""
    left = itertools.chain((runs,), itertools.repeat(0))
    return lambda items: tracked(items, then=next(left))


Memory = Annotated[str | None, typer.Option(help="Of the GPU, as 12GB; default: 8, 12, 16 and 24.")]


@app.command(epilog="Example: moft doctor --model ./my-model --gpu-memory 12GB.  No weights are opened.")
def doctor(
    model: Model = "miniature",
    gpu_memory: Memory = None,
    frames: Frames = None,
    height: Side = None,
    width: Side = None,
    processor: Annotated[
        bool, typer.Option("--processor", help="Count for a processor, in float32, Python included.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is known of a model, what is missing, which memory and time it needs, and what to type."""
    import moft
    from moft.diagnosis.fitting import gigabytes
    from moft.diagnosis.words import described

    memory = None if gpu_memory is None else gigabytes(gpu_memory)
    dtype = None
    if processor:
        import torch

        dtype = torch.float32
    found = moft.doctor(model, gpu_memory=memory, size=(frames, height, width), dtype=dtype)
    show(in_json(found.to_json()) if as_json else described(found))
