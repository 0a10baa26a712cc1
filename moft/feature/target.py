"""What MOFT should be: taken from a clip, or synthesised for a wanted motion from a model's channel statistics."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.errors import RequestError
from moft.feature.definition import ccr, motion_feature, pool
from moft.feature.read import both_ways, inverted_features
from moft.feature.regions import at_cells, laid_over
from moft.feature.statistics import Statistics, find_statistics, latent_path
from moft.known.camera import along
from moft.media.tensors import load_tensors, save_tensors
from moft.models.tap import Tap
from moft.request.motion import DIRECTIONS, Motion
from moft.types import ClipSize

EARLY_STEPS, STILL_STEPS = (0.12, 0.48), (0.12, 0.92)
_PAN = 0.025  # shorter sides a frame, at which a clip's own content is moved to see how it answers
_DOUBT = (
    0.05  # added to the square of an answer, about 1: below a quarter of that, as read is as good as solved
)


class Reference(Protocol):
    """What steering compares MOFT with."""

    @property
    def channels(self) -> Tensor: ...
    @property
    def layer(self) -> str: ...
    @property
    def timestep(self) -> int: ...
    @property
    def scale(self) -> float: ...
    @property
    def strength(self) -> float: ...
    @property
    def loss(self) -> str:
        """Which of `moft.feature.losses.LOSSES` suits: "position" (Eq. 3) where every place has a target of its own, else
        "quadrants", which says where things go on the whole and leaves their details free."""

    @property
    def region_loss(self) -> str:
        """The same for a request with a region: "region" instead of "quadrants", whose quarters of the frame would cut a
        region in pieces too small to say where they go; but for zooms, whose mean is nought."""

    @property
    def steps(self) -> tuple[float, float] | None:
        """Share of the denoising steps in which it is asked, if the request says so itself."""

    @property
    def usual_steps(self) -> tuple[float, float]:
        """Share of the denoising steps that it suits to guide: the early ones (3…11 of 25 in the release), where motion is
        decided; for stillness most, since details that are drawn later flicker by themselves."""

    def target(self, found: Tensor, size: ClipSize) -> Tensor:
        """The wanted feature for a MOFT (b f k h w) of a clip of this size, broadcastable to it."""


@dataclasses.dataclass(frozen=True)
class Synthesised:
    """The wanted feature for a motion: each channel moves in proportion to the displacement, between its statistical
    minimum and maximum, so it is piecewise linear over the frames and breaks where the direction changes. The whole is
    enlarged by the model's gain."""

    motion: Motion
    statistics: Statistics

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

    @property
    def strength(self) -> float:
        return self.motion.strength

    @property
    def loss(self) -> str:
        return (
            "position" if self.motion.direction == "still" else "quadrants"
        )  # nothing may move, not only the mean

    @property
    def region_loss(self) -> str:
        shifts = (
            self.motion.path is not None
            or isinstance(self.motion.direction, float)
            or self.motion.direction in DIRECTIONS
        )
        return "region" if shifts else self.loss

    @property
    def steps(self) -> tuple[float, float] | None:
        return self.motion.steps

    @property
    def usual_steps(self) -> tuple[float, float]:
        return STILL_STEPS if self.motion.direction == "still" else EARLY_STEPS

    def target(self, found: Tensor, size: ClipSize) -> Tensor:
        """(1 f k h w), or (1 f k 1 1) if the motion is the same everywhere."""
        path = self._displacement(found.shape[1], found.shape[3:], size)  # (f h w 2)
        value = torch.einsum("fhwa,ka->fkhw", path, self.statistics.response)
        low, high = (bound[None, :, None, None] for bound in (self.statistics.low, self.statistics.high))
        return self.statistics.gain * value.clamp(low, high)[None]

    def _displacement(self, frames: int, cells: Sequence[int], size: ClipSize) -> Tensor:
        path = latent_path(self.motion, size, frames)[:, None, None]
        scales = torch.tensor(self.motion.scale(size.frames, size.height, size.width))
        if (scales == 1).all():
            return path
        grow = F.interpolate(scales[None, None], size=frames, mode="linear", align_corners=True)[0, 0].log()
        y, x = (
            ((torch.arange(n) + 0.5) / n - 0.5) * extent / size.side
            for n, extent in zip(cells, (size.height, size.width), strict=True)
        )
        at = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)  # from the centre, in shorter sides
        return path + (grow - grow.mean())[:, None, None, None] * at


@dataclasses.dataclass(frozen=True)
class FromClip:
    """The feature of a reference clip, per position or (one cell) its mean over a region."""

    value: Tensor  # (f k h w)
    channels: Tensor
    layer: str
    scale: float
    timestep: int
    strength: float = 1.0
    made: dict[str, Any] = dataclasses.field(default_factory=dict)
    gain: float = 1.0  # as in `Statistics`
    steps: tuple[float, float] | None = None  # as of `Motion`; not kept in a file

    @property
    def loss(self) -> str:
        return "position" if self.value.shape[2:].numel() > 1 else "quadrants"

    @property
    def region_loss(self) -> str:
        return "position" if self.loss == "position" else "region"

    @property
    def usual_steps(self) -> tuple[float, float]:
        return EARLY_STEPS

    def target(self, found: Tensor, size: ClipSize) -> Tensor:
        """(1 f k h w), resampled to the frames and cells of `found`."""
        cells = found.shape[3:] if self.value.shape[2] > 1 else (1, 1)
        value = self.value.permute(1, 0, 2, 3)[None]
        resized = F.interpolate(value, (found.shape[1], *cells), mode="trilinear", align_corners=False)
        return self.gain * ccr(resized.transpose(1, 2))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, whole or not at all."""
        save_tensors(
            path,
            {"value": self.value, "channels": self.channels},
            {
                "kind": "moft reference",
                **{k: getattr(self, k) for k in ("layer", "scale", "timestep", "strength", "gain", "made")},
            },
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FromClip:
        """Read what `save` wrote. Raises RequestError for anything else."""
        tensors, notes = load_tensors(path, "moft reference")
        known = {k: notes[k] for k in ("layer", "scale", "timestep", "strength", "made")}
        return cls(**tensors, gain=notes.get("gain", 1.0), **known)


def from_clip(
    pipe: Any,
    video: np.ndarray,
    *,
    statistics: Statistics | None = None,
    region: np.ndarray | None = None,
    onto: np.ndarray | None = None,
    per_position: bool = False,
    invert: bool = False,
    calibrated: bool = True,
    timestep: int | None = None,
    strength: float = 1.0,
    steps: tuple[float, float] | None = None,
    seed: int = 0,
) -> FromClip:
    """MOFT of a clip, to steer by.

    Args:
        video: uint8 (f h w 3), of the size at which the model samples.
        statistics: motion channels; None takes those known for the model.
        region: where to look in the clip, (h w) or (f h w) in 0…1; None the whole frame.
        onto: the region that it is to steer, likewise; counts with `per_position` alone.
        per_position: keep every position (paper, Eq. 3) instead of the region's mean (the release): then the clips'
            layouts should agree. The bounds of `region` are laid over those of `onto`, stretched if need be.
        invert: reach the timestep by inversion (`moft.models.inversion`) instead of adding noise to the clip and to it played
            backwards (`both_ways`).
        calibrated: take out by how much more, and how else, this clip's content answers to motion than the photographs that the
            response was found on (`own_answer`), so that the clip's own speed is asked. Not with `per_position` or `invert`,
            which ask for the feature as the paper has it, as False does.
        timestep: None takes that of the statistics.
        strength, steps: as of `Motion`.
    Raises:
        RequestError: wrong shape or dtype. BackboneError: inversion asked of a model that has none.
    """
    check_clip(video)
    statistics = statistics or find_statistics(pipe)
    t = statistics.timestep if timestep is None else timestep
    tap = Tap(pipe, statistics.layer, t)
    calibrated = calibrated and not (per_position or invert)
    read = inverted_features if invert else both_ways
    feature = motion_feature(read(tap, video[None], t, "", seed), statistics.channels).cpu()
    places = [None if mask is None else torch.as_tensor(mask) for mask in (region, onto)]
    if per_position:
        feature = laid_over(feature, *places)
    else:
        where = None if places[0] is None else at_cells(places[0], (feature.shape[1], *feature.shape[-2:]))
        feature = pool(feature, where)
        if calibrated:
            feature = in_common_units(feature, own_answer(tap, video, statistics, where, t, seed), statistics)
        feature = feature[..., None, None]
    made = {
        "from": "inverted" if invert else "noised",
        "calibrated": calibrated,
        "frames": len(video),
        "size": list(video.shape[1:3]),
    }
    return FromClip(
        feature[0].contiguous(),
        statistics.channels,
        statistics.layer,
        statistics.scale,
        t,
        strength,
        made,
        statistics.gain,
        steps,
    )


def own_answer(
    tap: Tap, video: np.ndarray, statistics: Statistics, where: Tensor | None, timestep: int, seed: int
) -> Tensor:
    """How a clip's content answers to motion, (2 2): the displacement that its MOFT shows for one along x (first column) or y.

    1 would be an answer like that of the photographs that the response was found on. Read off the clip's middle frame,
    moved at a known speed.
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
    """A pooled MOFT (b f k) as it would be if the content answered as the photographs did: the displacement that it shows is
    solved for what would show so, with `_DOUBT` for content that hardly answers."""
    shown = statistics.displacement(feature)
    solved = torch.linalg.solve(
        answer.mT @ answer + _DOUBT * torch.eye(2), (shown @ answer + _DOUBT * shown).mT
    ).mT
    return solved @ statistics.response.T


def check_clip(video: np.ndarray) -> None:
    """Raise RequestError unless this is a clip, uint8 (f h w 3) of two frames or more."""
    if video.dtype != np.uint8 or video.ndim != 4 or video.shape[-1] != 3 or len(video) < 2:
        raise RequestError(f"expected a clip uint8 (f h w 3), f ≥ 2, got {video.dtype} {video.shape}")


def synthesise(motion: Motion, statistics: Statistics) -> Synthesised:
    """The wanted feature for `motion` from a model's statistics."""
    return Synthesised(motion, statistics)
