"""Where a request counts: masks, boxes, polygons, and what the other requests leave.

One text form serves Python, the command line and recipes:

    mask.png, masks/, mask.mp4      a picture, a folder of pictures or a clip: white (or opaque) where it counts
    box:x,y,w,h                     its upper left corner, width and height: px of the clip, or percent of it with %
    polygon:x,y;x,y;x,y             its corners, in the same units
    rest                            what no other request of the run covers

A mask has the shape of the clip (its sides agree to one percent) and is then brought to its size; any other is refused, as it
might lie elsewhere than was meant. Masks frame by frame are spread evenly over the frames of the clip if they are
more or fewer. Those of a clip are black and white from half grey on, since codecs leave faint traces everywhere.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt

from moft.errors import MediaError, RequestError
from moft.media.video import evenly, fit, is_image, read_greys
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.types import Mask

Tell = Callable[[str], object]

REST = "rest"
MAX_FILES = 10_000  # in a folder of masks
MAX_CORNERS = 1000
MAX_OVERLAP = 0.5  # of the smaller of two regions that ask for different motions
_ASPECT = 0.01  # relative difference of two shapes that count as one
_FINE = 8  # samples a side of a pixel, where a polygon cuts through it
_USAGE = "use a mask file or folder, box:x,y,w,h, polygon:x,y;x,y;x,y, or rest; px, or % of the clip"


def read_region(text: str, size: ClipSize, tell: Tell = warnings.warn) -> Mask:
    """A region as float32 in 0…1, (h w), or (f h w) where it changes from frame to frame.

    text: as above, but for "rest", which means nothing alone (`read_regions`).
    size: of the clip in which it lies.
    tell: is told in words if masks were spread over another number of frames.
    Raises RequestError for text that is no region, and for a region that is empty or outside the clip; MediaError for
    a file that is no mask, or one of another shape than the clip.
    """
    kind, numbers = _parsed(text)
    if kind == REST:
        _refuse(text, "another request beside it, to be the rest of", "none", "leave the region out")
    if kind == "file":
        mask = _read_masks(text, size, tell)
    else:
        corners = [
            (_px(x, size.width), _px(y, size.height))
            for x, y in zip(numbers[::2], numbers[1::2], strict=True)
        ]
        if kind == "box":
            (x, y), (w, h) = corners
            mask = _box(x, y, w, h, size)
        else:
            mask = _polygon(corners, size)
    if not mask.any():
        got = "a mask that is zero everywhere" if kind == "file" else "none of it"
        _refuse(
            text, f"a region inside the clip of {size.width} x {size.height} px", got, "move or enlarge it"
        )
    return mask


def read_regions(
    regions: Sequence[str | npt.NDArray[Any] | None],
    size: ClipSize,
    tell: Tell = warnings.warn,
) -> list[Mask | None]:
    """The region of each request of one run; None stands for the whole frame.

    regions: texts, arrays in 0…1, (h w) or (f h w) at any resolution, or None: the whole frame if it is alone, else
        the same as "rest".
    Raises RequestError for more than one rest and for a rest that is empty; else as `read_region` does.
    """
    open_ends = [i for i, region in enumerate(regions) if region is None or _is_rest(region)]
    if len(regions) == 1 and regions[0] is None:
        return [None]
    if len(open_ends) > 1:
        both = " and ".join(f"request {i + 1}" for i in open_ends)
        _refuse(
            both,
            "one request at most for the whole frame or the rest",
            f"{len(open_ends)}",
            "name a region for the others",
        )
    found: list[Mask | None] = [
        None
        if i in open_ends
        else read_region(region, size, tell)
        if isinstance(region, str)
        else _checked(region)
        for i, region in enumerate(regions)
    ]
    for i in open_ends:
        others = [mask for mask in found if mask is not None]
        if not others:
            _refuse(REST, "another request beside it, to be the rest of", "none", "leave the region out")
        found[i] = _rest(others, size)
    return found


def fit_region(mask: Mask, height: int, width: int) -> Mask:
    """A region of a clip, (h w) or (f h w), as it lies when the clip's centre is cropped and resized to this size."""
    from PIL import Image

    planes = [
        fit(Image.fromarray(plane), (height, width)).clip(0, 1)
        for plane in (mask[None] if mask.ndim == 2 else mask)
    ]
    found: Mask = planes[0] if mask.ndim == 2 else np.stack(planes)
    if not found.any():
        _refuse(
            "region",
            f"some of it in the centre, of the shape of {width} x {height} px",
            "none of it",
            "move or enlarge it",
        )
    return found


def check_region(region: str | npt.NDArray[Any]) -> None:
    """Raise RequestError or MediaError for what no clip could make a region: bad syntax, no such file, a bad array."""
    if not isinstance(region, str):
        _checked(region)
    elif _parsed(region)[0] == "file":
        mask_files(region)


def check_agreement(wanted: Sequence[Any], masks: Sequence[Mask | None]) -> None:
    """Raise RequestError if two requests ask for different motions at the same place.

    wanted: requests; those with a method `same` are alike if it says so, others if they are one object.
    masks: as `read_regions` gives them. Two overlap if they share more than half of the smaller region.
    """
    for (i, a), (j, b) in combinations(enumerate(masks), 2):
        first, second = wanted[i], wanted[j]
        if first is second or (hasattr(first, "same") and first.same(second)):
            continue
        shared = 1.0 if a is None or b is None else _overlap(a, b)
        if shared > MAX_OVERLAP:
            names = f"request {i + 1} ({first!s:.80}) and request {j + 1} ({second!s:.80})"
            expected = "different motions in different places"
            _refuse(
                names,
                expected,
                f"regions that share {100 * shared:.0f}% of the smaller",
                "move one, or leave one request out",
            )


def region_file(text: str | None) -> str | None:
    """The file or folder that a region names, if it names one."""
    return text if text is not None and _kind(text) == "file" else None


def masks_in(folder: str | os.PathLike[str]) -> list[str]:
    """The pictures of a folder of masks, by name with numbers in order of size; hidden files are passed over.

    Raises MediaError for none or too many."""
    try:
        names = [
            entry.path for entry in os.scandir(folder) if not entry.name.startswith(".") and entry.is_file()
        ]
    except OSError as error:
        raise MediaError(f"cannot read {os.fspath(folder)}: {error.strerror}; check the path") from error
    if not 1 <= len(names) <= MAX_FILES:
        expected, got = f"1 to {MAX_FILES} pictures in the folder", f"{len(names) or 'none'}"
        raise MediaError(
            f"cannot read {os.fspath(folder)}: expected {expected}, got {got}; put one mask a frame there"
        )
    return sorted(
        names, key=lambda name: [(s, int(n or 0)) for s, n in re.findall(r"(\D*)(\d*)", Path(name).name)]
    )


def mask_files(text: str) -> list[str]:
    """Every file that a region of masks is read from. Raises MediaError if there is none."""
    if os.path.isdir(text):
        return masks_in(text)
    is_image(text)  # or says what is wrong with it
    return [text]


# ---------------------------------------------------------------- text


def _kind(text: str) -> str:
    head, colon, _ = text.partition(":")
    if text.strip() == REST:
        return REST
    return head if colon and head in ("box", "polygon") else "file"


def _is_rest(region: object) -> bool:
    return isinstance(region, str) and _kind(region) == REST


def _parsed(text: str) -> tuple[str, list[tuple[float, str]]]:
    """Kind and numbers, each with its unit; x and y by turns."""
    if not isinstance(text, str) or not text.strip():
        _refuse(text, "a region", "none", _USAGE)
    kind = _kind(text)
    if kind in (REST, "file"):
        return kind, []
    body = text.partition(":")[2]
    corners = [pair.split(",") for pair in body.split(";")]
    if kind == "box" and len(corners) == 1 and len(corners[0]) == 4:
        corners = [corners[0][:2], corners[0][2:]]
    elif kind == "box" or not 3 <= len(corners) <= MAX_CORNERS or any(len(pair) != 2 for pair in corners):
        expected = "four numbers x,y,w,h" if kind == "box" else f"3 to {MAX_CORNERS} corners x,y;x,y;x,y"
        _refuse(text, expected, f"{body!r:.100}", _USAGE)
    numbers = [_number(part, text) for pair in corners for part in pair]
    if kind == "box" and not all(number > 0 for number, _ in numbers[2:]):
        _refuse(text, "a width and a height above 0", f"{body!r:.100}", _USAGE)
    return kind, numbers


def _number(part: str, text: str) -> tuple[float, str]:
    found = re.fullmatch(r"\s*([-+]?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12}))\s*(px|%|)\s*", part, re.ASCII)
    if found is None:
        _refuse(text, "plain numbers of px, or of % of the clip", f"{part!r:.50}", _USAGE)
    return float(found[1]), found[2]


def _px(number: tuple[float, str], side: int) -> float:
    return number[0] * side / 100 if number[1] == "%" else number[0]


# ---------------------------------------------------------------- drawing


def _box(x: float, y: float, w: float, h: float, size: ClipSize) -> Mask:
    """The share of each pixel that the box covers."""
    rows, columns = (
        np.clip(np.minimum(np.arange(n) + 1, start + length) - np.maximum(np.arange(n), start), 0, 1)
        for n, start, length in zip((size.height, size.width), (y, x), (h, w), strict=True)
    )
    return np.outer(rows, columns).astype(np.float32)


def _polygon(corners: Sequence[tuple[float, float]], size: ClipSize) -> Mask:
    """The share of each pixel's samples that lie inside."""
    from PIL import Image, ImageDraw

    fine = max(1, min(_FINE, 8192 // max(size.height, size.width)))
    canvas = Image.new("L", (size.width * fine, size.height * fine))
    # A sample lies in the middle of its square; far corners are cut off where PIL's integers would end.
    far = [tuple(min(max(v * fine - 0.5, -1e6), 1e6) for v in corner) for corner in corners]
    ImageDraw.Draw(canvas).polygon(far, fill=255)
    return (np.asarray(canvas.reduce(fine)) / 255).astype(np.float32)


def _read_masks(text: str, size: ClipSize, tell: Tell) -> Mask:
    files = mask_files(text)
    if len(files) > 1 or os.path.isdir(text):
        greys = [read_greys(files[i])[0] for i in evenly(len(files), size.frames)]
        count = len(files)
    else:
        found = read_greys(text)
        count = len(found)
        if count > 1:
            found = np.where(found[evenly(count, size.frames)] >= 128, 255, 0).astype(np.uint8)
        greys = list(found)
    if count > 1 and count != size.frames:
        tell(f"{text}: {count} masks spread over {size.frames} frames")
    masks = [_at_size(grey, size, text) for grey in (greys if count > 1 else greys[:1])]
    return masks[0] if count == 1 else np.stack(masks)


def _at_size(grey: npt.NDArray[np.uint8], size: ClipSize, name: str) -> Mask:
    from PIL import Image

    height, width = grey.shape
    if abs(height * size.width / (width * size.height) - 1) > _ASPECT:
        raise MediaError(
            f"cannot use {name}: expected a mask of the clip's shape, {size.width} x {size.height} px, got {width} x {height} px; "
            "crop or draw it at the clip's size"
        )
    return (fit(Image.fromarray(grey), (size.height, size.width)) / 255).astype(np.float32)


# ---------------------------------------------------------------- arrays


def _checked(region: Any) -> Mask:
    try:
        mask = np.asarray(region, np.float32)
    except (TypeError, ValueError):  # no numbers, or rows of different lengths
        _refuse("region", "an array of numbers", f"{region!r:.100}", "pass (h w) or (f h w) in 0…1")
    fine = (
        mask.ndim in (2, 3) and mask.size and np.isfinite(mask).all() and mask.min() >= 0 and mask.max() <= 1
    )
    if not fine or not mask.any():
        got = (
            f"shape {mask.shape}"
            if not mask.size or mask.ndim not in (2, 3)
            else f"values {mask.min():g}…{mask.max():g}"
        )
        _refuse("region", "(h w) or (f h w) in 0…1 that is not empty", got, "scale or redraw it")
    return mask


def _rest(others: Sequence[Mask], size: ClipSize) -> Mask:
    covered = np.zeros((1, size.height, size.width), np.float32)
    for mask in others:
        covered = np.maximum(covered, _sampled(mask, size))
    rest = 1 - (covered[0] if len(covered) == 1 else covered)
    if not (rest > 0.5).any():
        _refuse(REST, "some place that no other request covers", "none", "make the other regions smaller")
    return rest


def _overlap(a: Mask, b: Mask) -> float:
    """The share of the smaller one that both cover."""
    frames, height, width = (max(sides) for sides in zip(*((1, *m.shape)[-3:] for m in (a, b)), strict=True))
    size = ClipSize(frames, height, width)
    a, b = (np.broadcast_to(_sampled(m, size), (frames, height, width)) for m in (a, b))
    return float(np.minimum(a, b).sum() / min(a.sum(), b.sum()))


def _sampled(mask: Mask, size: ClipSize) -> Mask:
    """(1 h w) or (f h w) at another resolution, each value from the one under its middle."""
    rows, columns = (
        (np.arange(n) * m + m // 2) // n
        for n, m in zip((size.height, size.width), mask.shape[-2:], strict=True)
    )
    still = mask[None] if mask.ndim == 2 else mask[evenly(len(mask), size.frames)]
    return still[:, rows[:, None], columns]


def _refuse(what: object, expected: str, got: str, remedy: str) -> NoReturn:
    raise RequestError(f"cannot use {what!s:.300}: expected {expected}, got {got}; {remedy}")
