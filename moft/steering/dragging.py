"""Point drag: what lies at points of the first frame is taken along trajectories, early by MOFT, later by
DIFT (paper, Sec. 3.4).

Points are as of `moft.request.drag.Drag`: (x, y) in px, x right, y down, (0, 0) the centre of the first
pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.errors import RequestError
from moft.feature.losses import EPSILON
from moft.feature.points import at_points
from moft.feature.statistics import Statistics, find_statistics
from moft.feature.target import Synthesised
from moft.models.tap import Tap
from moft.request.drag import Drag
from moft.request.motion import Motion
from moft.steering.carry import Keep
from moft.steering.guide import Guide
from moft.steering.loop import Change, Steering
from moft.steering.objective import STEP, Follow, Look, Objective
from moft.steering.recording import Recording
from moft.steering.settings import Settings
from moft.steering.told import Report
from moft.types import ClipSize

SCHEDULE = (0.0, 8 / 25), (7 / 25, 21 / 25)  # Eq. 9: of 25 steps counted down, 25…18 and 18…5
LOSSES = ("moft", "dift")
LATE = 1 / 3  # of the step size, in the second part: details are drawn then, and break sooner
RADIUS = 3 / 8  # shorter sides: how far around a point the picture goes with it


def trajectories(drag: Drag, size: ClipSize) -> npt.NDArray[np.float64]:
    """Where each point should be in each frame of a clip of this size: (n f 2) px.

    points: as of `Drag`, f positions each at most; f of them are the whole trajectory.
    Raises RequestError, naming the point, for anything else and for what is outside the picture.
    """
    wanted = []
    for number, path in enumerate(drag.points, 1):
        if len(path) > size.frames:
            _refuse(
                f"1 to {size.frames} positions, as the clip has frames", len(path), number, "leave some out"
            )
        outside = [
            at for at in path if not (-0.5 <= at[0] < size.width - 0.5 and -0.5 <= at[1] < size.height - 0.5)
        ]
        if outside:
            _refuse(
                f"positions inside the picture of {size.width} x {size.height} px",
                outside[0],
                number,
                "move it inside",
            )
        moments = np.linspace(0, len(path) - 1, size.frames)
        wanted.append(
            np.stack([np.interp(moments, range(len(path)), axis) for axis in zip(*path, strict=True)], -1)
        )
    return np.stack(wanted)


def _refuse(expected: str, received: object, number: int, remedy: str) -> None:
    raise RequestError(f"point {number}: expected {expected}; received {received!r:.200}; {remedy}")


@dataclass(frozen=True)
class Pull(Objective):
    """What surrounds a point in the first frame should be around it in every frame (DIFT, Eq. 4)."""

    tracks: Tensor  # (n f 2) px: the point and what goes with it

    def loss(self, look: Look) -> Tensor:
        """Eq. 4, Σ_{f≥2} ‖D(p_f) − stopgrad D(p_1)‖, as the mean over frames, over the point and those around
        it, and over clips; in units of the size of D(p_1). Where a track is outside the picture it asks
        nothing."""
        features, size = look.features, look.size
        tracks = at_frames(self.tracks, features.shape[1]).to(features)
        found = at_points(features, tracks, size)  # (b n f c)
        first = found[:, :, :1].detach()
        apart = ((found[:, :, 1:] - first).square().sum(-1) + EPSILON).sqrt()
        inside = ((tracks >= -0.5) & (tracks < tracks.new_tensor([size.width, size.height]) - 0.5)).all(-1)
        seen = (inside[:, 1:] & inside[:, :1]).to(apart)  # the point itself always is
        return (
            (apart * seen).sum()
            / seen.sum()
            / len(features)
            / (first.square().sum(-1).mean() + EPSILON).sqrt()
        )


def dragging(
    pipe: Any,
    drag: Drag,
    *,
    statistics: Statistics | None = None,
    layer: str | None = None,
    losses: tuple[str, str] = LOSSES,
    settings: Settings | None = None,
    plain: Recording | None = None,
) -> Steering:
    """A steering that drags points, not yet attached: early by one loss, later by the other (Eq. 9); in the
    one step of 25 that has both, one works after the other, each behind its own layer.

    Args:
        statistics: motion channels of this model; None takes those shipped with or computed for it.
        layer: where to read DIFT; None is the family's default layer.
        losses: what guides in the early and in the later steps, "moft" or "dift" each.
        settings: the step size is that of the early steps, the later ones take a third of it. `steps`,
            `loss`, `fused`, `keep_keys`, `carry` and `warp_noise` have no say here and must be left out.
        plain: with it, what is further from the points than the radius stays as it was, and pulls them back
            (docs/lab/drag.md).
    Raises:
        RequestError: unknown losses, other settings; in the pipeline's first step, what depends on the clip's
            size: positions outside the picture or more than frames.
    """
    settings = settings or Settings()
    _check_settings(losses, settings)
    statistics = statistics or find_statistics(pipe)
    taps = {
        "moft": Tap(pipe, statistics.layer, statistics.timestep),
        "dift": Tap(pipe, layer, statistics.timestep),
    }
    report, changes = Report(), list[Change]()
    phases = [
        cache(partial(_asked, drag, loss == "moft", statistics, taps[loss].layer, share))
        for loss, share in zip(losses, SCHEDULE, strict=True)
    ]
    size = STEP if settings.step_size is None else settings.step_size
    if size > 0:
        for loss, phase, step in zip(losses, phases, (1.0, LATE), strict=True):
            own = replace(settings, step_size=step * size)
            changes.append(Guide(taps[loss], phase, own, report))
        if plain:
            changes.append(Keep(phases[0], plain, settings.keep))
    return Steering(taps["moft"], phases[0], changes, report, plain)


def _check_settings(losses: tuple[str, str], settings: Settings) -> None:
    if len(losses) != 2 or not set(losses) <= set(LOSSES):
        raise RequestError(
            f'expected two losses, each "moft" or "dift"; received {losses!r:.200}; leave them out for Eq. 9'
        )
    own = ("steps", "loss", "fused", "keep_keys", "carry", "warp_noise")
    if any(getattr(settings, name) for name in own):
        raise RequestError(
            "expected settings without steps, loss, fused, keep_keys, carry and warp_noise, "
            "which dragging decides itself; leave them out"
        )


def _asked(
    drag: Drag, early: bool, statistics: Statistics, layer: str, steps: tuple[float, float], size: ClipSize
) -> list[Objective]:
    """What one loss asks of each point of a clip of this size, in these steps."""
    radius = drag.radius or RADIUS * size.side
    objectives: list[Objective] = []
    for path in trajectories(drag, size):
        region = torch.from_numpy(discs(path, radius, size))
        if early:
            motion = Motion(path=tuple((x, y) for x, y in ((path - path[0]) / size.side).tolist()))
            target = Synthesised(motion, statistics)
            objectives.append(
                Follow(layer, statistics.timestep, region=region, steps=steps, target=target, kind="region")
            )
        else:
            tracks = torch.from_numpy(path + around(radius / 3)[:, None])
            objectives.append(Pull(layer, statistics.timestep, region=region, steps=steps, tracks=tracks))
    return objectives


def discs(path: npt.NDArray[np.float64], radius: float, size: ClipSize) -> npt.NDArray[np.float32]:
    """(f h w) in 0…1: in each frame what lies within `radius` px of the path (f 2), with a soft edge of one
    pixel."""
    y, x = np.mgrid[: size.height, : size.width]
    apart = np.hypot(x - path[:, 0, None, None], y - path[:, 1, None, None])
    return np.clip(radius + 0.5 - apart, 0, 1).astype(np.float32)


def around(radius: float) -> npt.NDArray[np.float64]:
    """(n 2) px: offsets within `radius` of a point, itself among them, two to a radius on each axis."""
    steps = np.linspace(-radius, radius, 5)
    offsets = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    return offsets[np.hypot(*offsets.T) <= radius * (1 + 1e-9)]


def at_frames(tracks: Tensor, frames: int) -> Tensor:
    """Tracks (n f 2) at the moments of so many latent frames."""
    return F.interpolate(tracks.transpose(1, 2), size=frames, mode="linear", align_corners=True).transpose(
        1, 2
    )
