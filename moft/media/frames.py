"""Frames as arrays: which stand for how many, at what size, and beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from moft.media.checks import check_video, refusal

if TYPE_CHECKING:
    from PIL.Image import Image

    from moft.types import Video

_SAME_RATE = 0.02  # by which two rates differ that count as one
_ROUNDED = 0.05  # of a frame, by which a moment may be early
GAP = 4  # white pixels between two clips set side by side


def evenly(count: int, frames: int) -> npt.NDArray[np.int64]:
    """Which of `count` stand for so many frames: the nearest at evenly spaced moments, first and last among
    them."""
    return np.linspace(0, count - 1, frames).round().astype(np.int64)


def fit(image: Image, size: tuple[int, int] | None) -> npt.NDArray[Any]:
    """The picture as an array (h w 3), or (h w) if it has one channel.

    size: (height, width) px, to whose aspect the centre is cropped before it is resized; None: as it is.
    """
    from PIL.Image import Resampling

    if size is None or size == (image.height, image.width):
        return np.asarray(image)
    height, width = size
    scale = min(image.width / width, image.height / height)
    # Rounding must not push the box out of the picture.
    left = max((image.width - width * scale) / 2, 0)
    top = max((image.height - height * scale) / 2, 0)
    box = (left, top, image.width - left, image.height - top)
    return np.asarray(image.resize((width, height), Resampling.BICUBIC, box=box))


def side_by_side(*videos: Video) -> Video:
    """Set clips of the same frame count and height next to each other, a thin white gap in between.

    Takes and returns uint8 (f h w 3); widths may differ. Raises MediaError where counts or heights do.
    """
    if not videos:
        raise refusal("the clips", "at least one", "none", "pass one or more", "join")
    for video in videos:
        check_video("the clips", video, "join")
    if len({video.shape[:2] for video in videos}) > 1:
        shapes = ", ".join(str(video.shape) for video in videos)
        raise refusal("the clips", "the same frames and height", shapes, "read them with one size", "join")
    gap = np.full((*videos[0].shape[:2], GAP, 3), 255, np.uint8)
    return np.concatenate([part for video in videos for part in (gap, video)][1:], axis=2)


@dataclass(frozen=True, eq=False)
class Taken:
    """Which frames of a file stand for it: `which` of the `count` that begin at `start`."""

    start: int
    count: int
    which: npt.NDArray[np.int64]
    stored: npt.NDArray[np.int64] | None = None  # of which picture of the file each of the `count` is
    pictures: int = 0  # that are stored in the file; 0: untold
    rate: float | None = None  # frames a second of the file; None: untold

    def of(self, masks: int, frames: int, rate: float | None = None) -> npt.NDArray[np.int64] | None:
        """Which of so many masks lie on these frames, if there is one a frame of the file, or of the part, or
        a picture that is stored, or if they have a rate of their own, frames a second; else None. `frames` is
        how many are taken."""
        if len(self.which) != frames:
            return None
        other = rate / self.rate if rate and self.rate else 1.0
        by_time = abs(other - 1) > _SAME_RATE and masks != self.pictures
        as_long = by_time and abs(masks - self.pictures * other) < 1 + other  # as the file, and not the part
        if masks == self.count and not as_long:
            return self.which
        if masks == self.pictures and self.stored is not None:
            return self.stored[self.which]
        if by_time:
            at = np.floor((self.start + self.which) * other + _ROUNDED).astype(np.int64)
            return at.clip(max=masks - 1) if at[-1] <= masks else None  # one may lack at the end
        lacking = 1 if self.start else 0  # as of flow, which leads from one frame to the next
        if masks < self.start + self.count - lacking:
            return None
        return (self.start + self.which).clip(max=masks - 1)


class Source(NamedTuple):
    """What a run starts from, a clip or a picture: masks drawn on it are cropped as it is."""

    name: str
    height: int  # px, its own
    width: int
    taken: Taken | None = None  # of a clip: which of its frames


def cut_away(was: tuple[int, int], size: tuple[int, int]) -> str | None:
    """What `fit` cuts away of pictures of (height, width) px, in words; None for less than one percent."""
    (h, w), (height, width) = was, size
    scale = min(w / width, h / height)
    shares = {
        "at the left and at the right": 1 - width * scale / w,
        "above and below": 1 - height * scale / h,
    }
    side, share = max(shares.items(), key=lambda item: item[1])
    if share < 0.01:
        return None
    middle = f"{width * scale:.0f} x {height * scale:.0f}"
    return f"{w} x {h} px cropped to the middle {middle}: {share / 2:.1%} cut away {side}"
