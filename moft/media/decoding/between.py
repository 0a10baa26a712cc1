"""Frames for the moments between two that a clip shows: what moves is carried along its way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from moft.metrics.flow import LOST, MAX_ASPECT, MIN_SIDE, MUCH, flow_between
from moft.metrics.leaps import misfit
from moft.optional import needs

if TYPE_CHECKING:
    from moft.types import Flow, Picture

_MOST = 2**21  # px of a frame, 1920 x 1088 say
_LARGE = 2**19  # px of a frame whose flow is looked for at half its size
_STILL = 1 / 1024  # of the shorter side: what goes less far looks the same at every moment


def between(before: Picture, after: Picture, shares: Sequence[float]) -> Iterator[Picture] | None:
    """The pictures, uint8 (h w 3), after each share, 0..1, of the time from a frame to the next; None where
    nothing moves, where no flow leads from one to the other, as at a cut, and in frames too large or too
    narrow to look for one.

    Both frames are carried along the optical flow between them, and blended.
    """
    height, width = before.shape[:2]
    if min(height, width) < MIN_SIDE or max(height, width) > MAX_ASPECT * min(height, width):
        return None
    if height * width > _MOST:
        return None
    needs("cv2")
    first, last = _reduced(before), _reduced(after)
    flow = flow_between(first, last)
    if np.abs(flow).max() < _STILL * min(flow.shape[:2]) or not _fits(first, last, flow):
        return None
    whole = _enlarged(flow, height, width)
    return (_at(before, after, whole, share) for share in shares)


def _reduced(picture: Picture) -> Picture:
    """Large pictures at half their size, whose flow is as good and takes a quarter of the memory."""
    import cv2

    height, width = picture.shape[:2]
    if height * width <= _LARGE:
        return picture
    return np.asarray(cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)


def _enlarged(flow: Flow, height: int, width: int) -> Flow:
    import cv2

    if flow.shape[:2] == (height, width):
        return flow
    scale = np.array([width / flow.shape[1], height / flow.shape[0]], np.float32)
    return np.asarray(cv2.resize(flow, (width, height))) * scale


def _fits(before: Picture, after: Picture, flow: Flow) -> bool:
    import cv2

    pair = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, after))
    first, second = (np.asarray(frame, np.uint8) for frame in pair)
    lost = misfit(first, second, flow) > LOST * first.std()
    return bool(lost.mean() <= MUCH)


def _at(before: Picture, after: Picture, flow: Flow, share: float) -> Picture:
    """The flow that leads to a place is taken to be the one that starts there: they differ where motion has
    an edge, by less than what the blend hides."""
    import cv2

    y, x = np.indices(flow.shape[:2], np.float32)
    seen = [
        cv2.remap(
            picture,
            x + along * flow[..., 0],
            y + along * flow[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for picture, along in ((before, -share), (after, 1 - share))
    ]
    return np.asarray(cv2.addWeighted(seen[0], 1 - share, seen[1], share, 0))
