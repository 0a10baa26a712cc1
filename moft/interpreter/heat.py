"""Where a clip is like one point of another, without a report: what is asked with a click."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from torch import Tensor

from moft.feature.definition import motion_feature
from moft.interpreter.clips import Clip, default_point
from moft.interpreter.similarity import cell_of, similarity
from moft.interpreter.viewpoint import Viewpoint
from moft.optional import needs

if TYPE_CHECKING:
    from moft.types import Video


@dataclasses.dataclass(frozen=True)
class HeatMap:
    """How alike the motion of each place of a clip is to that of a point (Fig. 4)."""

    source: Clip
    point: tuple[float, float, float]  # (x, y, frame), px and frames of the source
    target: Clip
    likeness: Tensor  # (f h w), cells of the model, in −1…1

    def drawn(self) -> Video:
        """Source with its point, target and map side by side, as a clip uint8 (f H W 3)."""
        needs("matplotlib", "cv2")
        from moft.interpreter.figures.heat import heat_frames

        maps = {"moft": self.likeness.numpy()}
        return heat_frames(self.source.video, self.point, self.target.video, maps)


def heat_map(
    viewpoint: Viewpoint,
    source: Clip,
    target: Clip,
    point: tuple[float, float, float] | None = None,
    seed: int = 0,
) -> HeatMap:
    """Where a target is like a point (x, y, frame) of a source, by MOFT; both of the viewpoint's size.

    point: None is where most moves. seed: of the noise; each clip has its own, also if it is compared with
        itself: under one noise, places are alike because they are the same place.
    Raises RequestError for a point outside the source.
    """
    point, kept = point or default_point(source), viewpoint.statistics.channels
    theirs, own = (
        motion_feature(viewpoint.features(clip.video[None], seed + i), kept)
        for i, clip in enumerate((source, target))
    )
    _, row, column = cell_of(point, viewpoint.size, theirs)
    return HeatMap(source, point, target, similarity(theirs[0, :, :, row, column], own)[0])
