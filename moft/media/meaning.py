"""What a mask means: which of the things that a picture says (greys, alpha, labels) is the region.

It is decided once for all pictures of a sequence. Labels are small whole numbers, one for each object, 0
being none: as greys, as indices of a palette (DAVIS, VOC), or as the colours of that palette.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

Plane = npt.NDArray[Any]  # (h w), uint8 or uint16

VOID = 255  # the label of what is undecided, at the edges of objects
_MOST_LABELS = 32
_SAME = 8  # of 255: alpha that varies by less says nothing
_FULL = 230  # of 255, from where greys reach white
_COLOURED = 48  # of 255, between the channels of a colour
_PART = 0.002  # of the pixels, for what is no stray
_OPEN = 0.25  # of the pixels at most, for what is transparent around greys that are a mask themselves


class Planes(NamedTuple):
    """One picture taken apart."""

    light: Plane  # greys, or the brightest of the channels of colours; uint8 or uint16
    labels: Plane | None  # numbers of objects, if a palette or its colours give them
    alpha: Plane | None


def taken_apart(image: Image) -> Planes:
    """The planes of a picture of any mode."""
    alpha = None
    if image.has_transparency_data:
        alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    if image.mode.startswith("I"):
        return Planes(np.asarray(image).clip(0, 65535).astype(np.uint16), None, alpha)
    if image.mode == "P":
        return _of_palette(np.asarray(image), image.getpalette("RGB") or [], alpha)
    if image.mode in ("L", "LA", "1"):
        return Planes(np.asarray(image.convert("L")), None, alpha)
    return _of_colours(np.asarray(image.convert("RGB")), alpha)


def _of_palette(index: Plane, palette: list[int], alpha: Plane | None) -> Planes:
    colours = np.zeros((256, 3), np.uint8)
    given = np.asarray(palette, np.uint8).reshape(-1, 3)[:256]
    colours[: len(given)] = given
    used = colours[np.unique(index)]
    flat = len(used) > 1 and not used.any()  # only the indices say something
    if flat or (np.ptp(used.astype(int), axis=1) > _SAME).any():
        return Planes(colours.max(1)[index], index, alpha)
    return Planes(colours[:, 0][index], None, alpha)


def _of_colours(rgb: Plane, alpha: Plane | None) -> Planes:
    brightest = rgb.max(-1)
    coloured = brightest - rgb.min(-1) > _COLOURED
    if alpha is not None:
        coloured &= alpha >= 128
    if coloured.mean() <= _PART:
        from PIL.Image import fromarray

        return Planes(np.asarray(fromarray(rgb).convert("L")), None, alpha)
    code = rgb.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    found = np.unique(code)
    if len(found) > _MOST_LABELS + 1:
        return Planes(brightest, None, alpha)
    known = {int(c): i for i, c in enumerate(_davis().astype(np.uint32) @ np.array([65536, 256, 1]))}
    if all(int(c) in known for c in found):
        numbers = np.array([known[int(c)] for c in found], np.uint8)
        return Planes(brightest, numbers[np.searchsorted(found, code)], alpha)
    return Planes(np.where(code > 0, 255, 0).astype(np.uint8), None, alpha)


def _davis() -> Plane:
    """The colours (256 3) of the palette of DAVIS and VOC: the bits of an index, dealt to the channels."""
    index = np.arange(256)
    bits = [[(index >> 3 * bit + channel & 1) << 7 - bit for bit in range(3)] for channel in range(3)]
    return np.stack([np.bitwise_or.reduce(channel) for channel in bits], -1).astype(np.uint8)


@dataclass
class Seen:
    """What all pictures of a sequence hold together: how often each value occurs."""

    light: Plane = field(default_factory=lambda: np.zeros(65536, np.int64))  # where it is not transparent
    labels: Plane = field(default_factory=lambda: np.zeros(65536, np.int64))
    alpha: Plane = field(default_factory=lambda: np.zeros(256, np.int64))
    white: int = 255  # the largest value that a picture can hold

    def add(self, planes: Planes) -> None:
        """Count one more picture; one without alpha is opaque."""
        alpha = np.full_like(planes.light, 255) if planes.alpha is None else planes.alpha
        self.alpha += np.bincount(alpha.ravel(), minlength=256)
        visible = planes.light[alpha >= 128]
        self.light += np.bincount(visible, minlength=65536)
        if planes.labels is not None:
            self.labels += np.bincount(planes.labels.ravel(), minlength=65536)
        if planes.light.dtype == np.uint16:
            self.white = 65535

    def reading(self) -> Reading:
        """How these are read."""
        levels = np.flatnonzero(self.alpha)
        if levels[-1] - levels[0] < _SAME:
            if not self.light.any():  # all is transparent, which says nothing
                return Reading("light", white=self.white, hidden=True)
            return self._of_light()
        transparent = self.alpha[:128].sum() / self.alpha.sum()
        says = self._says()
        if says and transparent <= _OPEN:
            found = self._of_light()
            words = ("its greys taken where it is not transparent, not its alpha", *found.words)
            return found._replace(inside=True, words=words)
        return Reading("alpha", words=("its alpha taken, not its greys",) if says else ())

    def _says(self) -> bool:
        """Whether the greys are a mask by themselves: black and white, or labels."""
        if (self.labels > 0).sum() > 1:
            return True
        share = self.light / max(self.light.sum(), 1)
        black, white = share[: self.white // 16].sum(), share[self.white - self.white // 16 :].sum()
        few = (share > _PART).sum() > 1 and (share > 0).sum() <= _MOST_LABELS
        return bool(black + white > 0.85 and min(black, white) > _PART) or bool(few and share[0] > _PART)

    def _of_light(self) -> Reading:
        named = np.flatnonzero(self.labels)
        if named.any():
            return _of_labels([int(v) for v in named if v], "labels", self.labels)
        values = [int(v) for v in np.flatnonzero(self.light) if v]
        most = max(values, default=0)
        small = [v for v in values if v <= 2 * _MOST_LABELS]
        undecided = small and values == [*small, VOID] and self.light[small].sum() > _PART * self.light.sum()
        if undecided or (values and len(values) <= _MOST_LABELS and most < _FULL * self.white // 255):
            return _of_labels(values, "light", self.light)
        if not values or most >= (_FULL if self.white == 255 else 128) * self.white // 255:
            return Reading("light", white=self.white)
        if self.white == 255 and most >= 128:
            return Reading("light")
        white = most if self.white == 255 else max(255, 2 ** int(most).bit_length() - 1)
        return Reading("light", white=white, words=(f"its values up to {white} taken for white",))


class Reading(NamedTuple):
    """How the pictures of one mask are read."""

    plane: str  # of `Planes`
    objects: tuple[int, ...] = ()  # numbers that are a region, if the plane holds labels
    white: int = 255  # the value that counts fully, if it does not
    inside: bool = False  # what is transparent does not count
    hidden: bool = False  # everything is transparent
    words: tuple[str, ...] = ()  # what is worth knowing of it

    def of(self, planes: Planes, number: int | None = None) -> npt.NDArray[np.uint8]:
        """The region in one picture, uint8 (h w), 0…255; of one object alone if there is a number."""
        if self.plane == "alpha":
            return np.full_like(planes.light, 255) if planes.alpha is None else planes.alpha
        plane = planes.labels if self.plane == "labels" else planes.light
        if plane is None:
            plane = planes.light
        if self.objects:
            grey = np.where(np.isin(plane, self.objects if number is None else [number]), 255, 0)
        else:
            deep = self.white > 255 and plane.dtype == np.uint8  # one of 8 bit among those of 16
            plane = plane.astype(np.uint16) * 257 if deep else plane
            grey = (np.minimum(plane, self.white) * (255 / self.white)).round()
        if self.inside and planes.alpha is not None:
            grey = np.where(planes.alpha >= 128, grey, 0)
        return grey.astype(np.uint8)


def _of_labels(values: list[int], plane: str, counts: Plane) -> Reading:
    objects = tuple(v for v in values if v != VOID or len(values) == 1)
    words: list[str] = []
    if len(objects) == 1:
        words.append(f"label {objects[0]} taken for the region")
    else:
        words.append(f"objects {', '.join(map(str, objects))} taken together")
    if len(objects) < len(values):
        words.append(f"{VOID} left out as undecided")
    return Reading(plane, objects=objects, words=tuple(words))
