"""Where is the motion? A small linear read-out from MOFT to px per frame, for every cell of every frame.

Beyond the paper. MOFT follows the displacement against the clip's mean, so the velocity at a frame is a difference of
what it says at several frames: the read-out takes the whole curve of a cell, all motion channels over all frames, and
gives the motion of that cell at each frame. Ridge regression in closed form, fitted on clips of exactly known flow.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from moft.errors import RequestError
from moft.feature import moft
from moft.reference import load_tensors, save_tensors
from moft.tap import ClipSize

READOUT_FILE = "motion_readout.safetensors"
_KIND = "moft motion read-out"
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)  # of the inputs' variance


@dataclasses.dataclass(frozen=True)
class Readout:
    """Linear map from the curves of a cell to its motion, with its provenance."""

    weight: Tensor  # (frames * channels, frames * 2), to shorter sides a frame
    bias: Tensor  # (frames * 2,)
    channels: Tensor  # (k,) of the layer's
    layer: str
    timestep: int  # of the features it was fitted on
    frames: int  # latent frames
    made: dict[str, Any] = dataclasses.field(default_factory=dict)  # model, clips, penalty, command, versions

    def cells(self, feature: Tensor, size: ClipSize) -> Tensor:
        """Plain features (b f c h w) of the layer → flow (b f h w 2) of each cell, px a frame of a clip of this size.

        Raises:
            RequestError: other frames than it was fitted on.
        """
        if feature.shape[1] != self.frames:
            raise RequestError(
                f"expected features of {self.frames} frames, on which the read-out was fitted, got {feature.shape[1]}; fit one anew"
            )
        rows = curves(moft(feature, self.channels))
        found = rows @ self.weight.to(rows) + self.bias.to(rows)
        b, f, _, h, w = feature.shape
        return found.view(b, h, w, f, 2).permute(0, 3, 1, 2, 4) * size.side

    def flow(self, feature: Tensor, size: ClipSize) -> Tensor:
        """Plain features (b f c h w) → flow (b frames height width 2) of every pixel, px a frame."""
        return enlarged(self.cells(feature, size), size)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, whole or not at all."""
        notes = {name: getattr(self, name) for name in ("layer", "timestep", "frames", "made")}
        save_tensors(path, {name: getattr(self, name) for name in ("weight", "bias", "channels")}, {"kind": _KIND, **notes})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Readout:
        """Read what `save` wrote. Raises RequestError for anything else."""
        tensors, notes = load_tensors(path, _KIND)
        return cls(**tensors, **{name: notes[name] for name in ("layer", "timestep", "frames", "made")})


def curves(feature: Tensor) -> Tensor:
    """MOFT (b f k h w) → one row a cell (b*h*w, f*k)."""
    return feature.flatten(1, 2).permute(0, 2, 3, 1).flatten(0, 2)


def enlarged(cells: Tensor, size: ClipSize) -> Tensor:
    """Flow of cells and latent frames (b f h w 2) → of pixels and frames, linearly between their centres."""
    whole = cells.permute(0, 4, 1, 2, 3)
    whole = F.interpolate(whole, (whole.shape[2], size.height, size.width), mode="trilinear", align_corners=False)
    if whole.shape[2] != size.frames:  # the first and the last latent frame stand for the clip's own
        b, two, f, h, w = whole.shape
        line = whole.permute(0, 1, 3, 4, 2).reshape(b, -1, f)
        line = F.interpolate(line, size.frames, mode="linear", align_corners=True)
        whole = line.view(b, two, h, w, size.frames).permute(0, 1, 4, 2, 3)
    return whole.permute(0, 2, 3, 4, 1)


def fit(
    batches: Iterable[tuple[Tensor, Tensor]], channels: Tensor, layer: str, timestep: int, size: ClipSize,
    made: dict[str, Any] | None = None, penalties: Sequence[float] = PENALTIES,
) -> Readout:
    """Ridge regression of the flow on the curves. The penalty is chosen on every fourth batch, then all are used.

    Args:
        batches: plain features (b f c h w) of the layer, and the flow (b f h w 2) of their cells, px a frame of clips of
            this size; two batches or more.
    Raises:
        RequestError: fewer than two batches.
    """  # fmt: skip
    sums: list[Any] = [None, None]  # to fit, to choose by
    frames, count = 0, 0
    for i, (feature, flow) in enumerate(batches):
        count, frames = i + 1, feature.shape[1]
        x = curves(moft(feature, channels)).double()
        y = flow.permute(0, 2, 3, 1, 4).flatten(0, 2).flatten(1).double() / size.side
        some = _sums(x, y)
        part = int(i % 4 == 1)
        sums[part] = some if sums[part] is None else [a + b for a, b in zip(sums[part], some, strict=True)]
    if count < 2:
        raise RequestError(f"expected two batches of clips or more to fit on, got {count}")
    penalty = min(penalties, key=lambda p: _error(sums[1], *_solve(sums[0], p)))
    weight, bias = _solve([a + b for a, b in zip(*sums, strict=True)], penalty)
    notes = {**(made or {}), "penalty": penalty, "rows": int(sums[0][0] + sums[1][0])}
    return Readout(weight.float(), bias.float(), channels, layer, timestep, frames, notes)


def _sums(x: Tensor, y: Tensor) -> list[Any]:
    """What least squares needs to know of rows: how many, their sums, and sums of products."""
    return [len(x), x.sum(0), y.sum(0), x.T @ x, x.T @ y, y.square().sum()]


def _solve(sums: Sequence[Any], penalty: float) -> tuple[Tensor, Tensor]:
    n, sx, sy, xx, xy, _ = sums
    x, y = sx / n, sy / n
    gram, cross = xx / n - torch.outer(x, x), xy / n - torch.outer(x, y)
    ridge = penalty * gram.diagonal().mean().clamp_min(1e-12)
    weight = torch.linalg.solve(gram + ridge * torch.eye(len(gram), dtype=gram.dtype), cross)
    return weight, y - x @ weight


def _error(sums: Sequence[Any], weight: Tensor, bias: Tensor) -> float:
    """Mean squared error, from the sums alone."""
    n, sx, sy, xx, xy, yy = sums
    fitted = (weight * (xx @ weight)).sum() + 2 * (bias * (sx @ weight)).sum() + n * bias.square().sum()
    return float((yy - 2 * (weight * xy).sum() - 2 * (bias * sy).sum() + fitted) / n)


@dataclasses.dataclass(frozen=True)
class FlowScore:
    """How far a flow is from the truth."""

    direction_cosine: float | None  # mean, where the truth moves; None where nothing does
    epe_px: float  # mean end-point error, px a frame
    epe_median_px: float
    zero_epe_px: float  # of saying that nothing moves, for comparison

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def flow_score(found: Tensor, true: Tensor, least: float) -> FlowScore:
    """Flows (… 2) in px a frame; the direction counts where the truth moves by `least` or more."""
    error, speed = (found - true).norm(dim=-1), true.norm(dim=-1)
    moving = speed >= least
    cosine = F.cosine_similarity(found, true, dim=-1)[moving]
    return FlowScore(float(cosine.mean()) if moving.any() else None, float(error.mean()), float(error.median()),
                     float(speed.mean()))  # fmt: skip


__all__ = ["READOUT_FILE", "FlowScore", "Readout", "curves", "enlarged", "fit", "flow_score"]
