"""Masks in files, at the size of a clip.

A mask has the shape of the clip (its sides agree to one percent) and is then brought to its size; any other
is refused, as it might lie elsewhere than was meant. What its pictures mean, greys, alpha or labels, is
decided once for all of them (`moft.media.meaning`). Masks frame by frame are spread evenly over the frames of
the clip if they are more or fewer. Those of a clip are black and white from half grey on, since codecs leave
faint traces everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import numpy.typing as npt

from moft.errors import MediaError
from moft.media.checks import Tell, refusal
from moft.media.frames import Source, Taken, evenly, fit
from moft.media.meaning import Planes, Reading, Seen, taken_apart
from moft.media.rate import read_rate
from moft.media.reading import reel
from moft.media.region_text import mask_files, mask_object, refuse_region
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.types import Mask

_ASPECT = 0.01  # relative difference of two shapes that count as one
_LITTLE = 0.001  # of the clip, for a mask that covers nearly nothing
_DECIDE = 256  # pictures of a folder that decide how it is read


def read_masks(text: str, size: ClipSize, tell: Tell, taken: Taken | None, source: Source | None) -> Mask:
    """The mask of a picture, float32 in 0…1, (h w), or those of a folder or a clip (f h w), at this size.

    text, tell, taken, source: as of `moft.media.mask.read_region`.
    Raises MediaError for a file that is no mask or of another shape, RequestError for an object that is not
    there."""
    name, number = mask_object(text)
    files = mask_files(name)
    one_a_file = len(files) > 1 or os.path.isdir(name)
    reading, count = _meaning(files, one_a_file, text, number)
    for words in reading.words if number is None else ():
        alone = f"; {name}#{reading.objects[0]} is one alone" if len(reading.objects) > 1 else ""
        tell(f"{text}: {words}{alone}")
    which = _chosen(text, count, size, taken, None if one_a_file else files[0], tell) if count > 1 else [0]
    masks: dict[int, Mask] = {}
    shape: tuple[int, ...] = ()
    for i, planes, _ in _planes(files, one_a_file, which):
        grey = reading.of(planes, number)
        shape = grey.shape
        if count > 1 and not one_a_file:  # codecs leave faint traces everywhere
            grey = np.where(grey >= 128, 255, 0).astype(np.uint8)
        masks[i] = _at_size(grey, size, name, source)
    if source and not _alike(shape, size.height, size.width):
        tell(f"{text}: cropped as {source.name} is")
    mask = masks[0] if count == 1 else np.stack([masks[i] for i in which])
    _tell_extent(text, mask, tell)
    return mask


def _meaning(files: Sequence[str], one_a_file: bool, text: str, number: int | None) -> tuple[Reading, int]:
    """How masks are read, which all of them decide together, and how many they are."""
    seen, count = Seen(), 0
    which = {int(i) for i in evenly(len(files), min(len(files), _DECIDE))} if one_a_file else None
    for _, planes, exact in _planes(files, one_a_file, which):
        seen.add(planes, exact)
        count += 1
    if not count:
        _refuse_none(text)
    reading = seen.reading()
    if reading.groundless:
        raise refusal(
            text, "black around what is the region", "colours without black", "paint black what is not of it"
        )
    if number is not None and number not in reading.objects:
        got = ", ".join(map(str, reading.objects)) or "a mask without labels"
        refuse_region(text, f"an object with the number {number}", got, "name one that is there")
    return reading, len(files) if one_a_file else count


def _refuse_none(name: str) -> NoReturn:
    raise refusal(name, "a mask of at least one picture", "none that can be decoded", "export it again")


def _planes(
    files: Sequence[str], one_a_file: bool, which: Collection[int] | None
) -> Iterator[tuple[int, Planes, bool]]:
    """The pictures of these numbers, taken apart, and whether their file keeps every value: one of each file,
    or all those of a single one."""
    if one_a_file:
        for i in sorted(set(range(len(files)) if which is None else which)):
            with reel(files[i]) as clip:
                first = next(clip.pictures, None)
                if first is None:
                    _refuse_none(files[i])
                yield i, taken_apart(first.picture()), clip.exact
        return
    at = 0
    with reel(files[0]) as clip:
        for shown in clip.pictures:
            mine = range(at, at + shown.copies)
            at += shown.copies
            wanted = [i for i in mine if which is None or i in which]
            if wanted:
                planes = taken_apart(shown.picture())
                yield from ((i, planes, clip.exact) for i in wanted)


def _tell_extent(text: str, mask: Mask, tell: Tell) -> None:
    """Tell of a mask that covers nearly nothing or nearly all: it was probably meant otherwise."""
    share = float(mask.mean())
    if 0 < share < _LITTLE or share > 1 - _LITTLE:
        nearly = "nearly " if share < 1 else ""
        tell(f"{text}: this mask covers {nearly}{'all' if share > 0.5 else 'nothing'} of the clip")


def _chosen(
    text: str, count: int, size: ClipSize, taken: Taken | None, clip: str | None, tell: Tell
) -> list[int]:
    """Which of several masks: those of the frames that were taken, if there is one for each or a clip of them
    tells its rate, else spread."""
    followed = taken.of(count, size.frames, read_rate(clip) if clip else None) if taken else None
    if count != size.frames:
        spread = f"{count} masks spread over {size.frames} frames"
        with_frames = f"of {count} masks those of the frames that were taken"
        tell(f"{text}: {spread if followed is None else with_frames}")
    return [int(i) for i in (evenly(count, size.frames) if followed is None else followed)]


def _alike(shape: tuple[int, ...], height: int, width: int) -> bool:
    """Whether two shapes (height, width) count as one."""
    return abs(shape[0] * width / (shape[1] * height) - 1) <= _ASPECT


def _at_size(grey: npt.NDArray[np.uint8], size: ClipSize, name: str, source: Source | None) -> Mask:
    """Greys (h w) in 0…255 as a mask of this size; `name` is the file's, for what is refused."""
    from PIL import Image

    height, width = grey.shape
    of_source = source is not None and _alike(grey.shape, source.height, source.width)
    if not of_source and not _alike(grey.shape, size.height, size.width):
        also = f", or of {source.name}, {source.width} x {source.height} px" if source else ""
        raise MediaError(
            f"cannot use {name}: expected a mask of the clip's shape, {size.width} x {size.height} px{also}, "
            f"got {width} x {height} px; crop or draw it at the clip's size"
        )
    return (fit(Image.fromarray(grey), (size.height, size.width)) / 255).astype(np.float32)
