"""What the whole curves of a layer say of a place's whole course: that it turns back, speeds up, shakes.

Single channels answer to a steady pan and hardly to a change of speed, so a target made of their response
looks much the same for both. All channels of a layer at all frames together say more
([Motion as a field](docs/lab/field.md)): a ridge regression, found once from clips that go every way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.errors import RequestError
from moft.feature.definition import ccr
from moft.feature.kept import Kept, Shape, Track, parted, pieces
from moft.feature.losses import BLOCKS
from moft.feature.read import at_once, noised_features
from moft.field.field import Field
from moft.known.filmed import Filmed
from moft.models.tap import Tap
from moft.types import ClipSize

TIMESTEP = 100  # at which clips are read: changes of speed are lost in more noise
_RIDGE = 0.1  # of the features' mean square


def find_courses(
    pipe: Any,
    draw: Callable[[int], Filmed],
    count: int,
    layer: str,
    *,
    kept: Kept | None = None,
    track: Track = iter,
) -> Tensor:
    """How far a place went at each frame, for the MOFT of all channels there at all frames: (f c f 2), in
    shorter sides.

    Args:
        pipe: a diffusers video pipeline of a known family.
        draw: a clip for each number, all of one size, with its exact motion (`moft.known.filmed.journey`).
        count: how many; some hundreds.
        layer: submodule of the denoiser to read.
        kept: where to keep what was read until all is.
        track: wraps the loop over what is still to be read, to show progress.
    Raises:
        RequestError: no clips. BackboneError: a layer that cannot be read.
    """
    if count < 1:
        raise RequestError(f"expected clips to find courses from, one or more, got {count}")
    tap = Tap(pipe, layer, TIMESTEP)
    parts = parted(count, at_once(tap, ClipSize.of(draw(0).video)))

    def read(part: int) -> dict[str, Tensor]:
        some = [draw(i) for i in parts[part]]
        videos = np.stack([clip.video for clip in some])
        seen = _blocks(ccr(noised_features(tap, videos, TIMESTEP, seed=parts[part]))).cpu()  # (b f c r r)
        path = torch.stack([_path(clip, *seen.shape[1:2], *seen.shape[3:]) for clip in some])
        return {"seen": seen, "path": path}

    def shapes(part: int) -> dict[str, Shape]:
        return {"seen": (len(parts[part]), *[None] * 4), "path": (len(parts[part]), *[None] * 3, 2)}

    names = [("courses", tap.layer, TIMESTEP, part.start, part.stop) for part in parts]
    found = pieces(names, read, shapes, kept, track)
    feature = torch.cat([piece["seen"] for piece in found]).permute(0, 3, 4, 1, 2)  # (n r r f c)
    path = torch.cat([piece["path"] for piece in found])  # (n r r f 2)
    weight = _ridge(feature.flatten(0, 2).flatten(1), path.flatten(0, 2).flatten(1))
    return weight.view(*feature.shape[3:], *path.shape[3:])


def course_of(feature: Tensor, courses: Tensor) -> Tensor:
    """The displacement (b f 2 h w) in shorter sides that a MOFT (b f c h w) of all channels shows, at the
    frames that the courses have.

    Raises RequestError for a layer of another number of channels."""
    frames, channels = courses.shape[:2]
    if feature.shape[2] != channels:
        raise RequestError(
            f"expected a layer of {channels} channels, as the courses are of, got {feature.shape[2]}: they "
            "are another model's; find its own with `moft channels`"
        )
    if feature.shape[1] != frames:
        feature = ccr(_in_time(feature, frames))
    return torch.einsum("bfchw,fcga->bgahw", feature, courses.to(feature))


def _in_time(feature: Tensor, frames: int) -> Tensor:
    """(b f c h w) at other frames of the same time."""
    series = feature.permute(0, 2, 3, 4, 1)
    resized = F.interpolate(series.flatten(0, 3)[:, None], frames, mode="linear", align_corners=True)
    return resized[:, 0].view(*series.shape[:4], frames).permute(0, 4, 1, 2, 3)


def _blocks(feature: Tensor) -> Tensor:
    """The means of (b f c h w) over blocks of the frame, where noise is less: (b f c r r)."""
    height, width = (min(BLOCKS, n) for n in feature.shape[-2:])
    return F.adaptive_avg_pool2d(feature.flatten(0, 1), (height, width)).unflatten(0, feature.shape[:2])


def _path(clip: Filmed, frames: int, rows: int, columns: int) -> Tensor:
    """(r r f 2) in shorter sides."""
    side = min(clip.video.shape[1:3])
    field = Field.of_steps(clip.steps.astype(float) / side).resized(frames, rows, columns)
    return torch.from_numpy(field.displacement).float().permute(1, 2, 0, 3)


def _ridge(x: Tensor, y: Tensor) -> Tensor:
    """The weights (p q) by which x (n p) says y (n q), from the smaller of both systems."""
    n, p = x.shape
    bend = _RIDGE * x.square().sum() / p
    if p <= n:
        return torch.linalg.solve(x.T @ x + bend * torch.eye(p), x.T @ y)
    return x.T @ torch.linalg.solve(x @ x.T + bend * torch.eye(n), y)
