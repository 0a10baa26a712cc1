"""Masks of where requests count: drawn, read from files, or given as arrays, at the size of a clip."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from moft.media.checks import Tell
from moft.media.frames import Source, Taken, evenly, fit
from moft.media.mask_file import read_masks
from moft.media.region_text import (
    REST,
    is_rest,
    mask_files,
    mask_object,
    parse_region,
    px,
    refuse_region,
)
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.types import Mask

MAX_OVERLAP = 0.5  # of the smaller of two regions that ask for different motions
_LEAST_INSIDE = 0.25  # of a drawn region; below, it was probably drawn on another clip
_FINE = 8  # samples a side of a pixel, where a polygon cuts through it


def read_region(
    text: str,
    size: ClipSize,
    tell: Tell = warnings.warn,
    taken: Taken | None = None,
    source: Source | None = None,
) -> Mask:
    """A region as float32 in 0…1, (h w), or (f h w) where it changes from frame to frame.

    text: as in `moft.media.region_text`, but for "rest", which means nothing alone (`read_regions`).
    size: of the clip in which it lies.
    tell: is told in words how a mask was read, if it could be read otherwise, if masks were spread over
        another number of frames or cropped, and if a part of the region lies outside the clip.
    taken: which frames of a longer clip these are: masks of all its frames are taken alike.
    source: what the clip is made from, cropped to the clip's shape: masks may have its shape too.
    Raises RequestError for text that is no region, and for a region that is empty or outside the clip;
    MediaError for a file that is no mask, or one of another shape than the clip.
    """
    kind, points = parse_region(text)
    if kind == REST:
        refuse_region(text, "another request beside it, to be the rest of", "none", "leave the region out")
    if kind == "file":
        mask = read_masks(text, size, tell, taken or (source and source.taken), source)
    else:
        _tell_drawn(text, points, size, tell, source)
        corners = [(px(x, size.width), px(y, size.height)) for x, y in points]
        mask = _box(corners[0], corners[1], size) if kind == "box" else _polygon(corners, size)
    if not mask.any():
        expected = f"a region inside the clip of {size.width} x {size.height} px"
        got = "a mask that is zero everywhere" if kind == "file" else "none of it"
        refuse_region(text, expected, got, "move or enlarge it")
    return mask


def read_regions(
    regions: Sequence[str | npt.NDArray[Any] | None],
    size: ClipSize,
    tell: Tell = warnings.warn,
    source: Source | None = None,
) -> list[Mask | None]:
    """The region of each request of one run; None stands for the whole frame.

    regions: texts, arrays in 0…1, (h w) or (f h w) at any resolution, or None: the whole frame if it is
        alone, else the same as "rest".
    size: of the clip in which they lie. Texts give float32 as `read_region` does, arrays keep their
        resolution.
    tell, source: as of `read_region`.
    Raises RequestError for more than one rest and for a rest that is empty; else as `read_region` does.
    """
    open_ends = [i for i, region in enumerate(regions) if region is None or is_rest(region)]
    if len(regions) == 1 and regions[0] is None:
        return [None]
    if len(open_ends) > 1:
        names = " and ".join(f"request {i + 1}" for i in open_ends)
        expected = "one request at most for the whole frame or the rest"
        refuse_region(names, expected, f"{len(open_ends)}", "name a region for the others")
    masks: list[Mask | None] = [
        None if i in open_ends else _placed(region, size, tell, source) for i, region in enumerate(regions)
    ]
    for i in open_ends:
        masks[i] = _rest([mask for mask in masks if mask is not None], size)
    return masks


def fit_region(mask: Mask, size: ClipSize) -> Mask:
    """A region of a clip, (h w) or (f h w), as it lies when the clip's centre is cropped and resized to this
    size.

    Raises RequestError if nothing of it lies there.
    """
    from PIL import Image

    planes = mask[None] if mask.ndim == 2 else mask
    fitted = [fit(Image.fromarray(plane), (size.height, size.width)).clip(0, 1) for plane in planes]
    region: Mask = fitted[0] if mask.ndim == 2 else np.stack(fitted)
    if not region.any():
        expected = f"some of it in the centre, of the shape of {size.width} x {size.height} px"
        refuse_region("region", expected, "none of it", "move or enlarge it")
    return region


def check_region(region: str | npt.NDArray[Any]) -> None:
    """Raise RequestError or MediaError for what no clip could make a region: bad syntax, no such file, a bad
    array.

    region: a text, or an array (h w) or (f h w) in 0…1.
    """
    if not isinstance(region, str):
        _checked(region)
    elif parse_region(region).kind == "file":
        mask_files(mask_object(region)[0])


def check_agreement(requests: Sequence[Any], masks: Sequence[Mask | None]) -> None:
    """Raise RequestError if two requests ask for different motions at the same place.

    requests: those with a method `same` are alike if it says so, others if they are one object.
    masks: as `read_regions` gives them. Two overlap if they share more than half of the smaller region.
    """
    for (i, a), (j, b) in combinations(enumerate(masks), 2):
        first, second = requests[i], requests[j]
        if first is second or (hasattr(first, "same") and first.same(second)):
            continue
        shared = 1.0 if a is None or b is None else _overlap(a, b)
        if shared > MAX_OVERLAP:
            names = f"request {i + 1} ({first!s:.80}) and request {j + 1} ({second!s:.80})"
            expected, got = (
                "different motions in different places",
                f"regions that share {100 * shared:.0f}% of the smaller",
            )
            refuse_region(names, expected, got, "move one, or leave one request out")


def _box(corner: tuple[float, float], extent: tuple[float, float], size: ClipSize) -> Mask:
    """The share of each pixel that the box covers."""
    (x, y), (w, h) = corner, extent
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


def _placed(region: Any, size: ClipSize, tell: Tell, source: Source | None) -> Mask:
    if not isinstance(region, str):
        return _checked(region)
    return read_region(region, size, tell, source=source)


def _tell_drawn(
    text: str, points: Sequence[tuple[Any, Any]], size: ClipSize, tell: Tell, source: Source | None
) -> None:
    """Tell whose px a drawn region counts in, where that is in doubt, and what of it lies outside."""
    corners = [(px(x, size.width), px(y, size.height)) for x, y in points]
    if text.startswith("box"):
        (x, y), (w, h) = corners
        corners = [(x, y), (x + w, y + h)]
    share = 1.0
    for at, side in zip(zip(*corners, strict=True), (size.width, size.height), strict=True):
        share *= max(min(max(at), side) - max(min(at), 0), 0) / max(max(at) - min(at), 1e-9)
    if 0 < share < _LEAST_INSIDE:
        tell(f"{text:.100}: {1 - share:.0%} of it lie outside the clip of {size.width} x {size.height} px")
    in_px = any(unit != "%" and number for point in points for number, unit in point)
    if source and in_px and (source.height, source.width) != (size.height, size.width):
        tell(
            f"{text:.100}: px of the clip that is made, {size.width} x {size.height}, not of {source.name}, "
            f"{source.width} x {source.height}; % means the same of both, where nothing is cropped"
        )


def _checked(region: Any) -> Mask:
    """An array as float32, if it is a region at all."""
    try:
        mask = np.asarray(region, np.float32)
    except (TypeError, ValueError):  # no numbers, or rows of different lengths
        refuse_region("region", "an array of numbers", f"{region!r:.100}", "pass (h w) or (f h w) in 0…1")
    shaped = mask.ndim in (2, 3) and mask.size > 0
    if not shaped or not (np.isfinite(mask).all() and mask.min() >= 0 and mask.max() <= 1 and mask.any()):
        got = f"values {mask.min():g}…{mask.max():g}" if shaped else f"shape {mask.shape}"
        refuse_region("region", "(h w) or (f h w) in 0…1 that is not empty", got, "scale or redraw it")
    return mask


def _rest(others: Sequence[Mask], size: ClipSize) -> Mask:
    """What no other mask covers: (h w), or (f h w) if one of them changes."""
    if not others:
        refuse_region(REST, "another request beside it, to be the rest of", "none", "leave the region out")
    covered = np.zeros((1, size.height, size.width), np.float32)
    for mask in others:
        covered = np.maximum(covered, _sampled(mask, size))
    rest = 1 - (covered[0] if len(covered) == 1 else covered)
    if not (rest > 0.5).any():
        refuse_region(
            REST, "some place that no other request covers", "none", "make the other regions smaller"
        )
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
