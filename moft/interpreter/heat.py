"""Where a clip is like one point of another, without a report: what is asked with a click; and in the eyes of
other models."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from moft.feature.definition import motion_feature
from moft.feature.model import Model
from moft.interpreter.clips import Clip, default_point, held_out_clips, read_clip
from moft.interpreter.reading import Reading
from moft.interpreter.similarity import cell_of, similarity
from moft.interpreter.viewpoint import ExplainSettings, Tell, Viewpoint, choose_viewpoint
from moft.optional import needs
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.types import PathLike, Video

VIEW = "model/"  # of another model's heat map, before its number and name


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


# ---------------------------------------------------------------- several models


def across(
    models: Sequence[Model], paths: Sequence[PathLike], readings: Sequence[Reading], tell: Tell
) -> tuple[Reading, ...]:
    """Readings with one more map for each of other models, by MOFT where that model is looked into.

    A model of another size sees the clips at that size, and the point where it lies there.

    Args:
        paths: of the clips; none are held-out ones.
    """
    more: list[dict[str, Tensor]] = [{} for _ in readings]
    for number, model in enumerate(models, 1):
        tell(f"model {number} beside, of {len(models)}: {model.name}")
        viewpoint = choose_viewpoint(model, ExplainSettings(), tell)
        size = viewpoint.size
        clips = [read_clip(path, size) for path in paths] or held_out_clips(size, len(readings))
        source = readings[0].source
        point = _moved(source.point, source.clip.size, size)
        view = f"{VIEW}{number}: {Path(model.name).name}, {viewpoint.layer}"
        for clip, maps in zip(clips, more, strict=True):
            maps[view] = heat_map(viewpoint, clips[0], clip, point).likeness
    return tuple(
        dataclasses.replace(reading, maps={**reading.maps, **maps})
        for reading, maps in zip(readings, more, strict=True)
    )


def _moved(point: tuple[float, float, float], size: ClipSize, other: ClipSize) -> tuple[float, float, float]:
    """A point (x, y, frame) of a clip of one size in the same clip at another."""
    x, y, frame = point
    share = frame / max(size.frames - 1, 1)
    return (
        (x + 0.5) * other.width / size.width - 0.5,
        (y + 0.5) * other.height / size.height - 0.5,
        float(round(share * (other.frames - 1))),
    )
