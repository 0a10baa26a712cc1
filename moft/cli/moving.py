"""`moft field`: a motion looked at, tried on a picture and kept, without a model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moft.cli.app import CONVENTION, AsJson, app
from moft.errors import MediaError, RequestError
from moft.optional import needs
from moft.printing import in_json, listed, say, show
from moft.request.motion import Motion
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.field.field import Field
    from moft.types import Picture, Video

SIDE = 256  # px: shorter side at which clips are read, and pictures carried along
FRAMES = 16  # of words
_SUFFIXES = (".mp4", ".webm", ".gif")
_GREY = 160


@app.command(
    "field",
    epilog="Examples: moft field clip.mp4 -o arrows.mp4.  moft field 'zoom in 3%' --frame photo.jpg.  "
    "moft field a_tracks.npy --size 832x480 --save a.safetensors, then moft steer --prompt 'red cells' "
    "--field a.safetensors.  moft field depth.png --camera path.txt --frame photo.jpg --save a.safetensors.  "
    f"{CONVENTION}",
)
def field(
    source: Annotated[
        str,
        typer.Argument(
            help="A clip; a file of a field, of tracks (.npy, .npz, JSON, CSV) or of dense flow; words; or, "
            "with --camera, the depth of a still scene: .npy, or a picture whose brighter is nearer."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="What is drawn: .mp4, .webm or .gif.")] = Path(
        "field.mp4"
    ),
    camera: Annotated[
        str | None,
        typer.Option(help="A camera's path: RealEstate10K's text, or .npy of world to camera (f 3 4)."),
    ] = None,
    frame: Annotated[
        str | None, typer.Option(help="Carry this picture along the field, beside its arrows.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="WIDTHxHEIGHT", help="Picture of which tracks, and words in px, are px."),
    ] = None,
    frames: Annotated[int | None, typer.Option(min=2, max=240, help="Default: its own; of words 16.")] = None,
    save: Annotated[
        Path | None, typer.Option(help="Keep the field here (.safetensors), for moft steer --field.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw a motion as arrows, or try it on a picture, and keep it as a field; needs no model."""
    needs("cv2")
    check_outputs(out, save, [name for name in (source, camera, frame) if name])
    picture = None if frame is None else _picture(frame)
    wanted = _sides(size) or (None if picture is None else picture.shape[:2])
    if camera is not None and size is not None:
        raise RequestError("expected --camera without --size, got both; depth has the size of its picture")
    found, clip = (
        _shown(source, wanted, frames) if camera is None else (_filmed(source, camera, frames), None)
    )
    record = {"source": source, **told(found)}
    if save is not None:
        found.save(save)
    _write(out, _drawn(found, clip, picture))
    record["files"] = {"arrows": str(out)} | ({} if save is None else {"field": str(save)})
    show(in_json(record) if as_json else _words(record))


def check_outputs(out: Path, save: Path | None, inputs: Sequence[str]) -> None:
    """Raise MediaError unless both can be written."""
    from moft.media.files import check_writable
    from moft.media.writing import check_encoder

    for path, suffixes in ((out, _SUFFIXES), (save, (".safetensors",))):
        if path is not None and (path.suffix.lower() not in suffixes or not path.stem):
            raise MediaError(
                f"cannot write {path}: expected a name ending in {', '.join(suffixes)}; rename it"
            )
    check_writable(*(path for path in (out, save) if path is not None), inputs=inputs)
    check_encoder(out)


def _picture(name: str) -> Picture:
    """At `SIDE`, in its own shape."""
    from moft.media.reading import read_video

    return read_video(name, frames=1, size=_small(read_video(name, frames=1).shape[1:3]), tell=say)[0]


def _small(shape: tuple[int, ...]) -> tuple[int, int]:
    """(height, width) px of the same shape, the shorter side `SIDE` at most."""
    factor = min(SIDE / min(shape), 1)
    height, width = (max(round(n * factor), 1) for n in shape)
    return height, width


def _sides(text: str | None) -> tuple[int, int] | None:
    """ "832x480" → (480, 832)."""
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    sides = [int(n) if n.isascii() and n.isdigit() and len(n) < 6 else 0 for n in (height, width)]
    if min(sides) < 1:
        raise RequestError(f"expected --size WIDTHxHEIGHT in px, got {text!r:.50}; write 832x480")
    return sides[0], sides[1]


def _shown(source: str, sides: tuple[int, int] | None, frames: int | None) -> tuple[Field, Video | None]:
    """The field of a source, and its frames if it is a clip, so many of both."""
    from moft.field.field import Field
    from moft.field.files.reading import holds_field, read_field
    from moft.field.shown import field_of
    from moft.media.frames import evenly
    from moft.media.reading import read_video

    if not os.path.exists(source):
        try:
            motion = Motion.from_text(source)
        except RequestError as error:
            raise RequestError(
                f"expected a clip, a file of a field, or words: no such file, and {error}"
            ) from error
        whole = sides or (SIDE, SIDE)
        if isinstance(motion.speed, str) and motion.speed.lower().endswith("px"):
            motion = replace(motion, speed=float(motion.speed[:-2]) / min(whole))
        return Field.of_motion(motion, ClipSize(frames or FRAMES, *_small(whole))), None
    if os.path.isfile(source) and holds_field(source):
        found = read_field(source, sides)
        return (found if frames is None else found.stretched(frames)), None
    video = read_video(source, size=_small(read_video(source, frames=1).shape[1:3]), tell=say)
    if frames is not None:
        video = video[evenly(len(video), frames)]
    return field_of(video), video


def _filmed(depth: str, camera: str, frames: int | None) -> Field:
    """Of a still scene, by its depth."""
    from moft.field.files.cameras import read_depth, read_views
    from moft.field.views import field_of_views

    deep = read_depth(depth)
    found = field_of_views(deep, read_views(camera, (deep.shape[0], deep.shape[-1])))
    return found if frames is None else found.stretched(frames)


def _drawn(found: Field, clip: Video | None, picture: Picture | None) -> Video:
    import numpy as np

    from moft.field.arrows import with_arrows
    from moft.field.carried import carried
    from moft.media.frames import side_by_side

    if picture is None:
        height, width = _small(found.weight.shape[1:])
        ground = np.full((len(found.weight), height, width, 3), _GREY, np.uint8) if clip is None else clip
        return with_arrows(ground, found)
    fitted = found.cropped(*picture.shape[:2])
    arrows = with_arrows(np.repeat(picture[None], len(fitted.weight), 0), fitted)
    factor = arrows.shape[1] // picture.shape[0]
    moved = carried(picture, fitted).repeat(factor, 1).repeat(factor, 2)
    return side_by_side(arrows, moved)


def _write(out: Path, video: Video) -> None:
    from moft.media.writing import write_video

    write_video(out, video, fps=8)


def told(found: Field) -> dict[str, Any]:
    """What a field is, as plain JSON values; speeds in shares of the shorter side a frame, by weight."""
    import numpy as np

    sure = np.minimum(found.weight[:-1], found.weight[1:])
    total = max(float(sure.sum()), 1e-9)
    x, y = (float((found.steps[..., axis] * sure).sum() / total) for axis in (0, 1))
    return {
        "frames": len(found.weight),
        "cells": list(found.weight.shape[1:]),
        "known": float(sure.mean()),
        "speed": float((np.linalg.norm(found.steps, axis=-1) * sure).sum() / total),
        "mean": [x, y],
    }


def _words(record: dict[str, Any]) -> str:
    x, y = record["mean"]
    rows = {
        "field": f"{record['frames']} frames of {record['cells'][1]} x {record['cells'][0]} cells",
        "known": f"{record['known']:.0%} of it",
        "moves": f"{record['speed']:.2%} of the shorter side a frame, in the mean ({x:+.2%}, {y:+.2%})",
        "written": ", ".join(record["files"].values()),
    }
    return listed(rows.items(), 10)
