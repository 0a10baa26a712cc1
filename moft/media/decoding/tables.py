"""What the tables of an mp4 or mov promise, before a demuxer takes memory for it.

A few bytes can declare millions of frames. Each frame lies somewhere in the file, so there are no more of
them than bytes, but for old sound that counts waves instead.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from moft.media.checks import refusal

_INSIDE = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf", b"mvex"}
_RUNS = {b"stts", b"ctts"}  # pairs of how many and what
_SIZES = {b"stsz", b"stz2"}
_LISTS = {b"stsc", b"stco", b"co64", b"stss", b"stps", b"elst", b"trun"}
_FREE, _A_BYTE = 100_000, 8  # entries
_MOST_BOXES = 100_000


def check_tables(file: BinaryIO, length: int) -> None:
    """Raise MediaError for tables that promise more than a file of so many bytes can hold; it is rewound."""
    most = _FREE + _A_BYTE * length
    for count, (kind, at, size) in enumerate(boxes(file, 0, length)):
        if kind == b"cmov":
            raise refusal(file.name, "a header as it is", "a compressed one", "remux it, to mp4 say")
        promised = _promised(file, kind, at, size)
        if promised > most or count > _MOST_BOXES:
            got = f"a table of {promised}" if promised > most else f"{count} boxes or more"
            raise refusal(
                file.name, "tables in proportion to the file", got, "re-encode or download it again"
            )
    file.seek(0)


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Each box: its kind, where its content begins, and its length."""
    todo = [(start, end)]
    while todo:
        at, end = todo.pop()
        while at + 8 <= end:
            file.seek(at)
            size, kind = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
            head = 8
            if size == 1:
                size, head = int.from_bytes(file.read(8), "big"), 16
            size = end - at if size == 0 else size
            if size < head:
                break
            yield kind, at + head, min(size, end - at) - head
            if kind in _INSIDE:
                todo.append((at + head, min(at + size, end)))
            at += size


def _promised(file: BinaryIO, kind: bytes, at: int, size: int) -> int:
    """How many entries a box says that it has, or that it stands for."""
    file.seek(at)
    if kind in _RUNS:
        data = file.read(size)
        (said,) = struct.unpack(">I", data[4:8].ljust(4, b"\0"))
        runs = np.frombuffer(data[8 : 8 + (size - 8) // 8 * 8], ">u4")[::2] if size > 8 else np.zeros(0)
        return max(int(runs.sum(dtype=np.int64)), said)
    if kind in _SIZES:
        return int.from_bytes(file.read(12)[8:12], "big")
    return int.from_bytes(file.read(8)[4:8], "big") if kind in _LISTS else 0
