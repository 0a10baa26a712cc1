"""The same point and clips through the eyes of other models (Fig. 4 i-l)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from moft.feature.model import Model
from moft.interpreter.clips import held_out_clips, read_clip
from moft.interpreter.heat import heat_map
from moft.interpreter.reading import Reading
from moft.interpreter.viewpoint import ExplainSettings, Tell, choose_viewpoint
from moft.types import ClipSize

if TYPE_CHECKING:
    from torch import Tensor

    from moft.types import PathLike

VIEW = "model/"  # of a heat map, before the model's name


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
        replace(reading, maps={**reading.maps, **maps}) for reading, maps in zip(readings, more, strict=True)
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
