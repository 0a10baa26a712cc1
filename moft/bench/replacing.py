"""Clips with an object whose surroundings are known, to remove it or put it on another way.

A scene of the renderer, panning, and before it a disc of a colour that the scene does not have, which goes
its own way. So what lies behind it is known in every pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter

from moft.known.renderer import FRAMES, SIZE, ClipMaker, World
from moft.request.motion import Motion

if TYPE_CHECKING:
    from moft.types import Flags, Video

COUNT = 4
RADIUS, SPEED, MARGIN = 8.0, 1.5, 4  # px, px a frame, px of the mask around the object
SCENES = World(
    textures=40, photos=0, objects=0, zooms=0, turns=0, flows=0, still=0, motion_words=0, max_speed=1.5
)
RED, BLUE = (220, 40, 40), (40, 70, 220)
SEEN = 60.0  # of 441, the distance in colour up to which a pixel is the object's


@dataclass(frozen=True)
class Before:
    """A clip uint8 (f h w 3) of an object, the scene behind it, where the object is (f h w), the mask (h w)
    of all its way and of its new one, the scene's words and motion, and the object's colour."""

    clip: Video
    behind: Video
    object: Flags
    mask: Flags
    scene: str
    camera: Motion
    colour: tuple[int, int, int]

    @property
    def words(self) -> str:
        """For the scene with the object."""
        return f"a {'red' if self.colour == RED else 'blue'} ball over {self.scene}"

    def seen(self, clip: Video) -> Flags:
        """Which pixels (f h w) have the object's colour."""
        off = clip.astype(np.float32) - np.array(self.colour, np.float32)
        return np.asarray(np.linalg.norm(off, axis=-1) < SEEN)


def scenes(seed: int, upwards: bool) -> Iterator[Before]:
    """`COUNT` clips in which the object goes right; `upwards`: the mask has room for it to go up instead."""
    made: Any = ClipMaker(SCENES, seed).render(COUNT)
    video = (made.video.permute(0, 1, 3, 4, 2).numpy() * 255).round().astype(np.uint8)
    clock = np.arange(FRAMES) - (FRAMES - 1) / 2
    right, up = (np.stack(way, -1) for way in ((SPEED * clock, 0 * clock), (0 * clock, -SPEED * clock)))
    for i, behind in enumerate(video):
        colour = BLUE if made.captions[i].startswith(("red", "orange", "brown")) else RED
        there = _discs(right)
        way = np.concatenate([there, _discs(up)] if upwards else [there])
        path = (made.displacement[i] - made.displacement[i, :1]).numpy() / SIZE
        yield Before(
            np.where(there[..., None], np.array(colour, np.uint8), behind),
            behind,
            there,
            _wider(way.max(0)),
            made.captions[i],
            Motion(path=tuple((float(x), float(y)) for x, y in path)),
            colour,
        )


def _discs(centres: np.ndarray) -> Flags:
    """(f h w): where the object is, whose middle is at (f 2) px from the frame's."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    return np.hypot(x - centres[:, 0, None, None], y - centres[:, 1, None, None]) < RADIUS


def _wider(mask: Flags) -> Flags:
    picture = Image.fromarray(mask.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(2 * MARGIN + 1))
    return np.asarray(picture) > 0
