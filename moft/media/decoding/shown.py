"""What a file says about how its pictures are shown: turned, mirrored, in pixels that are no squares.

Everything here ends in `Shown`: a picture as a player or viewer shows it, whose alpha is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from moft.errors import MediaError

if TYPE_CHECKING:
    from PIL.Image import Image

    from moft.media.checks import Budget
    from moft.types import Floats

_NARROWEST = 16  # to one: pixels of real clips are 2 to 1 at most
_OFF = 0.02  # by which an axis may miss a multiple of 90 degrees


@dataclass(frozen=True)
class Shown:
    """A picture of a file, not yet decoded, and how many frames of a clip of constant rate it stands for."""

    picture: Callable[[], Image]  # upright, in square pixels, of any mode
    copies: int = 1


@dataclass(frozen=True)
class Reel:
    """An open file, or a folder of pictures: its size as stored in px, how many frames it is at a constant
    rate (0 if untold), and each picture."""

    name: str
    width: int
    height: int
    length: int
    stored: int  # pictures; 0 if untold
    pictures: Iterator[Shown]
    budget: Budget  # how many px of it may be decoded
    ground: str  # the colour that players or viewers show behind what is transparent
    step: float | None = None  # seconds from one frame to the next; None: untold
    joined: bool = False  # whether it says itself that equal neighbours were joined
    exact: bool = True  # whether it keeps every value, as far as is known
    words: list[str] = field(
        default_factory=list
    )  # worth knowing of it; frames that are decoded may add some


def turned(image: Image, matrix: Floats) -> Image:
    """The picture as a matrix (2 2) shows it, which takes x right and y down, as rows, to those on the
    screen.

    Raises MediaError for what turns by no multiple of 90 degrees."""
    from PIL.Image import Transpose

    lengths = np.hypot(*matrix.T)
    axes = np.round(matrix / np.where(lengths > 0, lengths, 1)[:, None])
    off = np.abs(matrix / np.where(lengths > 0, lengths, 1)[:, None] - axes).max()
    ways = {
        (1, 0, 0, 1): None,
        (0, 1, -1, 0): Transpose.ROTATE_270,  # PIL counts anticlockwise
        (-1, 0, 0, -1): Transpose.ROTATE_180,
        (0, -1, 1, 0): Transpose.ROTATE_90,
        (-1, 0, 0, 1): Transpose.FLIP_LEFT_RIGHT,
        (1, 0, 0, -1): Transpose.FLIP_TOP_BOTTOM,
        (0, 1, 1, 0): Transpose.TRANSPOSE,
        (0, -1, -1, 0): Transpose.TRANSVERSE,
    }
    key = tuple(int(v) for v in axes.ravel())
    if off > _OFF or key not in ways:
        raise MediaError(
            f"cannot show a clip as it says: expected a turn by a multiple of 90 degrees, got the matrix "
            f"{matrix.round(2).tolist()}; re-encode it upright"
        )
    way = ways[key]
    return image if way is None else image.transpose(way)


def squared(image: Image, aspect: float) -> Image:
    """The picture in square pixels, where its own are `aspect` times as wide as high; it only grows, as in
    players. Raises MediaError for pixels that no picture has."""
    from PIL.Image import Resampling

    if not 1 / _NARROWEST <= aspect <= _NARROWEST:
        raise MediaError(
            f"cannot show a clip as it says: expected pixels at most {_NARROWEST} times as wide as high, or "
            f"the other way, got {aspect:.3g}; re-encode it in square ones"
        )

    width, height = image.width * max(aspect, 1.0), image.height / min(aspect, 1.0)
    size = max(round(width), 1), max(round(height), 1)
    return image if size == image.size else image.resize(size, Resampling.BICUBIC)


def upright(image: Image) -> Image:
    """The picture as its EXIF orientation shows it."""
    from PIL.ImageOps import exif_transpose

    return exif_transpose(image)
