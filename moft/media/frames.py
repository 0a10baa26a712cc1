"""Frames as arrays: which stand for how many, at what size, and beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from moft.media.checks import check_video, refusal

if TYPE_CHECKING:
    from PIL.Image import Image

    from moft.types import Video

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
