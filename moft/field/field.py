"""Motion as a field of displacements over space and time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.errors import RequestError
from moft.field.asked import asked_flow
from moft.media.mask import check_region
from moft.metrics.agreement import places
from moft.request.checks import number

if TYPE_CHECKING:
    from moft.request.checks import Point
    from moft.request.motion import Motion
    from moft.types import ClipSize, Floats, Mask, PathLike


@dataclass(frozen=True, eq=False)
class Field:
    """How far what is seen at each place and frame went, and how sure that is.

        size = moft.ClipSize(8, 64, 64)
        pan, zoom = (moft.Field.of_motion(moft.Motion(text), size) for text in ("left", "zoom in"))
        with moft.steer(pipe, pan + zoom.scaled(0.5)):
            frames = pipe("red cells").frames[0]

    displacement: (f h w 2), f ≥ 2, in shorter sides of the picture, x right and y down: the steps of what
        passes a place, summed over the frames, against their mean over the frames. Any resolution.
    weight: (f h w) in 0…1.

    Cells are square: the grid has the shape of the picture, which a file of it is cropped by.

    Raises RequestError for other shapes, numbers that are not finite, and weights outside 0…1.
    """

    displacement: Floats
    weight: Floats

    def __post_init__(self) -> None:
        shape = self.displacement.shape
        if len(shape) != 4 or shape[0] < 2 or shape[3] != 2 or 0 in shape:
            raise RequestError(f"expected displacements (f h w 2), f ≥ 2, got {shape}")
        if self.weight.shape != shape[:3]:
            raise RequestError(f"expected weights {shape[:3]}, got {self.weight.shape}")
        if not np.isfinite(self.displacement).all():
            raise RequestError(
                "expected finite displacements, got NaN or infinity; give what is unknown weight 0"
            )
        if not (self.weight.min() >= 0 and self.weight.max() <= 1):  # refuses NaN too
            raise RequestError(f"expected weights in 0…1, got {self.weight.min()} to {self.weight.max()}")

    @classmethod
    def of_steps(cls, steps: Floats, weight: Floats | None = None) -> Field:
        """From the motion at each place from each frame to the next, (f-1 h w 2) in shorter sides, and how
        sure each step is, (f-1 h w)."""
        whole = np.concatenate([np.zeros_like(steps[:1]), np.cumsum(steps, 0)])
        sure = np.ones(whole.shape[:3]) if weight is None else _beside(weight)
        return cls(whole - whole.mean(0), sure)

    @classmethod
    def of_motion(cls, motion: Motion, size: ClipSize, about: Point = (0.0, 0.0)) -> Field:
        """What a request in words means of a clip of this size, a cell each pixel; its region, strength and
        steps aside. about: the middle of a zoom or a turn, in shorter sides from the picture's, x right, y
        down. Raises RequestError for one frame, and as `Motion.displacement` does."""
        if size.frames < 2:
            raise RequestError(f"expected a clip of 2 frames or more to move in, got {size.frames}")
        return cls.of_steps(asked_flow(motion, size, about).astype(float) / size.side)

    @property
    def steps(self) -> Floats:
        """From each frame to the next, (f-1 h w 2) in shorter sides."""
        found: Floats = np.diff(self.displacement, axis=0)
        return found

    def resized(self, frames: int, height: int, width: int) -> Field:
        """At other frames, in the same time, and other cells: means over their areas, by weight, or what lies
        between."""
        weight = _resized(self.weight[..., None], frames, height, width)
        value = _resized(self.displacement * self.weight[..., None], frames, height, width)
        plain = _resized(self.displacement, frames, height, width)
        found = np.where(weight > _SURE, value / np.maximum(weight, _SURE), plain)
        return Field(found - found.mean(0), weight[..., 0].clip(0, 1))

    def laid_over(self, look: Mask | None, onto: Mask | None) -> Field:
        """What lies in the bounds of one region, stretched over those of another; speeds stay. look, onto:
        (h w) or (f h w) in 0…1 at any resolution; None: the whole frame."""
        if look is None and onto is None:
            return self
        height, width = self.weight.shape[1:]
        (top, bottom, left, right), (y0, y1, x0, x1) = (_bounds(mask, height, width) for mask in (look, onto))
        part = Field(self.displacement[:, top:bottom, left:right], self.weight[:, top:bottom, left:right])
        part = part.resized(len(self.weight), y1 - y0, x1 - x0)
        displacement, weight = self.displacement.copy(), np.zeros_like(self.weight)
        displacement[:, y0:y1, x0:x1], weight[:, y0:y1, x0:x1] = part.displacement, part.weight
        return replace(self, displacement=displacement, weight=weight)

    def __add__(self, other: Field) -> Field:
        """Both motions at once, as sure as the surer. Raises RequestError for fields of different shapes."""
        if self.weight.shape != other.weight.shape:
            raise RequestError(
                f"expected fields of one shape to add, got {self.weight.shape} and {other.weight.shape}; "
                "bring one to the other's with resized"
            )
        return Field(self.displacement + other.displacement, np.maximum(self.weight, other.weight))

    def masked(self, region: Mask) -> Field:
        """The same where a region counts: (h w) or (f h w) in 0…1 at any resolution.

        Raises RequestError for an array that is none."""
        check_region(region)
        inside = _resized(region.reshape(-1, *region.shape[-2:], 1), *self.weight.shape)[..., 0]
        return replace(self, weight=self.weight * inside.clip(0, 1))

    def scaled(self, factor: float) -> Field:
        """So many times as fast and as far; below 0 the other way. Raises RequestError for a factor that is
        no finite number."""
        if isnan(number(factor)):
            raise RequestError(f"expected a finite factor, got {factor!r:.50}")
        return replace(self, displacement=self.displacement * number(factor))

    def reversed(self) -> Field:
        """Played backwards."""
        return Field(self.displacement[::-1], self.weight[::-1])

    def stretched(self, frames: int) -> Field:
        """The same way in so many frames, ≥ 2: in twice as many each step is half as long."""
        return self.resized(frames, *self.weight.shape[1:])

    def cropped(self, height: int, width: int) -> Field:
        """The largest part about its centre that has the shape height : width, in the shorter sides of that
        part."""
        rows, columns = self.weight.shape[1:]
        scale = min(rows / height, columns / width)
        high, wide = (max(round(n * scale), 1) for n in (height, width))
        if (high, wide) == (rows, columns):
            return self
        top, left = (rows - high) // 2, (columns - wide) // 2
        part = slice(top, top + high), slice(left, left + wide)
        factor = min(rows, columns) / (min(height, width) * scale)
        return Field(self.displacement[(slice(None), *part)] * factor, self.weight[(slice(None), *part)])

    def save(self, path: PathLike) -> None:
        """Write a safetensors file, whole or not at all. Raises MediaError where the disk fails."""
        from torch import from_numpy

        from moft.media.tensors import save_tensors

        arrays = {"displacement": self.displacement, "weight": self.weight}
        tensors = {name: from_numpy(array.astype(np.float32)) for name, array in arrays.items()}
        save_tensors(path, tensors, {"kind": KIND})

    @classmethod
    def load(cls, path: PathLike) -> Field:
        """Read what `save` wrote. Raises RequestError for anything else."""
        from moft.media.tensors import load_as

        def made(displacement: Any, weight: Any) -> Field:
            for name, tensor in (("displacement", displacement), ("weight", weight)):
                if not tensor.is_floating_point() or tensor.numel() > MOST_NUMBERS:
                    got = f"{tensor.numel()} of {tensor.dtype}"
                    raise RequestError(f"{name}: expected at most {MOST_NUMBERS} floats, got {got}")
            return cls(displacement.float().numpy(), weight.float().numpy())

        return load_as(made, path, KIND, ("displacement", "weight"), {})


KIND = "moft field"  # of the file
MOST_NUMBERS = 2**26  # in one array of a file: 80 steps at 480 x 832
_SURE = 1e-6


def _beside(weight: Floats) -> Floats:
    """Of the steps (f-1 …) → of the frames (f …): the surer of the steps before and behind each."""
    ends = np.zeros_like(weight[:1])
    surer: Floats = np.maximum(np.concatenate([ends, weight]), np.concatenate([weight, ends]))
    return surer


def _resized(value: Floats, frames: int, height: int, width: int) -> Floats:
    """(f h w k) at other numbers of frames, rows and columns."""
    sampled = np.einsum("gf,fhwk->ghwk", _moments(frames, len(value)), value)
    return places(sampled, height, width)


def _moments(count: int, given: int) -> Floats:
    """Weights (count given) of evenly spaced moments between the first and the last of those given."""
    at = np.linspace(0, given - 1, count)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(given)))


def _bounds(region: Mask | None, height: int, width: int) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of the cells that a region touches in any frame, the ends past them."""
    if region is None:
        return 0, height, 0, width
    cells = (
        _resized(region.reshape(-1, *region.shape[-2:]).max(0)[None, ..., None], 1, height, width)[0, ..., 0]
        > 0
    )
    rows, columns = np.flatnonzero(cells.any(1)), np.flatnonzero(cells.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
