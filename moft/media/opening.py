"""What kind of file it is, by its first bytes and never by its name, and whether all of it is there.

Files are taken to be hostile: each is opened as the kind that it was found to be, and nothing else is opened
on its behalf.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from moft.media.checks import codec_limits, local, refusal, translated
from moft.media.decoding.tables import check_tables
from moft.ordinary import check_ordinary

if TYPE_CHECKING:
    from moft.types import PathLike

DEMUXERS = ("mov", "matroska", "avi")
IMAGES = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")
_READABLE = "a video (mp4, mov, webm, mkv, avi) or an image (png, jpg, webp, gif, avif)"
_MAGIC = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (8, b"WEBP", "WEBP"),
    (8, b"AVI ", "avi"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    *((4, box, "mov") for box in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
)
_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


@contextmanager
def opened(path: PathLike) -> Iterator[tuple[BinaryIO, str]]:
    """A regular file, open, and its kind, one of `DEMUXERS` or `IMAGES`.

    Raises MediaError for what is none or not whole, and for whatever fails while it is open."""
    name = local(path)
    check_ordinary(name)
    with translated(name, "a complete, undamaged file", "re-encode or download it again"):
        with open(name, "rb") as file:
            head = file.read(4096)
            kind = next((kind for at, magic, kind in _MAGIC if head.startswith(magic, at)), None)
            brands = _brands(head) if kind == "mov" else set()
            if brands & _AVIF:
                kind = "AVIF"
            elif brands & _HEIC:  # stored in tiles, of which a demuxer gives one as if it were the picture
                raise refusal(name, _READABLE, "a HEIC picture", "convert it to jpg or png")
            if kind is None:
                got = f"a file that starts with {head[:12]!r}" if head else "an empty file"
                raise refusal(name, _READABLE, got, "convert it to one of these")
            promised, length = _promised_length(head, kind), os.fstat(file.fileno()).st_size
            if length < promised:
                raise refusal(name, f"{promised} bytes", f"{length}", "fetch the rest of the file")
            if kind == "mov":
                check_tables(file, length)
            file.seek(0)
            yield file, kind


def is_image(path: PathLike) -> bool:
    """Whether a file is an image by its content, an animated one included.

    Raises MediaError for what is neither image nor clip, and for a file cut short.
    """
    with opened(path) as (_, kind):
        return kind in IMAGES


def demuxed(file: BinaryIO, kind: str) -> Any:
    """A container of PyAV on an open file of one of `DEMUXERS`, to be entered by `with`; `MAX_PIXELS` holds
    in it."""
    import av

    # The file is already open, so no protocol is left to allow: a clip cannot pull in other files or hosts.
    options = {"protocol_whitelist": "none", "format_whitelist": ",".join(DEMUXERS), **codec_limits()}
    return av.open(file, mode="r", format=kind, options=options)


def _brands(head: bytes) -> set[bytes]:
    """What the file says that it is, by its own box, among pictures and clips of one container."""
    if head[4:8] != b"ftyp":
        return set()
    brands = head[8 : min(int.from_bytes(head[:4], "big"), len(head))]
    return {brands[:4]} | {brands[at : at + 4] for at in range(8, len(brands), 4)}


def _promised_length(head: bytes, kind: str) -> int:
    """How many bytes the file says it has: these two kinds otherwise end early without a word."""
    if kind == "avi":
        return 8 + int.from_bytes(head[4:8], "little")
    if kind == "matroska":
        size, at = _ebml_size(head, 4)
        segment = at + size
        if head.startswith(b"\x18\x53\x80\x67", segment):
            size, at = _ebml_size(head, segment + 4)
            return at + size
    return 0


def _ebml_size(data: bytes, at: int) -> tuple[int, int]:
    """The variable-length size at `at`, 0 for "unknown" (live recordings), and the place after it."""
    length = 9 - data[at].bit_length()
    unknown = (1 << 7 * length) - 1
    size = int.from_bytes(data[at : at + length], "big") & unknown
    return (0 if size == unknown else size), at + length
