"""What a request shows instead of saying it, laid out for one run: a clip, or a field in a file."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moft.errors import RequestError
from moft.field.field import Field
from moft.field.files.reading import read_field
from moft.field.resampled import FURTHEST, Followed, read_followed
from moft.media.checks import Tell
from moft.metrics.motion import STILL_SPEED
from moft.request.along import Along

if TYPE_CHECKING:
    from moft.request.like import Like
    from moft.types import ClipSize, Mask

_MOST = 0.9  # of the field goes no further than what counts


@dataclass(frozen=True)
class Given:
    """A field to follow, laid out for one run."""

    name: str  # of its file
    whole: Field  # of the run's frames and px

    def field(self, onto: Mask | None = None) -> Field:
        """The field, which stays where it is; `onto`, (h w) or (f h w) in 0…1 at any resolution, is where it
        counts.

        Raises RequestError where it says nothing there."""
        inside = self.whole if onto is None else self.whole.masked(onto)
        if not inside.weight.any():
            raise RequestError(
                f"cannot use {self.name}: expected a field that says something where it counts, got weight 0 "
                "all over; choose another region"
            )
        return self.whole

    @property
    def still(self) -> bool:
        """Whether nothing moves in it."""
        speed = np.linalg.norm(self.whole.steps, axis=-1) * self.whole.weight[1:]
        return bool((speed < STILL_SPEED).all())


def read_shown(
    request: Like | Along,
    size: ClipSize,
    tell: Tell = warnings.warn,
    cells: tuple[int, int] | None = None,
) -> Followed | Given:
    """What a request names, at the frames and size of a run; `tell` hears what was resampled and cut away.

    cells: (rows, columns) at which a field is laid out; None: one a pixel.
    Raises RequestError and MediaError as `read_followed` and `read_field` do."""
    if not isinstance(request, Along):
        return read_followed(request, size, tell)
    found = read_field(request.field, (size.height, size.width))
    part = found.cropped(size.height, size.width)
    if part.weight.shape != found.weight.shape:
        tell(f"{request.field}: cropped to its middle, of the shape of {size.width} x {size.height} px")
    in_time = _in_time(request.field, part, size.frames, tell)
    return Given(request.field, in_time.resized(size.frames, *(cells or (size.height, size.width))))


def _in_time(name: str, field: Field, frames: int, tell: Tell) -> Field:
    """So many frames of it: spread over it, or its first ones where that would go too far in a step, as of
    clips."""
    count = len(field.weight)
    if count == frames:
        return field
    speeds = np.linalg.norm(field.steps, axis=-1)[field.weight[1:] > 0]
    gap = (count - 1) / max(frames - 1, 1)
    if gap > 1 and speeds.size and float(np.quantile(speeds, _MOST)) * gap > FURTHEST:
        tell(
            f"{name}: the first {frames} of {count} frames are taken, as they are: spread over {frames}, it "
            "would go further than an eighth of the side from one to the next"
        )
        first = field.displacement[:frames]
        return Field(first - first.mean(0), field.weight[:frames])
    tell(f"{name}: {count} frames resampled to {frames}, {count / frames:.2g} times as fast")
    return field.stretched(frames)
