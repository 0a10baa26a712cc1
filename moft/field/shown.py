"""The field that a clip shows, by optical flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moft.errors import RequestError
from moft.field.field import Field
from moft.metrics.agreement import places
from moft.metrics.flow import check_video
from moft.metrics.step import sure_flows

if TYPE_CHECKING:
    from moft.types import Floats, Video

MOST_CELLS = 128  # along the shorter side; no layer has as many
LEAST_FOUND = 0.2  # of a clip's places must be found again in the next frame for it to show a motion


def field_of(video: Video) -> Field:
    """How everything in a clip uint8 (f h w 3) moves: dense flow from each frame to the next, sure where the
    flow back leads to where it began.

    Raises RequestError for what is no clip, and where too little is found again from frame to frame."""
    check_video(video)
    side, (height, width) = min(video.shape[1:3]), _cells(*video.shape[1:3])
    steps: list[Floats] = []
    sure: list[Floats] = []
    for flow, leads_back in sure_flows(video):  # at once fewer cells: a clip of 80 large frames is a gigabyte
        steps.append(places(flow[None] / side, height, width)[0])
        sure.append(places(leads_back[None, ..., None].astype(float), height, width)[0, ..., 0].clip(0, 1))
    check_found(float(np.mean(sure)))
    return Field.of_steps(np.stack(steps), np.stack(sure))


def _cells(height: int, width: int) -> tuple[int, int]:
    factor = min(1.0, MOST_CELLS / min(height, width))
    return round(height * factor), round(width * factor)


def check_found(found: float) -> None:
    """Raise RequestError where less than `LEAST_FOUND` of a clip is found again in the next frame."""
    if found < LEAST_FOUND:
        raise RequestError(
            f"expected a clip whose parts are found again from frame to frame, got one of which {found:.0%} "
            'is; cut it where a scene ends, or follow it by="moft"'
        )
