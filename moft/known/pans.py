"""Still photographs panned in known ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from moft.request.motion import DIRECTIONS, Motion
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.types import Picture, Video

WAYS = ("left", "right", "up", "down", "still")


def pans(
    photos: Sequence[Picture],
    size: ClipSize,
    speeds: Sequence[float] = (0.015, 0.03, 0.05),
    per_photo: int = 1,
    seed: int = 0,
) -> Sequence[tuple[Video, Motion]]:
    """Synthetic pans of still photographs in eight directions at each speed, and held still.

    Args:
        photos: uint8 (h w 3), each at least twice the clip's size (smaller ones are enlarged).
        speeds: fractions of the shorter side per frame.
        per_photo: random places to look at in each photograph.
    Returns:
        (uint8 (f h w 3), the motion of the picture content) each, made anew whenever it is asked for: all of
        them at once would fill the memory at the size of real models.
    """
    rng = np.random.default_rng(seed)
    moving = [Motion(way, speed=speed) for speed in speeds for way in DIRECTIONS]
    asked = []
    for photo in photos:
        for _ in range(per_photo):
            place, zoom = rng.uniform(0, 1, 2), rng.uniform(1.0, 1.6)
            asked += [(photo, motion, size, place, zoom) for motion in (Motion("still"), *moving)]
    return _Pans(asked)


class _Pans(Sequence[Any]):
    """Pans by what `pan` is asked for each."""

    def __init__(self, asked: list[tuple[Any, ...]]) -> None:
        self._asked = asked

    def __len__(self) -> int:
        return len(self._asked)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return _Pans(self._asked[at])
        return pan(*self._asked[at]), self._asked[at][1]


def pan(
    photo: Picture,
    motion: Motion,
    size: ClipSize,
    place: Sequence[float] | np.ndarray = (0.5, 0.5),
    zoom: float = 1.3,
) -> Video:
    """A still photograph seen by a camera so that its content follows `motion`: (f h w 3), sub-pixel exact.

    Args:
        photo: uint8 (h w 3) of any size; one that is smaller than what the camera sees is enlarged.
        place: (x, y) in 0…1, where in the photograph the path is centred.
        zoom: ≥ 1; how much of the photograph's freedom is given up to look closer.
    Raises:
        RequestError: a size that is not whole numbers >= 1, or a speed beyond it (`Motion.displacement`).
    """
    path = np.array(motion.displacement(size))
    path = path - (path.max(0) + path.min(0)) / 2
    scales = np.array(motion.scale(size))
    span = path.max(0) - path.min(0)
    need = np.array([size.width, size.height]) + span + 2  # px of the clip that the camera sees in all
    height, width = photo.shape[:2]
    shrink = min(width / need[0], height / need[1]) / zoom  # photograph px per clip px
    free = np.array([width, height]) - need * shrink
    centre = np.asarray(place) * free + need * shrink / 2
    image = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float()
    if shrink > 1:  # prefilter: sampling alone would alias
        smaller = (max(2, round(height / shrink)), max(2, round(width / shrink)))
        image = F.interpolate(image, smaller, mode="bilinear", antialias=True)
    y, x = np.meshgrid(np.arange(size.height), np.arange(size.width), indexing="ij")
    grid = np.stack([x - (size.width - 1) / 2, y - (size.height - 1) / 2], -1)
    at = centre + shrink * (grid[None] - path[:, None, None]) / scales[:, None, None, None]
    normal = torch.from_numpy(at / [width, height] * 2 - 1).float()
    pictures = image.expand(size.frames, -1, -1, -1)
    frames = F.grid_sample(pictures, normal, "bilinear", "border", align_corners=False)
    return frames.permute(0, 2, 3, 1).round().clamp(0, 255).byte().numpy()


def there_and_back(axis: int, sign: int, reach: float) -> Motion:
    """A pan that reverses midway: `reach` shorter sides along an axis (0 x, 1 y), and back."""
    turn = (sign * reach, 0.0) if axis == 0 else (0.0, sign * reach)
    return Motion(path=((0.0, 0.0), turn, (0.0, 0.0)))


def pan_motions(size: ClipSize, speed: float = 0.035) -> list[Motion]:
    """Steady pans in the four ways, still, and four that reverse; `speed` in shorter sides a frame."""
    steady = [Motion(way) if way == "still" else Motion(way, speed=speed) for way in WAYS]
    reach = speed * (size.frames - 1) / 2
    return steady + [there_and_back(axis, sign, reach) for axis in (0, 1) for sign in (1, -1)]


def panned(
    photos: Sequence[Picture], size: ClipSize, places: int = 4, seed: int = 0
) -> tuple[Video, list[Motion], list[int]]:
    """Photographs uint8 (h w 3) panned as `pan_motions`, seen at random places and zooms.

    Returns:
        clips uint8 (n f h w 3), the motion of each, and the number of its photograph.
    """
    rng, videos, motions, owners = np.random.default_rng(seed), [], [], []
    for owner, photo in enumerate(photos):
        for _ in range(places):
            place, zoom = rng.uniform(0, 1, 2), rng.uniform(1.5, 2.5)
            for motion in pan_motions(size):
                videos.append(pan(photo, motion, size, place, zoom))
                motions.append(motion)
                owners.append(owner)
    return np.stack(videos), motions, owners
