"""What an animated gif, webp or png says before anything of it is decoded: its size, and how long each frame
is shown.

Pillow decodes frames to tell these, or takes memory for the whole canvas; a few bytes may ask for much.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from moft.errors import MediaError
from moft.media.checks import refusal

MAX_COMMENT = 2**20 + 65536  # bytes of a gif's comments, as read
_UNTOLD, _TOO_SHORT = 0.1, 0.0105  # seconds that browsers show a frame which says less than the second


class Header(NamedTuple):
    """Size in px, seconds of each frame (one frame for a still), and a gif's comment."""

    width: int
    height: int
    seconds: list[float]
    comment: bytes = b""


def read_header(file: BinaryIO, kind: str) -> Header | None:
    """Of an open file of this kind; None for kinds that have none of their own. The file is rewound.

    Raises MediaError for a file that ends early."""
    readers = {"GIF": _gif, "WEBP": _webp, "PNG": _png}
    if kind not in readers:
        return None
    file.seek(0)
    try:
        header = readers[kind](file)
        header.seconds[0]  # of one frame at least
    except (struct.error, IndexError) as error:
        raise MediaError(
            f"cannot read {file.name}: expected a complete file, got one that ends early; download it again"
        ) from error
    finally:
        file.seek(0)
    if len(header.seconds) > 1 and any(header.seconds):
        return header._replace(seconds=[_UNTOLD if s <= _TOO_SHORT else s for s in header.seconds])
    return header


def _gif(file: BinaryIO) -> Header:
    width, height, flags = struct.unpack("<6xHHBxx", file.read(13))
    file.seek(_table(flags), 1)
    seconds, comment, delay = list[float](), bytearray(), 0
    while (mark := file.read(1)) in (b"!", b",", b"\0"):
        if mark == b"!":
            label = file.read(1)
            for block in _blocks(file):
                if label == b"\xf9" and len(block) >= 3:
                    delay = int.from_bytes(block[1:3], "little")
                elif label == b"\xfe" and len(comment) <= MAX_COMMENT:
                    comment += block
        elif mark == b",":
            x, y, w, h, flags = struct.unpack("<HHHHB", file.read(9))
            # A frame may enlarge the canvas.
            width, height = max(width, x + w), max(height, y + h)
            file.seek(_table(flags) + 1, 1)
            for _ in _blocks(file):
                pass
            seconds.append(delay / 100)
            delay = 0
    return Header(width, height, seconds, bytes(comment))


def _table(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """The parts of what follows, up to the empty one."""
    while (length := file.read(1)[0]) > 0:
        block = file.read(length)
        if len(block) < length:
            raise IndexError
        yield block


def _webp(file: BinaryIO) -> Header:
    file.seek(12)
    width = height = 0
    seconds: list[float] = []
    while len(head := file.read(8)) == 8:
        kind, size = head[:4], int.from_bytes(head[4:], "little")
        at, start = file.tell(), file.read(min(size, 16))
        if kind == b"VP8X":
            width, height = (1 + int.from_bytes(start[i : i + 3], "little") for i in (4, 7))
        elif kind == b"VP8L" and not width:
            bits = int.from_bytes(start[1:5], "little")
            width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        elif kind == b"VP8 " and not width:
            width, height = (side & 0x3FFF for side in struct.unpack("<6xHH", start[:10]))
        elif kind == b"ANMF":
            seconds.append(int.from_bytes(start[12:15], "little") / 1000)
        file.seek(at + size + size % 2)
    return Header(width, height, seconds or [0.0])


def _png(file: BinaryIO) -> Header:
    file.seek(8)
    width = height = 0
    animated, back, seconds = False, 0, list[float]()
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        at, start = file.tell(), file.read(min(size, 26))
        if kind == b"IHDR":
            width, height = struct.unpack(">II", start[:8])
        elif kind == b"acTL":
            animated = True
        elif kind == b"fcTL" and animated:
            over, under, dispose, blend = struct.unpack(">20xHHBB", start[:26])
            seconds.append(over / (under or 100))
            back += dispose == 2 and blend == 1
        elif kind == b"IEND" or kind == b"IDAT" and not animated:
            break
        file.seek(at + size + 4)
    if back and len(seconds) > 2:  # which Pillow lets pile up
        kept = "frames that stay, are cleared or replace what was there"
        raise refusal(file.name, kept, "frames drawn over others and taken back", "convert it to webp or gif")
    return Header(width, height, seconds or [0.0])
