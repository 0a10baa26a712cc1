"""MOFT of a clip, to follow it: read, calibrated on the clip's own content, kept in a file."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.errors import RequestError
from moft.feature.checks import (
    MOST_SCALE,
    check_channels,
    check_floats,
    check_gain,
    check_number,
    check_place,
)
from moft.feature.definition import ccr, motion_feature, pool
from moft.feature.read import both_ways, inverted_features
from moft.feature.regions import at_cells, laid_over
from moft.feature.statistics import Statistics, find_statistics, latent_path
from moft.feature.target import OfField
from moft.field.resampled import Followed
from moft.known.camera import along
from moft.media.tensors import load_as, save_tensors
from moft.models.tap import Tap
from moft.request.along import Along
from moft.request.motion import Motion
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.field.given import Given
    from moft.request.like import Like

_PAN = 0.025  # shorter sides a frame, at which a clip's own content is moved to see how it answers
_DOUBT = (
    0.05  # added to the square of an answer, about 1: below a quarter of that, as read is as good as solved
)


@dataclasses.dataclass(frozen=True)
class FromClip:
    """The feature of a reference clip, per position or (one cell) its mean over a region.

    Raises RequestError for no channels, numbers that are not finite, and shapes that do not go together.
    """

    value: Tensor  # (f k h w)
    channels: Tensor
    layer: str
    scale: float
    timestep: int
    strength: float = 1.0
    made: dict[str, Any] = dataclasses.field(default_factory=dict)
    gain: float = 1.0  # as in `Statistics`
    steps: tuple[float, float] | None = None  # as of `Motion`; not kept in a file

    def __post_init__(self) -> None:
        check_channels(self.channels)
        check_floats("value", self.value, (None, len(self.channels), None, None))
        check_place(self.layer, self.timestep)
        check_number("scale", self.scale, 0, MOST_SCALE)
        check_number("strength", self.strength, 0, MOST_SCALE)
        check_gain("gain", self.gain)

    @property
    def per_position(self) -> bool:
        """Whether each place has a target of its own."""
        return self.value.shape[2:].numel() > 1

    @property
    def by_places(self) -> bool:
        return False

    @property
    def frames(self) -> int | None:
        """Of the clip that was read; None if a file does not say."""
        count = self.made.get("frames")
        return count if isinstance(count, int) else None

    def displacement(self, cells: tuple[int, int, int], size: ClipSize) -> None:
        """A feature read off a clip does not say how far things go."""

    def at(self, feature: Tensor, size: ClipSize) -> Tensor:
        """(1 f k h w), resampled to the frames and cells of the feature."""
        cells = feature.shape[3:] if self.value.shape[2] > 1 else (1, 1)
        value = self.value.permute(1, 0, 2, 3)[None]
        resized = F.interpolate(value, (feature.shape[1], *cells), mode="trilinear", align_corners=False)
        return self.gain * ccr(resized.transpose(1, 2))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, whole or not at all."""
        save_tensors(
            path,
            {"value": self.value, "channels": self.channels},
            {
                "kind": _KIND,
                **{name: getattr(self, name) for name in _NOTES},
            },
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FromClip:
        """Read what `save` wrote. Raises RequestError for anything else."""
        return load_as(cls, path, _KIND, _TENSORS, _NOTES, later=["gain"])


_KIND = "moft reference"
_TENSORS = ("value", "channels")
_NOTES = {
    "layer": str,
    "scale": float,
    "timestep": int,
    "strength": float,
    "gain": float,
    "made": dict[str, Any],
}


@dataclasses.dataclass(frozen=True)
class ClipReading:
    """How a clip is read."""

    per_position: bool = (
        False  # keep every position (paper, Eq. 3) instead of the region's mean (the release)
    )
    invert: bool = (
        False  # reach the timestep by `moft.models.inversion` instead of by adding noise, `both_ways`
    )
    calibrated: bool = (
        True  # take out how this clip's content answers to motion (`own_answer`), to ask its own speed
    )
    timestep: int | None = None  # 0…1000; None: that of the statistics
    seed: int = 0  # of the noise


def from_clip(
    pipe: Any,
    video: np.ndarray,
    *,
    statistics: Statistics | None = None,
    region: np.ndarray | None = None,
    onto: np.ndarray | None = None,
    how: ClipReading | None = None,
    strength: float = 1.0,
    steps: tuple[float, float] | None = None,
) -> FromClip:
    """MOFT of a clip, to steer by.

        with moft.steer(pipe, moft.from_clip(pipe, moft.read_video("clip.mp4", frames=8, size=(64, 64)))):
            frames = pipe("red cells").frames[0]

    Args:
        video: uint8 (f h w 3), of the size at which the model samples.
        statistics: motion channels; None takes those known for the model.
        region: where to look in the clip, (h w) or (f h w) in 0…1; None the whole frame.
        onto: the region that it is to steer, likewise; counts with `per_position` alone: the bounds of
            `region` are laid over those of `onto`, stretched if need be.
        how: how it is read. Calibration is left out with `per_position` or `invert`, which ask for the
            feature as the paper has it.
        strength, steps: as of `Motion`.
    Raises:
        RequestError: wrong shape or dtype. BackboneError: inversion asked of a model that has none.
    """
    check_clip(video)
    how, statistics = how or ClipReading(), statistics or find_statistics(pipe)
    timestep = statistics.timestep if how.timestep is None else how.timestep
    how = replace(how, timestep=timestep, calibrated=how.calibrated and not (how.per_position or how.invert))
    look, lay = (None if mask is None else torch.as_tensor(mask) for mask in (region, onto))
    return FromClip(
        _value(Tap(pipe, statistics.layer, timestep), video, statistics, how, look, lay),
        statistics.channels,
        statistics.layer,
        statistics.scale,
        timestep,
        strength,
        _made(video, how),
        statistics.gain,
        steps,
    )


def _value(
    tap: Tap,
    video: np.ndarray,
    statistics: Statistics,
    how: ClipReading,
    region: Tensor | None,
    onto: Tensor | None,
) -> Tensor:
    """MOFT of the clip, (f k h w), or of one cell its mean over the region."""
    timestep = statistics.timestep if how.timestep is None else how.timestep
    read = inverted_features if how.invert else both_ways
    feature = motion_feature(read(tap, video[None], timestep, "", how.seed), statistics.channels).cpu()
    if how.per_position:
        return laid_over(feature, region, onto)[0].contiguous()
    where = None if region is None else at_cells(region, (feature.shape[1], *feature.shape[-2:]))
    feature = pool(feature, where)
    if how.calibrated:
        answer = own_answer(tap, video, statistics, where, timestep, how.seed)
        feature = in_common_units(feature, answer, statistics)
    return feature[..., None, None][0].contiguous()


def from_like(
    pipe: Any,
    like: Like | Along,
    followed: Followed | Given,
    statistics: Statistics,
    *,
    onto: np.ndarray | None = None,
    seed: int = 0,
) -> FromClip | OfField:
    """What a request asks whose clip or field was read (`moft.field.given`); `onto` as of `from_clip`.

    Raises RequestError for a field that says nothing there."""
    if isinstance(like, Along) or like.by_flow:
        return OfField(followed.field(onto), statistics, like.strength, like.steps)
    assert isinstance(followed, Followed)
    how = ClipReading(like.per_position, like.invert, seed=seed)
    return from_clip(
        pipe,
        followed.video,
        statistics=statistics,
        region=followed.look,
        onto=onto,
        how=how,
        strength=like.strength,
        steps=like.steps,
    )


def _made(video: np.ndarray, how: ClipReading) -> dict[str, Any]:
    way = "inverted" if how.invert else "noised"
    return {"from": way, "calibrated": how.calibrated, "frames": len(video), "size": list(video.shape[1:3])}


def own_answer(
    tap: Tap, video: np.ndarray, statistics: Statistics, where: Tensor | None, timestep: int, seed: int
) -> Tensor:
    """How a clip's content answers to motion, (2 2): the displacement that its MOFT shows for one along x
    (first column) or y.

    1 would be an answer like that of the photographs that the response was found on. Read off the clip's
    middle frame, moved at a known speed.
    """
    size = ClipSize(*video.shape[:3])
    middle = torch.from_numpy(video[len(video) // 2].copy()).float().expand(1, *video.shape)
    columns = []
    for velocity in _PAN * size.side * torch.eye(2):  # one after the other: an encoder needs memory for each
        moved = along(middle, velocity[None], back=True).round().clamp(0, 255).byte().numpy()
        found = motion_feature(both_ways(tap, moved, timestep, "", seed), statistics.channels).cpu()
        path = statistics.displacement(pool(found, where))[0]
        known = latent_path(Motion("right", speed=_PAN), size, len(path))[:, 0]
        columns.append(known @ path / known.square().sum())
    return torch.stack(columns, 1)


def in_common_units(feature: Tensor, answer: Tensor, statistics: Statistics) -> Tensor:
    """A pooled MOFT (b f k) as it would be if the content answered as the photographs did: the displacement
    that it shows is solved for what would show so, with `_DOUBT` for content that hardly answers."""
    shown = statistics.displacement(feature)
    solved = torch.linalg.solve(
        answer.mT @ answer + _DOUBT * torch.eye(2), (shown @ answer + _DOUBT * shown).mT
    ).mT
    return solved @ statistics.response.T


def check_clip(video: np.ndarray) -> None:
    """Raise RequestError unless this is a clip, uint8 (f h w 3) of two frames or more."""
    if video.dtype != np.uint8 or video.ndim != 4 or video.shape[-1] != 3 or len(video) < 2:
        raise RequestError(f"expected a clip uint8 (f h w 3), f ≥ 2, got {video.dtype} {video.shape}")
