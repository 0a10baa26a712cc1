"""What a mask means: which of the things that a picture says (greys, alpha, labels) is the region.

It is decided once for all pictures of a sequence. Labels are whole numbers, one for each object, 0 being
none: as greys, as indices of a palette (DAVIS, VOC), or as the colours of that palette. Other colours tell
objects apart without a number, on black.
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
_DARK = 16  # of 255, up to where a picture is black
_PART = 0.002  # of the pixels, for what is no stray
_OPEN = 0.25  # of the pixels at most, for what is transparent around greys that are a mask themselves
_APART = 8  # of 255, between greys above the smallest that are labels: what codecs leave lies closer
_FLAT = 0.3  # of one grey, without an edge below or at the right: more than soft edges or codecs leave
_MOSTLY = 0.6  # of the greys that are so, if they are labels
_STEEP = 0.25  # of the edges, over greys in between: labels jump, soft masks go through all of them
_TOLD = 0.01  # of the pixels, for flat greys that count in part
_NAMED = 8  # numbers of objects that are listed


class Planes(NamedTuple):
    """One picture taken apart."""

    light: Plane  # greys, or the brightest of the channels of colours; uint8 or uint16
    labels: Plane | None  # numbers of objects, if a palette or its colours give them
    alpha: Plane | None
    hues: frozenset[tuple[int, ...]] | None = frozenset()  # of few colours; None: of many


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
    """Indices are numbers of objects if 0 is black, the others are colours, or nothing is seen of them."""
    colours = np.zeros((256, 3), np.uint8)
    given = np.asarray(palette, np.uint8).reshape(-1, 3)[:256]
    colours[: len(given)] = given
    used = np.unique(index)
    seen = _of_colours(colours[index], alpha)
    if colours[0].max() > _DARK or len(used) > _MOST_LABELS + 1:
        return seen
    flat = len(used) > 1 and not colours[used].any()  # only the indices say something
    if flat:
        return Planes(np.where(index > 0, 255, 0).astype(np.uint8), index, alpha, frozenset([(0,)]))
    return seen._replace(labels=index)


def _of_colours(rgb: Plane, alpha: Plane | None) -> Planes:
    brightest = rgb.max(-1)
    coloured = brightest - rgb.min(-1) > _COLOURED
    if alpha is not None:
        coloured &= alpha >= 128
    found: Plane = np.zeros(0)
    if coloured.any():
        code = rgb.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
        found = np.unique(code)
    few = len(found) <= _MOST_LABELS + 1
    if not len(found) or not few and coloured.mean() <= _PART:
        from PIL.Image import fromarray

        return Planes(np.asarray(fromarray(rgb).convert("L")), None, alpha)
    if not few:
        return Planes(brightest, None, alpha, None)
    known = {int(c): i for i, c in enumerate(_davis().astype(np.uint32) @ np.array([65536, 256, 1]))}
    labels = None
    if all(int(c) in known for c in found):
        labels = np.array([known[int(c)] for c in found], np.uint8)[np.searchsorted(found, code)]
    return Planes(brightest, labels, alpha, _hues(found))


def _hues(codes: Plane) -> frozenset[tuple[int, ...]]:
    """Colours (n) apart from how light they are; black has none."""
    colours = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], -1).astype(int)
    light = colours.max(-1)
    shares = (4 * colours[light > _DARK] / light[light > _DARK, None]).round().astype(int)
    return frozenset(tuple(map(int, share)) for share in shares)


def _davis() -> Plane:
    """The colours (256 3) of the palette of DAVIS and VOC: the bits of an index, dealt to the channels."""
    index = np.arange(256)
    bits = [[(index >> 3 * bit + channel & 1) << 7 - bit for bit in range(3)] for channel in range(3)]
    return np.stack([np.bitwise_or.reduce(channel) for channel in bits], -1).astype(np.uint8)


def _counts(size: int = 65536) -> Any:
    return field(default_factory=lambda: np.zeros(size, np.int64))


@dataclass
class Seen:
    """What all pictures of a sequence hold together: how often each value occurs."""

    light: Plane = _counts()  # where it is not transparent
    flat: Plane = _counts()  # the same, where it goes on below and at the right
    edges: int = 0  # between two values
    steep: int = 0  # of them, those over values in between
    labels: Plane = _counts()
    alpha: Plane = _counts(256)
    white: int = 255  # the largest value that a picture can hold
    hues: frozenset[tuple[int, ...]] | None = frozenset()  # of all colours; None: there are many
    exact: bool = True  # whether files keep every value
    unnamed: bool = False  # whether there is more than black in a picture without labels

    def add(self, planes: Planes, exact: bool = True) -> None:
        """Count one more picture; one without alpha is opaque. `exact`: its file keeps every value."""
        self.exact = self.exact and exact
        alpha = np.full_like(planes.light, 255) if planes.alpha is None else planes.alpha
        self.alpha += np.bincount(alpha.ravel(), minlength=256)
        visible = planes.light[alpha >= 128]
        present = np.bincount(visible, minlength=65536)
        self.light += present
        self._add_edges(planes.light, alpha >= 128, np.cumsum(present > 0))
        if planes.labels is not None:
            self.labels += np.bincount(planes.labels.ravel(), minlength=65536)
        elif visible.any():
            self.unnamed = True
        if planes.light.dtype == np.uint16:
            self.white = 65535
        self.hues = None if self.hues is None or planes.hues is None else self.hues | planes.hues

    def _add_edges(self, light: Plane, seen: Plane, rank: Plane) -> None:
        """rank: of each value among those of the picture."""
        below, right = light[1:] != light[:-1], light[:, 1:] != light[:, :-1]
        still = seen.copy()
        still[-1], still[:, -1] = False, False
        still[:-1] &= ~below
        still[:, :-1] &= ~right
        self.flat += np.bincount(light[still], minlength=65536)
        below &= seen[1:] & seen[:-1]
        right &= seen[:, 1:] & seen[:, :-1]
        for pair in (
            (light[1:][below], light[:-1][below]),
            (light[:, 1:][right], light[:, :-1][right]),
        ):
            self.edges += len(pair[0])
            self.steep += int((np.abs(rank[pair[0]] - rank[pair[1]]) > 1).sum())

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
        words = ("its alpha taken, not its greys",) if says else ()
        most = int(levels[-1])
        if most < _FULL:  # laid over a picture to let it through
            words = (*words, f"its alpha up to {most} taken for opaque")
        return Reading("alpha", white=most if most < _FULL else 255, words=words)

    def _named(self) -> bool:
        """Whether colours or a palette give each object its number."""
        return bool(self.hues) and not self.unnamed and bool(self.labels[1:].any())

    def _says(self) -> bool:
        """Whether the greys are a mask by themselves: black and white, or labels."""
        if self._named() and (self.labels > 0).sum() > 1:
            return True
        share = self.light / max(self.light.sum(), 1)
        black, white = share[: self.white // 16].sum(), share[self.white - self.white // 16 :].sum()
        few = (share > _PART).sum() > 1 and (share > 0).sum() <= _MOST_LABELS
        return bool(black + white > 0.85 and min(black, white) > _PART) or bool(few and share[0] > _PART)

    def _of_light(self) -> Reading:
        if self._named():
            return _of_labels(np.flatnonzero(self.labels[1:]) + 1, "labels", void=True)
        if self.hues is None or self.hues:
            if self.light[: _DARK + 1].sum() <= _PART * self.light.sum():
                return Reading("light", groundless=True)
            if self.hues and len(self.hues) > 1:
                return Reading("light", white=1, words=(f"{len(self.hues)} colours taken together",))
        values = np.flatnonzero(self.light[1:]) + 1
        small = values[values <= 2 * _MOST_LABELS]
        much = len(small) and self.light[small].sum() > _PART * self.light.sum()
        if self.exact and self.light[0] and much and np.array_equal(values, [*small, VOID]):
            return _of_labels(values, "light", void=True)
        if self._labelled(values):
            return _of_labels(values, "light")
        return self._of_greys(int(values[-1]) if len(values) else 0)

    def _labelled(self, values: Plane) -> bool:
        """Whether greys other than white are numbers of objects."""
        full = _FULL * self.white // 255
        grey = values[values < full]
        if not len(grey):
            return False
        apart = np.diff(values, prepend=0)[values > 2 * _MOST_LABELS] >= _APART
        if len(values) <= _MOST_LABELS and len(grey) == len(values) and apart.all():
            return True
        flat = (self.flat[grey] > _FLAT * self.light[grey]).mean() > _MOSTLY
        return bool(self.exact and flat and self.steep > _STEEP * self.edges)

    def _of_greys(self, most: int) -> Reading:
        """Greys that count in part; `most` is the largest."""
        white, words = self.white, list[str]()
        if self.hues:  # the one colour counts fully
            white = most
        elif 0 < most < (_FULL if white == 255 else 128) * white // 255:
            white = self._plateau(most) if white == 255 else max(255, 2 ** most.bit_length() - 1)
            words.append(f"its values up to {white} taken for white")
        half = np.arange(65536)[white // 20 : white - white // 10]
        flat = self.flat[half]
        if flat.sum() > _TOLD * self.light.sum() and self.light[half].sum() < 2 * flat.sum():
            value = int(half[flat.argmax()])
            words.append(f"greys count in part: {value} of {white} as {value / white:.0%}")
        elif self.light[half].sum() > self.light.sum() / 2:
            words.append("most of it is grey and counts in part")
        return Reading("light", white=white, words=tuple(words))

    def _plateau(self, most: int) -> int:
        """The grey of what is brightest, about which codecs scatter; else the largest."""
        bright = self.light[most // 2 : most + 1]
        middle = int(np.searchsorted(bright.cumsum(), bright.sum() / 2)) + most // 2
        near = self.light[middle - most // _APART // 4 : middle + most // _APART // 4 + 1]
        return middle if near.sum() > bright.sum() / 2 else most


class Reading(NamedTuple):
    """How the pictures of one mask are read."""

    plane: str  # of `Planes`
    objects: tuple[int, ...] = ()  # numbers that are a region, if the plane holds labels
    white: int = 255  # the value, of alpha too, from which on it counts fully, if it does not
    void: bool = False  # whether the label `VOID` is none
    inside: bool = False  # what is transparent does not count
    hidden: bool = False  # everything is transparent
    groundless: bool = False  # colours without black, of which any may be the region
    words: tuple[str, ...] = ()  # what is worth knowing of it

    def of(self, planes: Planes, number: int | None = None) -> npt.NDArray[np.uint8]:
        """The region in one picture, uint8 (h w), 0…255; of one object alone if there is a number."""
        if self.plane == "alpha":
            if planes.alpha is None:
                return np.full(planes.light.shape, 255, np.uint8)
            return (np.minimum(planes.alpha, self.white) * (255 / self.white)).round().astype(np.uint8)
        plane = planes.labels if self.plane == "labels" else planes.light
        if plane is None:
            plane = planes.light
        if self.objects:  # of many pictures, some may hold others than those that decided
            taken = (plane > 0) & ~(self.void & (plane == VOID)) if number is None else plane == number
            grey = np.where(taken, 255, 0)
        else:
            deep = self.white > 255 and plane.dtype == np.uint8  # one of 8 bit among those of 16
            plane = plane.astype(np.uint16) * 257 if deep else plane
            grey = (np.minimum(plane, self.white) * (255 / self.white)).round()
        if self.inside and planes.alpha is not None:
            grey = np.where(planes.alpha >= 128, grey, 0)
        return grey.astype(np.uint8)


def _of_labels(values: Plane, plane: str, void: bool = False) -> Reading:
    """Of labels above 0; void: whether `VOID` among others is none."""
    void = void and len(values) > 1 and VOID in values
    objects = tuple(int(v) for v in values if not (void and v == VOID))
    words: list[str] = []
    if len(objects) == 1:
        words.append(f"label {objects[0]} taken for the region")
    elif len(objects) <= _NAMED:
        words.append(f"objects {', '.join(map(str, objects))} taken together")
    else:
        words.append(f"{len(objects)} objects, {objects[0]} to {objects[-1]}, taken together")
    if void:
        words.append(f"{VOID} left out as undecided")
    return Reading(plane, objects=objects, void=void, words=tuple(words))
