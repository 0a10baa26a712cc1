"""The clips that are looked into: given ones, brought to a model's size, and made ones whose flow is known
exactly."""

from __future__ import annotations

import dataclasses
import os
from functools import cached_property
from pathlib import Path

import numpy as np

from moft.errors import MediaError
from moft.known.clips import object_clips
from moft.known.pans import pan
from moft.request.motion import Motion
from moft.types import ClipSize

_STRIDES = (4, 2, 1)  # of frames read from a clip that is long enough: more motion in as many frames
_FASTEST = 0.05  # shorter sides a frame; what read-outs are fitted on goes to 0.0625
_PAN = 0.03  # of pictures, shorter sides a frame


@dataclasses.dataclass(frozen=True)
class Clip:
    """A clip to look into, of the model's size."""

    name: str
    video: np.ndarray  # uint8 (f h w 3)
    true: np.ndarray | None = None  # exact flow (f h w 2), px a frame
    note: str | None = None  # what was done to bring it here

    @property
    def size(self) -> ClipSize:
        """Frames, height and width in px."""
        return ClipSize(*self.video.shape[:3])

    @property
    def flow_origin(self) -> str:
        """Where `flow` is from: "exact" or "DIS"."""
        return "exact" if self.true is not None else "DIS"

    @cached_property
    def flow(self) -> np.ndarray:
        """The exact flow where it is known, else DIS optical flow: (f h w 2), the last step held."""
        if self.true is not None:
            return self.true
        from moft.metrics.flow import dense_flow

        steps = dense_flow(self.video)
        return np.concatenate([steps, steps[-1:]])


# ---------------------------------------------------------------- given


def read_clip(path: str | os.PathLike[str], size: ClipSize) -> Clip:
    """A file as the model takes it: a picture is panned to the left, a longer clip is read from its start
    with a stride, a shorter one is slowed down by repeating frames. What was done is in the note.

    Raises:
        MediaError: unreadable, or a clip of one frame.
    """
    from moft.media.opening import is_image
    from moft.media.reading import read_video

    name, sides = str(path), (size.height, size.width)
    for stride in _STRIDES:
        try:
            whole = read_video(path, frames=size.frames * stride, size=sides)
        except MediaError:  # shorter, or nothing that can be read: the last attempt says which
            continue
        return _taken(name, whole, size)
    short = read_video(path, size=sides)
    if len(short) == 1 and is_image(path):
        return _panned(name, read_video(path)[0], size)
    if len(short) < 2:
        raise MediaError(
            f"cannot explain {name}: expected a clip of 2 frames or more, or a picture, got one frame; "
            "bring a longer clip"
        )
    return _slowed(name, short, size)


def _taken(name: str, video: np.ndarray, size: ClipSize) -> Clip:
    """The start of a clip that is long enough."""
    stride = _stride(video, size)
    taken = "the first" if stride == 1 else f"one in {stride} of the first"
    by = f"{size.width} x {size.height} px"
    note = f"{Path(name).name}: {taken} {size.frames * stride} frames, its middle, resized to {by}"
    return Clip(name, video[::stride][: size.frames], None, note)


def _panned(name: str, picture: np.ndarray, size: ClipSize) -> Clip:
    """A picture uint8 (h w 3) that goes to the left."""
    video = pan(picture, Motion("left", speed=_PAN), size)
    true = np.broadcast_to(np.array([-_PAN * size.side, 0], np.float32), (*video.shape[:3], 2))
    note = f"{Path(name).name}: a picture, panned to the left by 3 % of the shorter side a frame"
    return Clip(name, video, true, note)


def _slowed(name: str, video: np.ndarray, size: ClipSize) -> Clip:
    """A clip that is too short, each frame shown for as long as it takes."""
    from moft.media.frames import evenly

    count = len(video)
    note = (
        f"{Path(name).name}: {count} frames, fewer than the model's {size.frames}; resampled by repeating "
        f"frames, so it moves in jerks at {count / size.frames:.2f} of its speed"
    )
    return Clip(name, video[evenly(count, size.frames)], None, note)


def _stride(video: np.ndarray, size: ClipSize) -> int:
    """The longest stride at which nine tenths of the picture still move slowly enough to be read."""
    from moft.metrics.flow import dense_flow

    for stride in _STRIDES:
        clip = video[::stride][: size.frames]
        if len(clip) < size.frames:
            continue
        fast = np.quantile(np.linalg.norm(dense_flow(clip), axis=-1), 0.9) / size.side
        if fast <= _FASTEST:
            return stride
    return 1


def default_point(clip: Clip) -> tuple[float, float, float]:
    """(x, y, 0) where most moves over the clip, an eighth or more from the edge."""
    import cv2

    speed = cv2.blur(np.linalg.norm(clip.flow, axis=-1).mean(0).astype(np.float32), (5, 5))
    h, w = speed.shape
    inner = np.full_like(speed, -1)
    inner[h // 8 : h - h // 8, w // 8 : w - w // 8] = speed[h // 8 : h - h // 8, w // 8 : w - w // 8]
    row, column = np.unravel_index(int(inner.argmax()), inner.shape)
    return float(column), float(row), 0.0


# ---------------------------------------------------------------- made


def held_out_clips(size: ClipSize, n: int) -> list[Clip]:
    """Some clips of known flow to look into where none are given."""
    from moft.known.photographs import HELD_OUT_SEED

    made = object_clips(n, size, HELD_OUT_SEED)
    return [Clip(f"held-out clip {i + 1}", made.video[i], made.flow[i]) for i in range(n)]
