"""What MOFT should be for a wanted motion, from a model's channel statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from moft.feature.statistics import Statistics, latent_path
from moft.request.checks import Point
from moft.request.motion import Motion
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.field.field import Field


class Target(Protocol):
    """What steering compares MOFT with: synthesised for a motion, or read off a clip
    (`moft.feature.reference`)."""

    @property
    def channels(self) -> Tensor:
        """Which channels of the layer, (k,)."""

    @property
    def layer(self) -> str:
        """Submodule of the denoiser whose output is the feature."""

    @property
    def timestep(self) -> int:
        """0…1000, at which the channels were found, or the clip read."""

    @property
    def scale(self) -> float:
        """Typical size of the feature, > 0, so that losses compare across models."""

    @property
    def strength(self) -> float:
        """≥ 0, weight among other requests, as of `Motion`."""

    @property
    def steps(self) -> tuple[float, float] | None:
        """Share of the denoising steps in which it is asked, if the request says so itself."""

    @property
    def by_places(self) -> bool:
        """Whether each part of the picture is asked to go its own way."""

    def at(self, feature: Tensor, size: ClipSize) -> Tensor:
        """What a MOFT (b f k h w) of a clip of this size should be: broadcastable to it."""

    def displacement(self, cells: tuple[int, int, int], size: ClipSize) -> Tensor | None:
        """Where what is seen at each place should be, (f h w 2) in shorter sides against the clip's middle,
        for so many frames, rows and columns; None where it is not known."""


class _ByStatistics:
    """What a target takes over from the model's statistics."""

    statistics: Statistics

    def displacement(self, cells: tuple[int, int, int], size: ClipSize) -> Tensor:
        raise NotImplementedError

    def course(self, cells: tuple[int, int, int], size: ClipSize) -> Tensor:
        """What the layer's curves should show at so many frames, rows and columns: `expected_course`."""
        return expected_course(self.displacement(cells, size), self.statistics)

    @property
    def channels(self) -> Tensor:
        return self.statistics.channels

    @property
    def layer(self) -> str:
        return self.statistics.layer

    @property
    def timestep(self) -> int:
        return self.statistics.timestep

    @property
    def scale(self) -> float:
        return self.statistics.scale


@dataclass(frozen=True, eq=False)
class OfField(_ByStatistics):
    """The wanted feature for a field: at each place each channel moves in proportion to the displacement
    there, as of `Synthesised`."""

    field: Field
    statistics: Statistics
    strength: float = 1.0
    steps: tuple[float, float] | None = None

    @property
    def frames(self) -> int:
        """Of the clip that was read."""
        return len(self.field.displacement)

    @property
    def by_places(self) -> bool:
        return True

    def displacement(self, cells: tuple[int, int, int], size: ClipSize) -> Tensor:
        """(f h w 2)."""
        return torch.from_numpy(self.field.resized(*cells).displacement).float()

    def at(self, feature: Tensor, size: ClipSize) -> Tensor:
        """(1 f k h w)."""
        return _LARGER * expected(self.displacement(cells_of(feature), size), self.statistics)

    def weight(self, feature: Tensor) -> Tensor:
        """How much each place of a feature (b f k h w) counts, (f h w) in 0…1."""
        return torch.from_numpy(self.field.resized(*cells_of(feature)).weight).float()


_LARGER = 1.4  # than what whole frames are asked: blocks answer less (docs/lab/field.md)
_WITHIN, _ROUND = 1.2, 1.2  # likewise of regions, and of what turns or grows there (docs/lab/rules.md)
_STEADY, _CHANGES = 1.0, 1.5  # of the gain, for courses; likewise


def cells_of(feature: Tensor) -> tuple[int, int, int]:
    """Frames, rows and columns of a feature (b f c h w)."""
    frames, (height, width) = feature.shape[1], feature.shape[3:]
    return frames, height, width


def expected(path: Tensor, statistics: Statistics) -> Tensor:
    """The MOFT (1 f k h w) of displacements (f h w 2) in shorter sides: in proportion, between the
    statistical minimum and maximum, enlarged by the model's gain."""
    value = torch.einsum("fhwa,ka->fkhw", path, statistics.response)
    low, high = (bound[None, :, None, None] for bound in (statistics.low, statistics.high))
    return statistics.gain * value.clamp(low, high)[None]


def expected_course(path: Tensor, statistics: Statistics) -> Tensor:
    """What a layer's curves should show, (1 f 2 h w), for displacements (f h w 2) in shorter sides: more than
    these, since they show less than there is, of changes of speed most."""
    clock = (torch.arange(len(path)) - (len(path) - 1) / 2)[:, None, None, None]
    steady = clock * (clock * path).sum(0) / clock.square().sum()
    whole = _STEADY * steady + _CHANGES * (path - steady)
    return statistics.gain * whole.permute(0, 3, 1, 2)[None]


@dataclass(frozen=True)
class Synthesised(_ByStatistics):
    """The wanted feature for a motion: each channel moves in proportion to the displacement, between its
    statistical minimum and maximum, so it is piecewise linear over the frames and breaks where the direction
    changes (paper, Sec. 3.3). The whole is enlarged by the model's gain."""

    motion: Motion
    statistics: Statistics
    about: Point | None = None  # the middle of its region (`moft.field.asked.middle`); None: the whole frame

    @property
    def strength(self) -> float:
        return self.motion.strength

    @property
    def steps(self) -> tuple[float, float] | None:
        return self.motion.steps

    @property
    def by_places(self) -> bool:
        """Turns, zooms of a region, which a mean over it would cancel, and what bends, if its course can be
        asked."""
        bends = self.motion.bends and self.statistics.courses is not None
        return bends or self.motion.turns or (self.motion.zooms and self.about is not None)

    def at(self, feature: Tensor, size: ClipSize) -> Tensor:
        """(1 f k h w), or (1 f k 1 1) if the motion is the same everywhere."""
        path = self._displacement(feature.shape[1], feature.shape[3:], size)
        value = expected(self._within * path, self.statistics)
        return _LARGER * value if self.by_places else value

    def course(self, cells: tuple[int, int, int], size: ClipSize) -> Tensor:
        return self._within * super().course(cells, size)

    @property
    def _within(self) -> float:
        if self.about is None:
            return 1.0
        return _WITHIN * (_ROUND if self.motion.turns or self.motion.zooms else 1.0)

    def displacement(self, cells: tuple[int, int, int], size: ClipSize) -> Tensor:
        """(f h w 2)."""
        return self._displacement(cells[0], cells[1:], size).expand(*cells, 2)

    def _displacement(self, frames: int, cells: Sequence[int], size: ClipSize) -> Tensor:
        path = latent_path(self.motion, size, frames)[:, None, None]
        scales, angles = torch.tensor(self.motion.scale(size)), torch.tensor(self.motion.angle(size))
        if (scales == 1).all() and not angles.any():
            return path
        grow, turn = (
            F.interpolate(values[None, None], size=frames, mode="linear", align_corners=True)[0, 0]
            for values in (scales, angles)
        )
        grow = grow.log()
        right, down = self.about or (0.0, 0.0)
        y, x = (
            ((torch.arange(n) + 0.5) / n - 0.5) * extent / size.side - centre
            for n, extent, centre in zip(cells, (size.height, size.width), (down, right), strict=True)
        )
        at = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)  # from the middle, in shorter sides
        round_ = torch.stack([-at[..., 1], at[..., 0]], -1)  # where each place goes as it turns clockwise
        grow, turn = ((value - value.mean())[:, None, None, None] for value in (grow, turn))
        return path + grow * at + turn * round_


def held_of(motion: Motion, statistics: Statistics, size: ClipSize) -> float:
    """The share of a motion that its target holds: 1, or less where the feature that would show it lies
    outside of what was seen when the response was fitted, and is held at that bound. Zooms and turns: 1.

    Raises RequestError as `Motion.displacement` does."""
    path = latent_path(motion, size, size.frames)
    if not path.any():
        return 1.0
    value = (path @ statistics.response.T).clamp(statistics.low, statistics.high)
    held = statistics.displacement(value)
    return float((held * path).sum() / path.square().sum())
