"""Paths of cameras, and depth, out of files.

A path:

* text, as RealEstate10K and CameraCtrl have it: a line a frame of 19 numbers, the time, focal lengths and
  centre in widths and heights of the picture, two numbers that nobody uses, and world to camera [R | t] by
  rows; a first line of one word is an address.
* .npy: world to camera, (f 3 4) or (f 4 4), seen through a lens whose focal length is the longer side, 53°.

Depth of the first frame:

* .npy: (h w), along the z axis, in the units of the path.
* a picture, as estimators of depth give it: the brighter the nearer, by 1 / depth; the nearest is 1 far away,
  and nothing further than `FARTHEST`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from moft.errors import RequestError
from moft.field.files.arrays import NPY, read_array
from moft.field.views import Views
from moft.media.tensors import about
from moft.ordinary import open_ordinary

if TYPE_CHECKING:
    from moft.types import Floats, PathLike

MOST_BYTES = 2**22  # of a text
FARTHEST = 50.0  # of the nearest, in a picture
_NUMBERS = 19  # of a line


def read_views(path: PathLike, size: tuple[int, int]) -> Views:
    """A camera's path. size: (height, width) of the picture that it sees, in any unit.

    Raises RequestError for another file, and as `Views` does."""
    with open_ordinary(path, RequestError) as file:
        text = file.read(MOST_BYTES + 1)
    if text.startswith(NPY):
        poses = np.asarray(read_array(path), float)
        longer = max(size)
        with about(path):
            if poses.ndim != 3 or poses.shape[1:] not in ((3, 4), (4, 4)):
                raise RequestError(
                    f"expected poses (f 3 4) or (f 4 4), world to camera, got {poses.shape}; write one a "
                    "frame"
                )
            lens = np.array([longer / size[1], longer / size[0]])
            return Views(poses[:, :3], lens, np.array([0.5, 0.5]))
    with about(path):
        if len(text) > MOST_BYTES:
            raise RequestError(f"expected a path of at most {MOST_BYTES} bytes, got more; leave frames out")
        rows = _rows(text)
        if (rows[:, 1:5] != rows[0, 1:5]).any():
            raise RequestError(
                "expected one lens for all frames, got several; a zoom of the lens is said in words, as "
                "zoom in"
            )
        return Views(rows[:, 7:].reshape(-1, 3, 4), rows[0, 1:3], rows[0, 3:5])


def _rows(text: bytes) -> Floats:
    """(f 19)."""
    lines = [line.split() for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    if lines and len(lines[0]) == 1:  # an address
        lines = lines[1:]
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append([float(one) for one in line])
            if len(line) != _NUMBERS:
                raise ValueError
        except ValueError:
            raise RequestError(
                f"expected {_NUMBERS} numbers in row {number}, time, focal lengths, centre, two more and "
                f"[R | t], or an .npy of poses (f 3 4), got {' '.join(line):.50}"
            ) from None
    if len(rows) < 2:
        raise RequestError(f"expected a row a frame, two or more, got {len(rows)}")
    return np.array(rows)


def read_depth(path: PathLike) -> Floats:
    """The depth (h w) of a picture.

    Raises RequestError or MediaError for a file of another kind; what it holds is looked at where it is
    used."""
    from moft.media.reading import read_video

    with open_ordinary(path, RequestError) as file:
        head = file.read(len(NPY))
    if head == NPY:
        found = np.asarray(read_array(path), float)
        return found[0] if found.ndim == 3 and len(found) == 1 else found
    grey = read_video(os.fspath(path), frames=1)[0].astype(float).mean(-1)
    if grey.max() == 0:
        raise RequestError(
            f"cannot use {path}: expected a picture in which what is near is bright, got black"
        )
    return 1 / np.maximum(grey / grey.max(), 1 / FARTHEST)
