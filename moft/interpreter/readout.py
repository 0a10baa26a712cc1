"""Where is the motion? Linear read-outs from MOFT to px per frame, for every cell of every frame.

Beyond the paper. MOFT follows the displacement against the clip's mean, so the velocity at a frame is a
difference of what it says at several frames: the read-out takes the whole curve of a cell, all its channels
over all frames, and gives the motion of that cell at each frame. Ridge regression in closed form, fitted on
clips of exactly known flow.

What moves slowly is read well, what moves fast is not. So a clip is read twice, as Lucas and Kanade (1981)
refine a displacement: as it is, then steadied on each of the few velocities that were found, by a second map
that was fitted on what then hardly moves. Of these readings, each pixel takes the one by which it moves
least.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.errors import RequestError
from moft.feature.checks import MOST_SIDE, check_channels, check_floats, check_number, check_place
from moft.feature.definition import motion_feature
from moft.feature.statistics import statistics_path
from moft.interpreter.viewpoint import Tell, Viewpoint
from moft.known import clips as known
from moft.known.camera import along
from moft.media.tensors import load_as, save_tensors
from moft.provenance import command, versions
from moft.types import ClipSize

READOUT_FILE = "motion_readout.safetensors"
STEADY = 3 / 64  # shorter sides a frame; the second map is fitted on cells that move less
_KIND = "moft motion read-out 2"
_TENSORS = ("weight", "bias", "channels")
_NOTES = {"layer": str, "timestep": int, "frames": int, "made": dict[str, Any]}
_MOST_INPUTS = 2048  # the fit solves for a square matrix of them
_VELOCITIES = 4  # of a clip, on which it is steadied
_FEWEST = 0.02  # of the readings; what fewer agree on is no velocity of its own
_MOST = 1024  # readings that are compared with each other
_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)  # of the inputs' variance


@dataclasses.dataclass(frozen=True)
class Readout:
    """Linear maps from the curves of a cell to its motion, with their provenance: of a clip as it is, and of
    one that is steadied."""

    weight: Tensor  # (2, frames * channels, frames * 2), to shorter sides a frame
    bias: Tensor  # (2, frames * 2)
    channels: Tensor  # (k,) of the layer's
    layer: str
    timestep: int  # of the features it was fitted on
    frames: int  # latent frames
    made: dict[str, Any] = dataclasses.field(default_factory=dict)  # model, clips, penalty, command, versions

    def __post_init__(self) -> None:
        check_channels(self.channels)
        check_number("frames", self.frames, 1, MOST_SIDE)
        check_floats("weight", self.weight, (2, self.frames * len(self.channels), self.frames * 2))
        check_floats("bias", self.bias, (2, self.frames * 2))
        check_place(self.layer, self.timestep)

    def cells(self, feature: Tensor, size: ClipSize, steadied: bool = False) -> Tensor:
        """Plain features (b f c h w) of the layer → flow (b f h w 2) of each cell, px a frame of a clip of
        this size, read once.

        Raises:
            RequestError: other frames than it was fitted on.
        """
        if feature.shape[1] != self.frames:
            raise RequestError(
                f"expected features of {self.frames} frames, on which the read-out was fitted, "
                f"got {feature.shape[1]}; fit one anew"
            )
        rows = curves(motion_feature(feature, self.channels))
        flow = rows @ self.weight[int(steadied)].to(rows) + self.bias[int(steadied)].to(rows)
        b, f, _, h, w = feature.shape
        return flow.view(b, h, w, f, 2).permute(0, 3, 1, 2, 4) * size.side

    def flow(self, videos: np.ndarray, features_of: Callable[[np.ndarray], Tensor]) -> Tensor:
        """Clips uint8 (b f h w 3) → flow (b f h w 2) of every pixel, px a frame.

        Args:
            features_of: clips → plain features (b f c h w) of the layer; called five times.
        Raises:
            RequestError: other frames than it was fitted on.
        """
        size = ClipSize(*videos.shape[1:4])
        first = self.cells(features_of(videos), size)
        velocities = torch.stack([main_velocities(c.flatten(0, 2), size.side, _VELOCITIES) for c in first])
        best, least = enlarged(first, size), torch.full(videos.shape[:4], torch.inf)
        for velocity in velocities.unbind(1):
            still = along(torch.from_numpy(videos).float(), velocity).round().clamp(0, 255).byte().numpy()
            cells = self.cells(features_of(still), size, steadied=True)
            rest = along(enlarged(cells, size), velocity, back=True)
            speed = rest.norm(dim=-1)
            best = torch.where((speed < least)[..., None], rest + velocity[:, None, None, None], best)
            least = torch.minimum(least, speed)
        return best

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, whole or not at all."""
        tensors, notes = ({name: getattr(self, name) for name in names} for names in (_TENSORS, _NOTES))
        save_tensors(path, tensors, {"kind": _KIND, **notes})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Readout:
        """Read what `save` wrote. Raises RequestError for anything else."""
        return load_as(cls, path, _KIND, _TENSORS, _NOTES)


def curves(feature: Tensor) -> Tensor:
    """MOFT (b f k h w) → one row a cell (b*h*w, f*k)."""
    return feature.flatten(1, 2).permute(0, 2, 3, 1).flatten(0, 2)


def enlarged(cells: Tensor, size: ClipSize) -> Tensor:
    """Flow of cells and latent frames (b f h w 2) → of pixels and frames, linearly between their centres."""
    whole = cells.permute(0, 4, 1, 2, 3)
    sides = (whole.shape[2], size.height, size.width)
    whole = F.interpolate(whole, sides, mode="trilinear", align_corners=False)
    if whole.shape[2] != size.frames:  # the first and the last latent frame stand for the clip's own
        b, two, f, h, w = whole.shape
        line = whole.permute(0, 1, 3, 4, 2).reshape(b, -1, f)
        line = F.interpolate(line, size.frames, mode="linear", align_corners=True)
        whole = line.view(b, two, h, w, size.frames).permute(0, 1, 4, 2, 3)
    return whole.permute(0, 2, 3, 4, 1)


def main_velocities(velocities: Tensor, side: int, count: int = 4) -> Tensor:
    """The velocities at which most readings agree, the commonest first: each the mean of the largest ball of
    readings that are left, whose radius is 1/80 of the shorter side and an eighth of its own length, since
    fast is read less exactly.

    Args:
        velocities: (n 2), x right, y down, in px a frame.
        side: the clip's shorter side, px.
    Returns:
        (count 2); where fewer stand out, the first again.
    """
    left = velocities[:: max(1, len(velocities) // _MOST)]
    least, centres = _FEWEST * len(left), list[Tensor]()
    while len(centres) < count and len(left) and len(left) >= least:
        inside = torch.cdist(left, left) < _radius(left, side)[:, None]
        centre = left[inside[int(inside.sum(1).argmax())]].mean(0)
        centres.append(centre)
        left = left[(left - centre).norm(dim=-1) > _radius(centre, side)]
    return torch.stack(centres + centres[:1] * (count - len(centres)))


def _radius(velocity: Tensor, side: int) -> Tensor:
    return side / 80 + velocity.norm(dim=-1) / 8


# ---------------------------------------------------------------- fitting


def fit(
    moving: Iterable[tuple[Tensor, Tensor]],
    steadied: Iterable[tuple[Tensor, Tensor]],
    channels: Tensor,
    layer: str,
    timestep: int,
    size: ClipSize,
    made: dict[str, Any] | None = None,
) -> Readout:
    """Ridge regression of the flow on the curves, for clips as they are and for steadied ones.

    Args:
        moving, steadied: batches of plain features (b f c h w) of the layer, and the flow (b f h w 2) of
            their cells, px a frame of clips of this size; two batches or more of each. Of the steadied, cells
            count that move less than `STEADY`.
        channels: (k,) of the layer's, to read.
        made: provenance, kept with the maps.
    Raises:
        RequestError: fewer than two batches.
    """
    first, again = _ridge(moving, channels, size), _ridge(steadied, channels, size, STEADY)
    weight, bias = (torch.stack(pair).float() for pair in zip(first[:2], again[:2], strict=True))
    notes = {**(made or {}), "penalty": [first[2], again[2]]}
    return Readout(weight, bias, channels, layer, timestep, weight.shape[2] // 2, notes)


def _ridge(
    batches: Iterable[tuple[Tensor, Tensor]], channels: Tensor, size: ClipSize, fastest: float = torch.inf
) -> tuple[Tensor, Tensor, float]:
    """Weight, bias and penalty, which is chosen on every fourth batch; then all are used."""
    sums: list[Any] = [None, None]  # to fit, to choose by
    count = 0
    for count, (feature, flow) in enumerate(batches, 1):
        x = curves(motion_feature(feature, channels)).double()
        y = flow.permute(0, 2, 3, 1, 4).flatten(0, 2).double() / size.side  # (rows f 2)
        slow = y.norm(dim=-1).amax(1) < fastest
        some = _sums(x[slow], y[slow].flatten(1))
        part = int(count % 4 == 2)
        sums[part] = some if sums[part] is None else [a + b for a, b in zip(sums[part], some, strict=True)]
    if count < 2:
        raise RequestError(f"expected two batches of clips or more to fit on, got {count}")
    penalty = min(_PENALTIES, key=lambda p: _error(sums[1], *_solve(sums[0], p)))
    return *_solve([a + b for a, b in zip(*sums, strict=True)], penalty), penalty


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


def find_readout(viewpoint: Viewpoint, fitting: int, folder: Path, tell: Tell) -> Readout:
    """That of an earlier run on the same weights, in a folder or beside the model, or one fitted now on
    `fitting` clips; kept in the folder."""
    path = folder / READOUT_FILE
    for kept in (path, statistics_path(viewpoint.model.pipe).with_name(READOUT_FILE)):
        if kept.exists():
            with suppress(RequestError):  # of another version, or broken
                readout = Readout.load(kept)
                of = (readout.made.get("weights"), readout.made.get("clips"))
                if of == (viewpoint.fingerprint, fitting):
                    readout.save(path)
                    return readout
    tell(f"fitting the read-out on {fitting} clips")
    readout = fit_readout(viewpoint, fitting)
    readout.save(path)
    return readout


def fit_readout(viewpoint: Viewpoint, n: int) -> Readout:
    """A read-out of a model, fitted on `n` clips of training textures and photographs: as they are, and
    steadied. It reads all channels of the layer, or the motion channels alone where all would be too many."""
    size, batch = viewpoint.size, min(viewpoint.together, max(1, n // 2))

    def batches(
        change: Callable[[known.KnownClips, int], known.KnownClips],
    ) -> Iterator[tuple[Tensor, Tensor]]:
        endless = known.object_batches(batch, size, known.FITTING_SEED, photos=0.3)
        for start, clips in zip(range(0, n, batch), endless, strict=False):
            clips = change(clips, start)
            feature = viewpoint.features(clips.video, start)
            yield feature, clips.cells(feature)

    few = size.frames * viewpoint.width <= _MOST_INPUTS
    channels = torch.arange(viewpoint.width) if few else viewpoint.statistics.channels
    made = {
        "model": viewpoint.model.name,
        "command": command(),
        "versions": versions(),
        "weights": viewpoint.fingerprint,
        "clips": n,
    }
    moving, steadied = batches(lambda clips, _: clips), batches(known.steadied)
    return fit(moving, steadied, channels, viewpoint.layer, viewpoint.timestep, size, made)


# ---------------------------------------------------------------- how well motion is read


@dataclasses.dataclass(frozen=True)
class FlowScore:
    """How far a flow is from the truth."""

    direction_cosine: float | None  # mean, where the truth moves; None where nothing does
    epe_px: float  # mean end-point error, px a frame
    epe_median_px: float
    zero_epe_px: float  # of saying that nothing moves, for comparison


def flow_score(flow: Tensor, true: Tensor, least: float) -> FlowScore:
    """Flows (… 2) in px a frame; the direction counts where the truth moves by `least` or more."""
    error, speed = (flow - true).norm(dim=-1), true.norm(dim=-1)
    moving = speed >= least
    cosine = F.cosine_similarity(flow, true, dim=-1)[moving]
    return FlowScore(
        float(cosine.mean()) if moving.any() else None,
        float(error.mean()),
        float(error.median()),
        float(speed.mean()),
    )
