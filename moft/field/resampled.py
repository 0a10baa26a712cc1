"""Clips at the frames and the size of a run: to be followed, or to be steered themselves.

A clip that is longer than the run is spread over its frames as long as motion survives that. Else its first
frames are taken, at the clip's own rate.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from moft.errors import RequestError
from moft.field.field import Field
from moft.field.parts import part_of
from moft.field.shown import field_of
from moft.media.checks import Tell
from moft.media.frames import Taken, cut_away, evenly
from moft.media.mask import fit_region, read_region
from moft.media.opening import is_image
from moft.media.rate import read_rate
from moft.media.reading import read_frames, read_video
from moft.media.region_text import clip_part
from moft.metrics.flow import dense_flow
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.request.like import Like
    from moft.types import Mask, Video

FURTHEST = 1 / 8  # of the shorter side: what goes further from one frame to the next is read wrongly
_STRIP = 8  # to one: what is cut away of longer pictures is not looked at
_MOST = 0.9  # of the picture goes no further than what counts


@dataclass(frozen=True)
class Resampled:
    """A clip at the frames and size of a run."""

    video: Video  # uint8 (f h w 3)
    taken: Taken  # which of its frames these are
    shape: tuple[int, int]  # (height, width) px that it has itself
    fps: float | None  # frames a second at which these last as long as in the clip; None: it does not say


@dataclass(frozen=True)
class Followed:
    """A clip to follow, laid out for one run."""

    video: Video  # uint8 (f h w 3), of the run's frames and size
    look: Mask | None  # where to look in it, (h w) or (f h w) in 0…1; None: everywhere
    part: Field | None = None  # how the part of it moves that was named, wherever it is put; None: none was

    def field(self, onto: Mask | None = None) -> Field:
        """How it moves, or what lies in the bounds of `look`, laid over those of `onto`; of a part that was
        named, that one's motion.

        Raises RequestError as `field_of` does."""
        return self._shown.laid_over(self.look, onto) if self.part is None else self.part

    @cached_property
    def _shown(self) -> Field:
        return field_of(self.video)


def read_followed(like: Like, size: ClipSize, tell: Tell = warnings.warn) -> Followed:
    """The clip that a request names, and where to look in it, at the frames and size of a run; `tell` hears
    what was resampled and cut away.

    Raises RequestError for frames of one colour, in which nothing can be followed, and for a part that is not
    in it; it and MediaError as `read_resampled` and `read_region` do."""
    start, end = like.like_frames or (0, None)
    name, part = clip_part(like.like)
    clip = read_resampled(name, size, tell, start, end)
    if (clip.video == clip.video[:, :1, :1]).all():
        raise RequestError(
            f"cannot use {name}: expected a clip in which something moves, got frames of one colour; "
            "choose another clip, or other like_frames"
        )
    look = None
    if like.like_region:
        there = read_region(like.like_region, ClipSize(size.frames, *clip.shape), tell, clip.taken)
        look = fit_region(there, size)
    if part is None:
        return Followed(clip.video, look)
    return Followed(clip.video, *part_of(clip.video, part, look, like.like))


def read_resampled(
    name: str | os.PathLike[str],
    size: ClipSize,
    tell: Tell = warnings.warn,
    start: int = 0,
    end: int | None = None,
) -> Resampled:
    """A clip, or its frames from `start` up to `end`, at the frames and size of a run; `tell` hears what was
    resampled and cut away.

    Raises RequestError for a picture and for a clip of one frame, MediaError for a file that cannot be
    used."""
    sides = (size.height, size.width)
    shape = read_video(name, frames=1, tell=_silent).shape[1:3]
    frames = None if end is None else end - start
    video, stored, pictures = read_frames(name, start=start, frames=frames, size=sides, tell=tell)
    count, rate = len(video), read_rate(name)
    if count < 2:
        _refuse_one(name)
    if (cut := cut_away(shape, sides)) is not None:
        tell(f"{name}: {cut}{_lost(name, size, shape, start, count)}")
    which = _which(str(name), video, size.frames, tell)
    spread = (count - 1) / (size.frames - 1) if which[-1] == count - 1 and size.frames > 1 else 1.0
    return Resampled(
        video[which], Taken(start, count, which, stored, pictures, rate), shape, rate and rate / spread
    )


def frames_taken(video: Video, frames: int) -> npt.NDArray[np.int64]:
    """Which frames of a clip uint8 (f h w 3) stand for it among so many: spread evenly over it, or its first
    ones if from one to the next of those a tenth of the picture would go further than `FURTHEST`, by the mean
    over the gaps."""
    count, side = len(video), min(video.shape[1:3])
    which = evenly(count, frames)
    if count <= frames or frames < 2:
        return which
    gap = (count - 1) / (frames - 1)
    far = [_speed(video[i : i + 2]) * gap for i in which[:-1]]
    return which if np.mean(far) <= FURTHEST * side else np.arange(frames)


def _which(name: str, video: Video, frames: int, tell: Tell) -> npt.NDArray[np.int64]:
    """`frames_taken`, told."""
    count, which = len(video), frames_taken(video, frames)
    if which[-1] != count - 1:
        tell(
            f"{name}: the first {frames} of {count} frames are taken, at the clip's own rate: spread over "
            f"{frames}, its motion from one to the next would be further than an eighth of the side, which "
            "cannot be read"
        )
    elif count != frames:
        tell(f"{name}: {count} frames resampled to {frames}, {count / frames:.2g} times as fast")
    return which


def _speed(pair: Video) -> float:
    """How far nine tenths of the picture go at most from one of two frames to the other, px."""
    return float(np.quantile(np.linalg.norm(dense_flow(pair), axis=-1), _MOST))


def _lost(
    name: str | os.PathLike[str], size: ClipSize, shape: tuple[int, int], start: int, count: int
) -> str:
    """In words, if what is cut away of a clip moves and what is left does not."""
    if max(shape) > _STRIP * min(shape):
        return ""
    factor = size.side / min(shape)
    whole = (max(round(shape[0] * factor), size.side), max(round(shape[1] * factor), size.side))
    video = read_video(name, start=start, frames=min(count, size.frames), size=whole, tell=_silent)
    speed = np.linalg.norm(dense_flow(video), axis=-1).mean(0)
    kept = np.zeros(whole, bool)
    scale = min(whole[1] / size.width, whole[0] / size.height)
    height, width = round(size.height * scale), round(size.width * scale)
    top, left = (whole[0] - height) // 2, (whole[1] - width) // 2
    kept[top : top + height, left : left + width] = True
    if kept.all():
        return ""
    fast, inside = (float(np.quantile(speed[where], _MOST)) for where in (~kept, kept))
    if fast < 2 * inside or fast < 0.005 * size.side:
        return ""
    return f", and with them what moves most, by {fast:.1f} px a frame, against {inside:.1f} in what is left"


def _refuse_one(name: str | os.PathLike[str]) -> None:
    picture = not os.path.isdir(name) and is_image(name)
    remedy = (
        "a picture has no motion; --image takes it as a first frame"
        if picture
        else "bring a longer one, or take more of its frames"
    )
    raise RequestError(f"cannot use {name}: expected a clip of 2 frames or more, got 1; {remedy}")


def _silent(_: str) -> None:
    """What it would be told is told already."""
