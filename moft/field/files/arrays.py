"""Arrays out of .npy and .npz files of anyone: numbers alone, of bounded size, and nothing is unpickled."""

from __future__ import annotations

import math
import os
import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from moft.errors import MoftError, RequestError
from moft.field.field import MOST_NUMBERS
from moft.ordinary import open_ordinary

if TYPE_CHECKING:
    from collections.abc import Collection

    from moft.types import PathLike

NPY, ZIP = b"\x93NUMPY", b"PK\x03\x04"  # how the files begin
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_MOST_MEMBERS = 100
_FREE, _A_BYTE = 2**22, 20  # numbers of the smallest archive, and more for each byte of it


def read_array(path: PathLike) -> np.ndarray[Any, Any]:
    """The array of an .npy file. Raises RequestError for another file, objects, and too many numbers."""
    with open_ordinary(path, RequestError) as file:
        return _array(file, str(path), MOST_NUMBERS)


def read_arrays(path: PathLike, names: Collection[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Those of these arrays that an .npz file has; others are not looked at.

    Raises RequestError as `read_array` does, and for an archive of very many files."""
    found = {}
    try:
        with open_ordinary(path, RequestError) as file, zipfile.ZipFile(file) as archive:
            if len(archive.namelist()) > _MOST_MEMBERS:
                raise RequestError(
                    f"cannot read {path}: expected an .npz of at most {_MOST_MEMBERS} arrays, got more"
                )
            for name in names:
                if f"{name}.npy" in archive.namelist():
                    packed = min(archive.getinfo(f"{name}.npy").compress_size, os.path.getsize(path))
                    most = min(MOST_NUMBERS, _FREE + _A_BYTE * packed)  # a small file asks for little memory
                    with archive.open(f"{name}.npy") as member:
                        found[name] = _array(member, f"{path}, {name}", most)  # type: ignore[arg-type]
    except MoftError:
        raise
    except Exception as error:  # zipfile raises whatever it likes for an archive that is bent
        raise RequestError(f"cannot read {path}: expected an .npz file, got {error!s:.200}") from error
    return found


def _array(file: BinaryIO, name: str, most: int) -> np.ndarray[Any, Any]:
    """What the header says is believed only as far as there are bytes for it."""
    try:
        version = npy.read_magic(file)
        shape, by_columns, kind = _HEADERS[version](file)
        if any(side < 0 for side in shape):
            raise ValueError(f"the shape {shape}")
    except Exception as error:  # of a header that is bent, SyntaxError and KeyError included
        got = f"{type(error).__name__}: {error!s:.100}"
        raise RequestError(f"cannot read {name}: expected an .npy array, got {got}") from error
    if kind.kind not in "fiub" or kind.itemsize > 8:
        raise RequestError(
            f"cannot read {name}: expected an array of numbers, got {kind!s:.50}; save it as float32"
        )
    count = math.prod(shape)
    if count > most:
        raise RequestError(
            f"cannot read {name}: expected at most {most} numbers, got {count}; scale it down first"
        )
    held = file.read(count * kind.itemsize)
    if len(held) < count * kind.itemsize:
        raise RequestError(
            f"cannot read {name}: expected {count} numbers, got fewer; copy the whole file again"
        )
    return np.frombuffer(held, kind).reshape(shape, order="F" if by_columns else "C")
