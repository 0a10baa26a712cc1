"""What is refused, of files, sizes and clips, and how it is said."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from moft.errors import MediaError, MoftError

if TYPE_CHECKING:
    from moft.types import PathLike, Video

MAX_PIXELS = 8192 * 8192  # in one frame
MAX_BYTES = 2**31  # in one video, as returned


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


def check_video(name: str, video: Video, action: str = "write") -> None:
    """Raise MediaError unless this is uint8 (f h w 3) with something in it."""
    if not isinstance(video, np.ndarray) or video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3:
        got = f"{getattr(video, 'dtype', type(video).__name__)} {getattr(video, 'shape', '')}".strip()
        remedy = "scale it to 0..255 and call .astype('uint8')"
        raise refusal(name, "uint8 video of shape (f h w 3)", got, remedy, action)
    if not video.size:
        raise refusal(name, "at least one frame", f"shape {video.shape}", "check the slice", action)
