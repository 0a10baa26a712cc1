"""Clips at the frames and the size of a run: to be followed, or to be steered themselves."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moft.errors import RequestError
from moft.media.frames import evenly
from moft.media.mask import Tell, fit_region, read_region
from moft.media.reading import read_video
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.request.like import Like
    from moft.types import Mask, Video


@dataclass(frozen=True)
class Followed:
    """A clip to follow, laid out for one run."""

    video: Video  # uint8 (f h w 3), of the run's frames and size
    look: Mask | None  # where to look in it, (h w) or (f h w) in 0…1; None: everywhere


def read_followed(like: Like, size: ClipSize, tell: Tell = warnings.warn) -> Followed:
    """The clip that a request names, and where to look in it, at the frames and size of a run; `tell` hears
    what was resampled.

    Raises RequestError and MediaError as `read_evenly` and `read_region` do."""
    height, width = read_video(like.like, frames=1).shape[1:3]
    start, end = like.like_frames or (0, None)
    video = read_evenly(like.like, size, tell, start, end)
    if not like.like_region:
        return Followed(video, None)
    there = read_region(like.like_region, ClipSize(size.frames, height, width), tell)
    return Followed(video, fit_region(there, size))


def read_evenly(
    name: str, size: ClipSize, tell: Tell = warnings.warn, start: int = 0, end: int | None = None
) -> Video:
    """A clip, or its frames from `start` up to `end`, at the frames and size of a run: uint8 (f h w 3);
    `tell` hears if it was resampled.

    Raises RequestError for a picture, MediaError for a file that cannot be used."""
    video = read_video(
        name, start=start, frames=None if end is None else end - start, size=(size.height, size.width)
    )
    if len(video) < 2:
        raise RequestError(
            f"cannot use {name}: expected a clip of 2 frames or more, got {len(video)}; pan it first"
        )
    if len(video) != size.frames:
        tell(
            f"{name}: {len(video)} frames resampled to {size.frames}, "
            f"{len(video) / size.frames:.2g} times as fast"
        )
    return video[evenly(len(video), size.frames)]
