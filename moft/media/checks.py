"""What is refused, of files, sizes and clips, and how it is said."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from moft.errors import MediaError, MoftError

if TYPE_CHECKING:
    from moft.types import PathLike, Video

Tell = Callable[[str], object]  # is told in words what is worth knowing

MAX_PIXELS = 8192 * 8192  # in one frame
MAX_BYTES = 2**31  # in one video, as returned
A_BYTE_OF_A_CLIP, A_BYTE_OF_A_PICTURE = 5_000, 500  # px that it may stand for, over all frames
_LEAST_FRAME = 2**14  # px whose work the smallest frame costs
_FREE_PIXELS, _FREE_FRAME, _A_BYTE_OF_A_FRAME = 2**26, 2**24, 100  # px of the smallest file


def refusal(name: str, expected: str, got: str, remedy: str, action: str = "read") -> MediaError:
    """The error that says what cannot be done with what, what would be right, what is there, and what to
    do."""
    return MediaError(f"cannot {action} {name}: expected {expected}, got {got}; {remedy}")


@contextmanager
def translated(name: str, expected: str, remedy: str, action: str = "read") -> Iterator[None]:
    """Whatever fails inside becomes a MediaError, `refusal` of these; the library's own errors pass."""
    try:
        yield
    except MoftError:
        raise
    except Exception as error:  # the codecs raise whatever they like, SyntaxError and warnings included
        raise refusal(name, expected, f"{type(error).__name__}: {error}", remedy, action) from error


def local(path: PathLike) -> str:
    """The path as text. Raises MediaError for an address."""
    name = os.fspath(path)
    # Two letters at least, since one is a Windows drive.
    if re.match(r"[A-Za-z][\w+.,-]+:", name):
        remedy = "download it first, or write ./ before a file name with a colon"
        raise refusal(name, "a local file", "an address", remedy, "use")
    return name


def check_whole(name: str, value: int, least: int) -> None:
    """Raise MediaError unless the value is a whole number from `least`."""
    if not isinstance(value, Integral) or value < least:
        raise refusal("the clip", f"{name} to be a whole number from {least}", repr(value), f"change {name}")


def check_size(size: tuple[int, int] | None) -> None:
    """Raise MediaError unless this is None or (height, width) in px, within `MAX_PIXELS`."""
    if size is None:
        return
    if len(size) != 2:
        raise refusal("the clip", "size=(height, width)", repr(size), "pass two whole numbers")
    for side in size:
        check_whole("each side of size", side, 1)
    check_pixels("the clip", size[1], size[0])


def check_pixels(name: str, width: int, height: int) -> None:
    """Raise MediaError for frames above `MAX_PIXELS`."""
    if width * height > MAX_PIXELS:
        limit = f"at most {MAX_PIXELS} pixels in a frame"
        raise refusal(name, limit, f"{width} x {height}", "scale it down first")


def codec_limits() -> dict[str, str]:
    """The same bound as options of a demuxer or decoder, which holds to it even where a frame outgrows the
    header."""
    return {"max_pixels": str(MAX_PIXELS)}


def check_budget(name: str, frames: int, size: tuple[int, ...]) -> None:
    """Raise MediaError for a video of so many frames of (height, width) px above `MAX_BYTES`."""
    if frames * math.prod(size) * 3 > MAX_BYTES:
        got = f"{frames} frames of {size[0]} x {size[1]}"
        raise refusal(name, f"at most {MAX_BYTES} bytes of video", got, "pass a smaller frames or size")


@dataclass
class Budget:
    """How many px of a file may be decoded: a small file cannot ask for much memory or time."""

    name: str
    length: int  # of the file, bytes
    a_byte: int  # px that each of them may stand for
    spent: int = 0  # px

    @classmethod
    def of(cls, file: BinaryIO, a_byte: int) -> Budget:
        """Of an open file."""
        return cls(file.name, os.fstat(file.fileno()).st_size, a_byte)

    def check_frame(self, width: int, height: int) -> None:
        """Raise MediaError for frames so large that a file of this length cannot mean them."""
        if width * height > _FREE_FRAME + _A_BYTE_OF_A_FRAME * self.length:
            got = f"{width} x {height} from {self.length} bytes"
            raise refusal(self.name, "frames in proportion to the file", got, "scale it down first")

    def spend_frames(self, frames: int, width: int, height: int) -> None:
        """As `spend`, for so many; a small frame costs some work too."""
        self.spend(frames * max(width * height, _LEAST_FRAME))

    def spend(self, pixels: int) -> None:
        """Raise MediaError if these, about to be decoded, are too many with those before."""
        self.spent += pixels
        most = _FREE_PIXELS + self.a_byte * self.length
        if self.spent > most:
            expected = f"at most {most} px in all frames of a file of {self.length} bytes"
            raise refusal(self.name, expected, f"{self.spent} or more", "read fewer frames, or scale it down")


def check_video(name: str, video: Video, action: str = "write") -> None:
    """Raise MediaError unless this is uint8 (f h w 3) with something in it."""
    if not isinstance(video, np.ndarray) or video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3:
        got = f"{getattr(video, 'dtype', type(video).__name__)} {getattr(video, 'shape', '')}".strip()
        remedy = "scale it to 0..255 and call .astype('uint8')"
        raise refusal(name, "uint8 video of shape (f h w 3)", got, remedy, action)
    if not video.size:
        raise refusal(name, "at least one frame", f"shape {video.shape}", "check the slice", action)
