"""Arrows on pictures, a field as such, and the ways of points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from moft.errors import RequestError

if TYPE_CHECKING:
    from PIL.Image import Image

    from moft.field.field import Field
    from moft.field.tracks import Tracks
    from moft.types import Floats, Picture, Video

ORANGE = (230, 159, 0)  # Okabe and Ito's
COLOURS = (ORANGE, (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0))  # theirs too
TAIL = 12  # frames for which the way of a point stays
SIDE = 384  # px: least shorter side of a picture with the arrows of a field
ACROSS = 16  # arrows along the longer side
_KNOWN = 0.2  # weight below which a place has no arrow
_FAINT = 0.15  # of the room that an arrow has: below, a dot stands for it


def with_arrows(video: Video, field: Field) -> Video:
    """Each frame, paler and enlarged to `SIDE`, with an arrow at each of `ACROSS` places a row: where what is
    there goes. The longest arrows reach as far as the next one; where the field says little there is none.

    video: uint8 (f h w 3) of the field's frames. Returns uint8 (f H W 3). The last frame has the arrows of
    the step before.
    """
    from PIL import ImageDraw

    frames, height, width = video.shape[:3]
    factor = max(math.ceil(SIDE / min(height, width)), 1)
    rows, columns = (max(round(ACROSS * n / max(height, width)), 1) for n in (height, width))
    coarse = field.resized(frames, rows, columns)
    room = factor * min(height / rows, width / columns)
    known = np.minimum(coarse.weight[:-1], coarse.weight[1:]) > _KNOWN
    length = np.linalg.norm(coarse.steps, axis=-1)
    longest = max(float(np.quantile(length[known], 0.98)) if known.any() else 0.0, 1e-9)
    shown = []
    for i, frame in enumerate(video):
        step = min(i, frames - 2)
        picture = enlarged((frame // 2 + 112).astype(np.uint8), factor)
        draw = ImageDraw.Draw(picture)
        for row, column in np.argwhere(known[step]):
            middle = factor * np.array([(column + 0.5) * width / columns, (row + 0.5) * height / rows])
            by = coarse.steps[step, row, column] * room / longest
            far = float(np.linalg.norm(by))
            by = by * min(1.0, room / max(far, 1e-9))
            arrow(draw, middle, by if far >= _FAINT * room else None, ORANGE, room / 60)
        shown.append(np.asarray(picture))
    return np.stack(shown)


def with_tracks(video: Video, tracks: Tracks) -> Video:
    """Each frame, paler and enlarged to `SIDE`, with a dot at each point that is seen there and the way that
    it came in the last `TAIL` frames; where it was not seen there is none.

    video: uint8 (f h w 3) of the tracks' frames, or one frame for all. Returns uint8 (f H W 3).
    Raises RequestError for another number of frames.
    """
    from PIL import ImageDraw

    if len(video) not in (1, tracks.frames):
        raise RequestError(
            f"expected one picture, or as many as the tracks have frames, {tracks.frames}, got {len(video)}; "
            "draw on the clip that was tracked"
        )
    factor = max(math.ceil(SIDE / min(video.shape[1:3])), 1)
    dot = max(factor * min(video.shape[1:3]) / 120, 2.0)
    places = factor * (tracks.points + 0.5)
    shown = []
    for i in range(tracks.frames):
        frame = video[i if len(video) > 1 else 0]
        picture = enlarged((frame // 2 + 112).astype(np.uint8), factor)
        draw = ImageDraw.Draw(picture)
        for n in np.flatnonzero(tracks.visible[:, i]):
            colour = COLOURS[n % len(COLOURS)]
            for j in range(max(i - TAIL, 0), i):
                if tracks.visible[n, j] and tracks.visible[n, j + 1]:
                    draw.line((*places[n, j], *places[n, j + 1]), fill=colour, width=round(dot))
            x, y = places[n, i]
            draw.ellipse((x - dot, y - dot, x + dot, y + dot), fill=colour, outline="white")
        shown.append(np.asarray(picture))
    return np.stack(shown)


def enlarged(frame: Picture, factor: int) -> Image:
    """A picture uint8 (h w 3), so many times as large."""
    from PIL import Image

    height, width = frame.shape[:2]
    return Image.fromarray(frame).resize((width * factor, height * factor), Image.Resampling.BICUBIC)


def arrow(
    draw: Any,
    middle: npt.NDArray[np.floating[Any]],
    by: Floats | None,
    colour: tuple[int, int, int],
    size: float,
) -> None:
    """An arrow as long as `by` through the middle, or a dot for None; size: how thick, 1 being usual."""
    x, y = middle
    if by is None:
        dot = 5 * size
        draw.ellipse((x - dot, y - dot, x + dot, y + dot), fill=colour, outline="white")
        return
    x, y = x - by[0] / 2, y - by[1] / 2
    tip = (x + by[0], y + by[1])
    draw.line((x, y, *tip), fill="white", width=round(7 * size))
    draw.line((x, y, *tip), fill=colour, width=round(4 * size))
    angle = math.atan2(by[1], by[0])
    sides = [
        (tip[0] - 13 * size * math.cos(angle + turn), tip[1] - 13 * size * math.sin(angle + turn))
        for turn in (0.5, -0.5)
    ]
    draw.polygon([tip, *sides], fill=colour, outline="white")
