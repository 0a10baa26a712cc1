"""Which channels of a model follow motion, and how: found once from synthetic pans (paper, Sec. 3.2).

How much each changes per unit of displacement, and between which values it moves, goes into a file of a few
kilobytes with its provenance.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.errors import RequestError
from moft.feature.checks import check_channels, check_floats, check_gain, check_made, check_place
from moft.feature.definition import ccr, check_share, motion_channels, pool
from moft.feature.kept import Kept, Shape, Track, parted, pieces
from moft.feature.read import at_once, noised_features
from moft.media.tensors import load_as, save_tensors
from moft.models.pipeline import usual_level
from moft.models.tap import Tap
from moft.provenance import digest_of
from moft.request.motion import Motion
from moft.types import ClipSize

STATISTICS_FILE = "motion_channels.safetensors"


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Motion channels of one model and layer, and how they respond to motion.

    Raises RequestError for no channels, numbers that are not finite, and shapes that do not go together.
    """

    channels: Tensor  # (k,) which of the layer's
    # (k 2) change of the feature per displacement of one shorter side, right and down
    response: Tensor = dataclasses.field(repr=False)
    # (k,) least and greatest value seen over the pans, but for the outer hundredths
    low: Tensor = dataclasses.field(repr=False)
    high: Tensor = dataclasses.field(repr=False)
    layer: str  # submodule of the denoiser that the feature is read from
    timestep: int  # noise level, 0…1000, at which it was read
    model: str
    # provenance: command, versions, scores
    made: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    gain: float = 1.0  # targets are this much larger, so that clips move as fast as asked (`moft calibrate`)
    # (f c f 2) of all channels of the layer: `moft.feature.courses`
    courses: Tensor | None = dataclasses.field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_channels(self.channels)
        count = len(self.channels)
        check_floats("response", self.response, (count, 2))
        check_floats("low", self.low, (count,))
        check_floats("high", self.high, (count,))
        check_place(self.layer, self.timestep)
        check_gain("gain", self.gain)
        if self.courses is not None:
            check_floats("courses", self.courses, (None, None, len(self.courses), 2))
        check_made(self.made)

    @property
    def scale(self) -> float:
        """Typical size of the feature (half its range), so that losses compare across models."""
        return float((self.high - self.low).mean() / 2)

    def displacement(self, feature: Tensor) -> Tensor:
        """What a MOFT (… k) shows, (… 2) in shorter sides, right and down: least squares on the response."""
        return feature @ torch.linalg.pinv(self.response).T

    @property
    def digest(self) -> str:
        """Of the numbers that steering uses, not of the file that they were in: "sha256:…"."""
        tensors = [self.channels, self.response, self.low, self.high]
        tensors += [] if self.courses is None else [self.courses]
        return digest_of([self.layer, self.timestep, self.gain, *(tensor.tolist() for tensor in tensors)])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, whole or not at all."""
        tensors = {name: getattr(self, name) for name in _TENSORS}
        if self.courses is not None:
            tensors["courses"] = self.courses
        save_tensors(path, tensors, {"kind": _KIND} | {name: getattr(self, name) for name in _NOTES})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Statistics:
        """Read what `save` wrote.

        Raises:
            RequestError: anything else, or nothing there.
        """
        return load_as(cls, path, _KIND, _TENSORS, _NOTES, later=["gain"], perhaps=["courses"])


_KIND = "moft statistics"
_TENSORS = ("channels", "response", "low", "high")
_NOTES = {"layer": str, "timestep": int, "model": str, "gain": float, "made": dict[str, Any]}


def find_motion_channels(
    pipe: Any,
    clips: Sequence[tuple[np.ndarray, Motion]],
    *,
    layer: str | None = None,
    timestep: int | None = None,
    share: float = 0.04,
    model: str = "",
    kept: Kept | None = None,
    track: Track = iter,
) -> Statistics:
    """Motion channels and their response, from clips of known motion (paper, Sec. 3.2).

    Channels: largest weight in the first two principal components of first-frame CCR features, pooled over
    the frame; the paper uses the first, but horizontal and vertical motion need one each. Response: least
    squares of the pooled MOFT on the displacement against its mean over the frames.

    Args:
        pipe: a diffusers video pipeline of a known family.
        clips: uint8 (f h w 3), all of one size, and how each moves (`moft.known.pans`, which makes each as it
            is asked for). Each gets noise of its own, so how many are read at once changes nothing.
        layer: submodule of the denoiser to read; None is the family's default.
        timestep: noise level to look at, 1…999; None is `moft.models.pipeline.usual_level`.
        share: share of the layer's channels to keep, in (0, 1].
        model: its name, for the record.
        kept: where to keep what was read until all is.
        track: wraps the loop over what is still to be read, to show progress.
    Raises:
        RequestError: an impossible share, or fewer than two clips.
        BackboneError: unknown pipeline or layer, or features that cannot be read.
    """
    check_share(share)
    if len(clips) < 2:
        raise RequestError(f"expected at least 2 clips that pan, got {len(clips)}; see `moft.known.pans`")
    timestep = usual_level(pipe) if timestep is None else timestep
    tap = Tap(pipe, layer, timestep)
    feature, path = _read(tap, clips, timestep, kept, track)
    channels = motion_channels(feature[:, 0], share, components=2)
    value = feature[..., channels].flatten(0, 1)
    response = response_of(path.flatten(0, 1), value)
    low, high = value.quantile(0.01, 0), value.quantile(0.99, 0)
    return Statistics(channels, response, low, high, tap.layer, timestep, model)


def response_of(path: Tensor, value: Tensor) -> Tensor:
    """How a feature (n k) answers to the displacement (n 2) that it was seen at: (k 2), by least squares.

    In float64: in float32 the last digit depends on where in memory the numbers lie, and one search that was
    stopped and gone on with would not find what another does."""
    return torch.linalg.lstsq(path.double(), value.double()).solution.T.to(value.dtype).contiguous()


def _read(
    tap: Tap, clips: Sequence[tuple[np.ndarray, Motion]], timestep: int, kept: Kept | None, track: Track
) -> tuple[Tensor, ...]:
    """Of each clip the CCR feature's mean over the frame (n f c), and how far it has moved (n f 2)."""
    size = ClipSize.of(clips[0][0])
    parts = parted(len(clips), at_once(tap, size))

    def read(part: int) -> dict[str, Tensor]:
        some = [clips[i] for i in parts[part]]
        videos = np.stack([video for video, _ in some])
        seen = pool(ccr(noised_features(tap, videos, timestep, seed=parts[part]))).cpu()
        path = torch.stack([latent_path(motion, size, seen.shape[1]) for _, motion in some])
        return {"seen": seen, "path": path}

    def shapes(part: int) -> dict[str, Shape]:
        return {"seen": (len(parts[part]), None, None), "path": (len(parts[part]), None, 2)}

    names = [("pans", tap.layer, timestep, part.start, part.stop) for part in parts]
    found = pieces(names, read, shapes, kept, track)
    return tuple(torch.cat([piece[name] for piece in found]) for name in ("seen", "path"))


def latent_path(motion: Motion, size: ClipSize, frames: int) -> Tensor:
    """Displacement (f 2) in shorter sides at each latent frame, against its mean over the frames."""
    path = torch.tensor(motion.displacement(size)) / size.side
    path = F.interpolate(path.T[None], size=frames, mode="linear", align_corners=True)[0].T
    return path - path.mean(0)


def statistics_path(pipe: Any) -> Path:
    """Where the statistics of a pipeline's model are kept: beside a local model, else in the user's cache."""
    config = getattr(pipe, "config", {})  # of pipelines of blocks, which have no name_or_path
    return channels_file(str(getattr(pipe, "name_or_path", None) or config.get("_name_or_path") or ""))


def channels_file(name: str) -> Path:
    """The same of a model by its folder or its hub id."""
    if name and Path(name).is_dir():
        return Path(name) / STATISTICS_FILE
    cache = Path(os.environ.get("MOFT_HOME", Path.home() / ".cache" / "moft"))
    return cache / (name.replace("/", "--") or "unnamed") / STATISTICS_FILE


def find_statistics(pipe: Any) -> Statistics:
    """The statistics shipped with or computed for this pipeline's model.

    Raises:
        RequestError: there are none.
    """
    path = statistics_path(pipe)
    if not path.exists():
        raise RequestError(
            f"no motion channels are known for this model (looked for {path}); compute them once with "
            "`moft channels --model …`, or pass statistics="
        )
    return Statistics.load(path)
