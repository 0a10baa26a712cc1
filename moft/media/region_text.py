"""Where a request counts, as a text.

One form serves Python, the command line and recipes:

    mask.png, masks/, mask.mp4      a picture, a folder of pictures or a clip: white, opaque, or labelled
                                    where it counts
    masks/#2                        one of the objects that are labelled there
    box:x,y,w,h                     its upper left corner, width and height: px of the clip, or percent of it
                                    with %
    polygon:x,y;x,y;x,y             its corners, in the same units
    rest                            what no other request of the run covers
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple, NoReturn

from moft.errors import MediaError, RequestError
from moft.media.checks import refusal
from moft.media.opening import is_image

Length = tuple[float, str]  # a number and its unit: "" or "px" of the clip, "%" of its side

REST = "rest"
MAX_FILES = 10_000  # in a folder of masks
MAX_CORNERS = 1000
_USAGE = "use a mask file or folder, box:x,y,w,h, polygon:x,y;x,y;x,y, or rest; px, or % of the clip"


class Outline(NamedTuple):
    """What a text says: its kind, and for a box its corner and its extent, for a polygon its corners."""

    kind: str  # "file", "box", "polygon" or REST
    points: list[tuple[Length, Length]]  # (x, y); none for files and the rest


def parse_region(text: str) -> Outline:
    """What a region's text says. Raises RequestError, with how to write one, for what says nothing."""
    if not isinstance(text, str) or not text.strip():
        refuse_region(text, "a region", "none", _USAGE)
    kind = _kind(text)
    if kind in (REST, "file"):
        return Outline(kind, [])
    body = text.partition(":")[2]
    corners = [pair.split(",") for pair in body.split(";")]
    if kind == "box" and len(corners) == 1 and len(corners[0]) == 4:
        corners = [corners[0][:2], corners[0][2:]]
    elif kind == "box" or not 3 <= len(corners) <= MAX_CORNERS or any(len(pair) != 2 for pair in corners):
        expected = "four numbers x,y,w,h" if kind == "box" else f"3 to {MAX_CORNERS} corners x,y;x,y;x,y"
        refuse_region(text, expected, f"{body!r:.100}", _USAGE)
    points = [(_length(x, text), _length(y, text)) for x, y in corners]
    if kind == "box" and not all(number > 0 for number, _ in points[1]):
        refuse_region(text, "a width and a height above 0", f"{body!r:.100}", _USAGE)
    if _as_shares(points):
        remedy = (
            "these look like shares, 0 to 1, and would be one pixel: write 50% for 0.5, or px behind each"
        )
        refuse_region(text, "px, or % of the clip", f"{body!r:.100}", remedy)
    return Outline(kind, points)


def is_rest(region: object) -> bool:
    """Whether a region is the text for what the other requests leave."""
    return isinstance(region, str) and _kind(region) == REST


def region_file(text: str | None) -> str | None:
    """The file or folder that a region names, if it names one."""
    return mask_object(text)[0] if text is not None and _kind(text) == "file" else None


def mask_object(text: str) -> tuple[str, int | None]:
    """The file or folder of masks that a region names, and the number of one object in it, if it names one.

    A file whose own name ends so is that file."""
    name, number = named_part(text, r"\d{1,5}")
    return name, None if number is None else int(number)


def clip_part(text: str) -> tuple[str, str | None]:
    """The file or folder that a clip to follow names, and which part of it, if it names one: "mover",
    "mover2" and so on, or "ground".

    A file whose own name ends so is that file."""
    return named_part(text, r"mover(?:[1-9]\d?)?|ground")


def named_part(text: str, part: str) -> tuple[str, str | None]:
    """A file's name apart from what is said behind it by "#", which a regular expression tells."""
    named = re.fullmatch(rf"(.+)#({part})", text, re.DOTALL | re.ASCII)
    if named is None or os.path.exists(text):
        return text, None
    return named[1], named[2]


def mask_files(name: str) -> list[str]:
    """Every file of a file or folder of masks. Raises MediaError if there is none."""
    if os.path.isdir(name):
        return masks_in(name)
    is_image(name)  # or says what is wrong with it
    return [name]


def masks_in(folder: str | os.PathLike[str]) -> list[str]:
    """The pictures of a folder of masks, by name with numbers in order of size; hidden files are passed over.

    Raises MediaError for none or too many."""
    try:
        names = [
            entry.path for entry in os.scandir(folder) if not entry.name.startswith(".") and entry.is_file()
        ]
    except OSError as error:  # of the system, which says what it found
        raise MediaError(f"cannot read {os.fspath(folder)}: {error.strerror}; check the path") from error
    if not 1 <= len(names) <= MAX_FILES:
        expected = f"1 to {MAX_FILES} pictures in the folder"
        raise refusal(os.fspath(folder), expected, f"{len(names) or 'none'}", "put one mask a frame there")
    return sorted(
        names, key=lambda name: [(s, int(n or 0)) for s, n in re.findall(r"(\D*)(\d*)", Path(name).name)]
    )


def px(length: Length, side: int) -> float:
    """A length in px, where the clip's side along it is `side` px."""
    number, unit = length
    return number * side / 100 if unit == "%" else number


def refuse_region(what: object, expected: str, got: str, remedy: str) -> NoReturn:
    """Raise RequestError that says which region cannot be used, what would be right, what is there, and what
    to do."""
    raise RequestError(f"cannot use {what!s:.300}: expected {expected}, got {got}; {remedy}")


def _as_shares(points: list[tuple[Length, Length]]) -> bool:
    """Whether numbers without a unit are all within 0…1: shares of the clip, which would be taken for px."""
    return all(unit == "" and 0 <= number <= 1 for point in points for number, unit in point)


def _kind(text: str) -> str:
    head, colon, _ = text.partition(":")
    if text.strip() == REST:
        return REST
    return head if colon and head in ("box", "polygon") else "file"


def _length(part: str, text: str) -> Length:
    written = re.fullmatch(r"\s*([-+]?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12}))\s*(px|%|)\s*", part, re.ASCII)
    if written is None:
        refuse_region(text, "plain numbers of px, or of % of the clip", f"{part!r:.50}", _USAGE)
    return float(written[1]), written[2]
