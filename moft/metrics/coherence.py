"""Does a clip stay itself as it moves? Points that can be followed, and frames that agree along flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moft.metrics.flow import dense_flow
from moft.metrics.tracks import flow_tracks

if TYPE_CHECKING:
    from moft.types import Video

_EDGE = 4  # px at each edge, where what is seen comes and goes


def kept(video: Video) -> float:
    """The share of points, evenly spread over the first frame, that flow follows forwards and back from each
    frame to the next up to the last (`flow_tracks`); those that leave the picture are not kept."""
    return float(flow_tracks(video).seen[:, -1].mean())


def warp_error(video: Video) -> float:
    """Mean difference, in grey values of 0…255, of each frame from the next, warped to it by their flow."""
    import cv2

    y, x = np.indices(video.shape[1:3], np.float32)
    apart = [
        np.abs(
            cv2.remap(
                after.astype(np.float32),
                x + flow[..., 0],
                y + flow[..., 1],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            - before
        )[_EDGE:-_EDGE, _EDGE:-_EDGE].mean()
        for before, after, flow in zip(video, video[1:], dense_flow(video), strict=False)
    ]
    return float(np.mean(apart))


def left_over(video: Video) -> float:
    """How much of a clip no motion explains: `warp_error` over the standard deviation of its levels; 0 for a
    clip that only moves."""
    return warp_error(video) / max(float(video.std()), 1e-6)
