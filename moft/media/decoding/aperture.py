"""The part of the pictures that a container says is to be shown; FFmpeg's decoders leave it to players."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from moft.media.decoding.tables import boxes

if TYPE_CHECKING:
    from PIL.Image import Image

_ENTRY, _BEFORE_BOXES = (
    8,
    78,
)  # bytes of a table of samples before its first, and of a sample before its boxes
_MASTERS = {0x18538067, 0x1654AE6B, 0xAE, 0xE0}  # of Matroska: segment, tracks, a track, its pictures
_TRACK = 0xAE
_CROPS = {0x54CC: 0, 0x54BB: 1, 0x54DD: 2, 0x54AA: 3}  # left, top, right, below
_MOST = 10_000  # boxes or elements that are looked through

Crop = tuple[Fraction, Fraction, Fraction, Fraction]  # px cut away at the left, above, at the right, below


def crop_of(file: BinaryIO, kind: str, track: int, width: int, height: int) -> Crop | None:
    """What an open file says is to be cut away of pictures of a track, by its number (mov) or its place among
    the tracks (matroska, from 0); None for nothing, and for what leaves no picture. The place in the file is
    kept."""
    place, found = file.tell(), None
    try:
        if kind == "mov":
            found = _of_mov(file, track, width, height)
        elif kind == "matroska":
            found = _of_matroska(file, track)
    except (struct.error, IndexError, ZeroDivisionError):  # bent: whoever opens the file says it
        found = None
    finally:
        file.seek(place)
    if found is None or not any(found) or min(found) < 0:
        return None
    left, top, right, below = found
    return found if left + right < width and top + below < height else None


def cropped(image: Image, crop: Crop) -> Image:
    """The picture without what is to be cut away, to the nearest px."""
    left, top, right, below = crop
    return image.crop((round(left), round(top), image.width - round(right), image.height - round(below)))


def _of_mov(file: BinaryIO, track: int, width: int, height: int) -> Crop | None:
    """The clean aperture: a size, and where its centre lies from that of the picture."""
    length, number = file.seek(0, 2), None
    for kind, at, size in sorted(boxes(file, 0, length), key=lambda box: box[1]):
        if kind == b"tkhd":
            file.seek(at)
            head = file.read(24)
            number = struct.unpack_from(">I", head, 20 if head[0] == 1 else 12)[0]
        elif kind == b"stsd" and number == track:
            start = at + _ENTRY + 8 + _BEFORE_BOXES
            for inner, place, _ in islice(boxes(file, start, at + size), _MOST):
                if inner == b"clap":
                    file.seek(place)
                    n = struct.unpack(">IIIIiIiI", file.read(32))
                    w, h, x, y = (Fraction(n[i], n[i + 1]) for i in (0, 2, 4, 6))
                    left, top = (width - w) / 2 + x, (height - h) / 2 + y
                    return left, top, width - w - left, height - h - top
    return None


def _of_matroska(file: BinaryIO, track: int) -> Crop | None:
    crops, number = [Fraction(0)] * 4, -1
    for kind, at, size in islice(_elements(file, 0, file.seek(0, 2)), _MOST):
        number += kind == _TRACK
        if number == track and kind in _CROPS:
            file.seek(at)
            crops[_CROPS[kind]] = Fraction(int.from_bytes(file.read(min(size, 8)), "big"))
    return crops[0], crops[1], crops[2], crops[3]


def _elements(file: BinaryIO, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Each element up to the first pictures: its kind, where its content begins, and its length."""
    while at < end:
        file.seek(at)
        head = file.read(12)
        first = 9 - head[0].bit_length()
        kind = int.from_bytes(head[:first], "big")
        more = 9 - head[first].bit_length()
        said = int.from_bytes(head[first : first + more], "big") & (1 << 7 * more) - 1
        start = at + first + more
        if kind == 0x1F43B675 or first > 4 or more > 8:  # a cluster; nothing of tracks comes after it
            return
        yield kind, start, said
        at = start if kind in _MASTERS else start + said
