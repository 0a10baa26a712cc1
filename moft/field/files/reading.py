"""Fields and tracks out of files: of moft, of trackers, of programs that move points, told by their content.

* safetensors: a field, as `Field.save` wrote it.
* .npy: tracks (f n 2) or (1 f n 2) px, as Wan-Move has them; a name that ends in `_tracks.npy` goes with that
  in `_visibility.npy`, (f n) or (1 f n). Or a dense flow (f-1 h w 2) px.
* .npz: the arrays `tracks` and, if there is one, `visibility`, of the same shapes; or `flow`.
* JSON: a list of paths, each a list of {"x": …, "y": …} px, one a frame, as ATI and ComfyUI have them; where
  a path ends early, it is not visible any more.
* CSV: `point,frame,x,y` or `point,frame,x,y,visible`, with that header, from the first frame that is named;
  where a point is not named, it is not visible.
"""

from __future__ import annotations

import csv
import io
import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from moft import plain
from moft.errors import RequestError
from moft.field.field import Field
from moft.field.files.arrays import NPY, ZIP, read_array, read_arrays
from moft.field.tracks import FURTHEST, Tracks, check_count, field_of_tracks
from moft.media.tensors import about
from moft.ordinary import open_ordinary
from moft.request.along import beside
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.types import Flags, Flow, PathLike

MOST_BYTES = 2**25  # of a text
_COLUMNS = ["point", "frame", "x", "y", "visible"]
_SEEN = {"1": True, "true": True, "0": False, "false": False}


def read_field(path: PathLike, size: tuple[int, int] | None = None) -> Field:
    """A field from a file: saved, of tracks, or of a dense flow, at its own frames and cells.

        moft.read_field("clip_tracks.npy", (480, 832)).save("clip.safetensors")

    size: (height, width) px of the picture that tracks are of; of other files it says nothing.
    Raises RequestError for a file of another kind, damaged, or too large, and for tracks without a size.
    """
    found = _read(path)
    with about(path):
        if isinstance(found, Field):
            return found
        if isinstance(found, Tracks):
            if size is None:
                raise RequestError(
                    "expected the size of the picture that the tracks are of, got none; pass (height, "
                    "width), or --size WIDTHxHEIGHT"
                )
            return field_of_tracks(found.points, found.visible, ClipSize(found.frames, *size))
        return field_of_flow(found)


def read_tracks(path: PathLike) -> Tracks:
    """Points from a file of tracks.

    Raises RequestError for a file of another kind, damaged, or too large."""
    found = _read(path)
    if not isinstance(found, Tracks):
        kind = "a field" if isinstance(found, Field) else "a dense flow"
        raise RequestError(
            f"cannot use {path}: expected tracks of points, got {kind}; read it with read_field"
        )
    return found


def field_of_flow(flow: Flow) -> Field:
    """The field of a dense flow (f-1 h w 2) px; where it is NaN or infinite, nothing is known.

    Raises RequestError for another shape, and for a flow that is known nowhere."""
    if flow.ndim != 4 or flow.shape[3] != 2 or 0 in flow.shape:
        raise RequestError(f"expected a flow (f-1 h w 2), got {flow.shape}")
    # refuses NaN too; some write 1e9 for what is not known
    known: Flags = np.all(np.abs(flow) <= FURTHEST, axis=-1)
    if not known.any():
        raise RequestError(
            "expected a flow that is known somewhere, got none that is finite; compute it anew"
        )
    steps = np.where(known[..., None], flow, 0).astype(np.float32) / min(flow.shape[1:3])
    return Field.of_steps(steps, known.astype(np.float32))


def holds_field(path: PathLike) -> bool:
    """Whether a file is of a kind that `read_field` reads, by its first bytes; what else is wrong with it is
    said when it is read. Raises RequestError for what is no ordinary file."""
    with open_ordinary(path, RequestError) as file:
        return _kind(file.read(_HEAD)) is not None


def _kind(head: bytes) -> str | None:
    """Of a file, by its first bytes."""
    text = head.removeprefix(_BOM).lstrip()
    if head.startswith((NPY, ZIP)):
        return "npy" if head.startswith(NPY) else "npz"
    if head[4:9] == b"\0\0\0\0{":  # the length of the header, and its beginning
        return "safetensors"
    if text.startswith((b"[", b"{")):
        return "json"
    return "csv" if text.lower().startswith(b"point,") else None


def _read(path: PathLike) -> Field | Tracks | Flow:
    with open_ordinary(path, RequestError) as file:
        head = file.read(_HEAD)
    kind = _kind(head)
    if kind == "safetensors":
        return Field.load(path)
    if kind == "npy":
        return _of_array(path)
    if kind == "csv":
        return _of_table(path)
    if kind is None:
        raise RequestError(
            f"cannot read {path}: expected a field of moft (.safetensors), tracks (.npy, .npz, JSON of "
            "paths, CSV of point,frame,x,y) or a dense flow (.npy), got "
            f"{head[:16]!r}; a clip is followed by --like"
        )
    if kind == "npz":
        arrays = read_arrays(path, ("tracks", "visibility", "flow"))
        with about(path):
            return _of_arrays(arrays)
    value = plain.read(path, "tracks", most=MOST_BYTES)
    with about(path):
        return _of_paths(value)


_HEAD, _BOM = 64, b"\xef\xbb\xbf"


def _of_array(path: PathLike) -> Tracks | Flow:
    value, other = read_array(path), beside(os.fspath(path))
    seen = read_array(other) if other is not None else None
    with about(path):
        if value.ndim == 4 and len(value) > 1 and seen is None:
            return value
        return _of_arrays({"tracks": value} | ({} if seen is None else {"visibility": seen}))


def _of_arrays(arrays: dict[str, Any]) -> Tracks | Flow:
    if "tracks" not in arrays:
        if "flow" not in arrays:
            raise RequestError("expected an array tracks or flow in it, got neither; rename the one that is")
        flow: Flow = arrays["flow"]
        return flow
    value = arrays["tracks"]
    points = value[0] if value.ndim == 4 and len(value) == 1 else value
    if points.ndim != 3 or points.shape[2] != 2:
        raise RequestError(f"expected tracks (f n 2) or (1 f n 2), or a flow (f-1 h w 2), got {value.shape}")
    seen = arrays.get("visibility", np.ones(points.shape[:2]))
    seen = seen[0] if seen.ndim == 3 and len(seen) == 1 else seen
    if seen.shape != points.shape[:2]:
        raise RequestError(
            f"expected a visibility (f n) of {points.shape[:2]} beside tracks {value.shape}, got {seen.shape}"
        )
    return Tracks(points.swapaxes(0, 1), (seen > 0.5).T)


def _of_paths(value: Any) -> Tracks:
    """A list of paths, or one path, of points {"x": , "y": }."""
    paths = [value] if isinstance(value, list) and value and isinstance(value[0], dict) else value
    if not isinstance(paths, list) or not paths or not all(isinstance(path, list) and path for path in paths):
        raise RequestError(
            'expected a list of paths [[{"x": 1, "y": 2}, …], …], got '
            f"{value!r:.50}; write one list a point, of its place in each frame"
        )
    points, visible = _empty(len(paths), max(map(len, paths)))
    for i, path in enumerate(paths):
        for frame, at in enumerate(path):
            place: list[Any] = [at.get(axis) for axis in ("x", "y")] if isinstance(at, dict) else []
            if not place or not all(type(n) in (int, float) and abs(n) <= FURTHEST for n in place):
                where = f"path {i + 1}, frame {frame + 1}"
                raise RequestError(f'expected points {{"x": , "y": }} in px, got {at!r:.50} in {where}')
            points[i, frame], visible[i, frame] = place, True
    return Tracks(points, visible)


def _of_table(path: PathLike) -> Tracks:
    with open_ordinary(path, RequestError) as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise RequestError(f"cannot read {path}: expected tracks of at most {MOST_BYTES} bytes, got more")
    try:
        first, *rows = csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""))
    except (ValueError, csv.Error) as error:
        raise RequestError(f"cannot read {path}: expected a table in CSV, got {error!s:.100}") from error
    with about(path):
        names = [name.strip().lower() for name in first]
        if names not in (_COLUMNS, _COLUMNS[:4]):
            raise RequestError(f"expected the columns {','.join(_COLUMNS)}, got {','.join(names):.100}")
        return _of_rows([_row(row, len(names), i + 2) for i, row in enumerate(rows) if row])


def _row(row: list[str], count: int, line: int) -> tuple[str, int, float, float, bool]:
    try:
        point, frame, x, y, *seen = map(str.strip, row)
        found = point, int(frame), float(x), float(y), _SEEN[seen[0].lower()] if seen else True
    except (ValueError, KeyError):
        found = "", -1, math.nan, math.nan, False
    if len(row) != count or found[1] < 0 or (found[4] and not abs(complex(*found[2:4])) <= 2 * FURTHEST):
        raise RequestError(
            f"expected a point, a frame from 0, x and y in px and visible 1 or 0 in line {line}, got "
            f"{','.join(row):.50}"
        )
    return found


def _of_rows(rows: list[tuple[str, int, float, float, bool]]) -> Tracks:
    numbers = {name: i for i, name in enumerate(dict.fromkeys(row[0] for row in rows))}
    first, last = (end((row[1] for row in rows), default=0) for end in (min, max))
    points, visible = _empty(len(numbers), last - first + 1)
    if len({row[:2] for row in rows}) < len(rows):
        raise RequestError("expected one place of a point in a frame, got two; take one out")
    for name, frame, x, y, seen in rows:
        points[numbers[name], frame - first], visible[numbers[name], frame - first] = (x, y), seen
    return Tracks(points, visible)


def _empty(count: int, frames: int) -> tuple[Any, Any]:
    """Points (n f 2) that are visible nowhere (n f), if there may be so many."""
    check_count(count, frames)
    return np.zeros((count, frames, 2)), np.zeros((count, frames), bool)
