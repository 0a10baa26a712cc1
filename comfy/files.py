"""Files of what comes in as tensors, for requests name files: in a folder that is removed when ComfyUI ends.

A file is named after what is in it, so the same tensors are written once.
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .values import mask_of, points_of, video_of

if TYPE_CHECKING:
    from torch import Tensor

    from moft.types import Floats, Video


def clip_file(images: Tensor) -> str:
    """A folder of the pictures of an IMAGE."""
    video = video_of(images)
    return _kept("clip", lambda folder: _write_pictures(folder, video), video)


def picture_file(images: Tensor) -> str:
    """The first picture of an IMAGE."""
    return str(Path(clip_file(images[:1])) / "00000.png")


def mask_file(mask: Tensor) -> str:
    """A folder of the pictures of a MASK."""
    grey = (mask_of(mask) * 255).round().astype(np.uint8)
    return _kept("mask", lambda folder: _write_pictures(folder, grey), grey)


def tracks_file(tracks: Any) -> str:
    """TRACKS as points, beside which lies their visibility."""
    points, seen = points_of(tracks)

    def write(folder: Path) -> None:
        np.save(folder / "points_tracks.npy", points)
        np.save(folder / "points_visibility.npy", seen)

    return str(Path(_kept("tracks", write, points, seen)) / "points_tracks.npy")


def text_file(text: str, suffix: str) -> str:
    """A text, in a file of this suffix."""
    held = text.encode()
    name = f"text{suffix}"
    folder = _kept("text", lambda folder: (folder / name).write_bytes(held), np.frombuffer(held, np.uint8))
    return str(Path(folder) / name)


@cache
def _home() -> Path:
    home = tempfile.mkdtemp(prefix="moft-comfyui-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return Path(home)


def _kept(kind: str, write: Callable[[Path], Any], *arrays: Floats | Video) -> str:
    """The folder of what these arrays say, written if it is not there: whole, as it is renamed into place."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    folder = _home() / f"{kind}-{digest.hexdigest()[:16]}"
    if not folder.exists():
        passing = Path(tempfile.mkdtemp(dir=_home()))
        write(passing)
        passing.rename(folder)
    return str(folder)


def _write_pictures(folder: Path, pictures: Video) -> None:
    from PIL import Image

    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{i:05}.png", compress_level=1)
