"""Point drag: what lies at points of the first frame is taken along trajectories, early by MOFT, later by DIFT (paper, Sec. 3.4).

Points are as of `moft.request.drag.Drag`: (x, y) in px, x right, y down, (0, 0) the centre of the first pixel.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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
from moft.feature.target import synthesise
from moft.models.attach import Between, between_steps
from moft.models.tap import Call, Tap, serves
from moft.request.drag import Drag, Trajectory
from moft.request.motion import Motion
from moft.steering.guide import Steering, Target
from moft.steering.recording import Recording
from moft.steering.settings import Settings
from moft.types import ClipSize

SCHEDULE = (0.0, 8 / 25), (7 / 25, 21 / 25)  # Eq. 9: of 25 steps counted down, 25…18 and 18…5
LOSSES = ("moft", "dift")
LATE = 1 / 3  # of the step size, in the second part: details are drawn then, and break sooner
RADIUS = 3 / 8  # shorter sides: how far around a point the picture goes with it


def trajectories(points: Sequence[Trajectory], size: ClipSize) -> npt.NDArray[np.float64]:
    """Where each point should be in each frame of a clip of this size: (n f 2) px.

    points: as of `Drag`, f positions each at most; f of them are the whole trajectory.
    Raises RequestError, naming the point, for anything else and for what is outside the picture.
    """
    wanted = []
    for number, path in enumerate(_checked(points).points, 1):
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


def _checked(points: Any, radius: float | None = None) -> Drag:
    """Points in any sequences, as a request."""
    return Drag(tuple(points), radius)


def _refuse(expected: str, received: object, number: int, remedy: str) -> None:
    raise RequestError(f"point {number}: expected {expected}; received {received!r:.200}; {remedy}")


@dataclass(frozen=True)
class _Pull(Target):
    """A point made ready for DIFT: what surrounds it in the first frame should be around it in every frame."""

    tracks: Tensor = field(kw_only=True)  # (n f 2) px: the point and what goes with it

    def cost(self, features: Tensor, size: ClipSize) -> Tensor:
        """Eq. 4, Σ_{f≥2} ‖D(p_f) − stopgrad D(p_1)‖, as the mean over frames, over the point and those around it, and over clips;
        in units of the size of D(p_1). Where a track is outside the picture it asks nothing. features: (b f c h w)."""
        tracks = _at_frames(self.tracks, features.shape[1]).to(features)
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


class _Pulling(Steering):
    """Steering by DIFT instead of MOFT."""

    def _losses(self, features: Tensor, clip: ClipSize) -> list[Tensor]:
        """strength · `_Pull.cost` of each point that is due."""
        return [t.strength * t.cost(features, clip) for t in self._due if isinstance(t, _Pull)]


class Dragging(Between):
    """A pipeline in which points are dragged; made by `drag`. `report` tells what happened, `wanted` where the points
    should be, (n f 2) px, once the pipeline has made its first step."""

    def __init__(
        self,
        taps: Mapping[str, Tap],
        wanted: Drag,
        losses: tuple[str, str],
        statistics: Statistics,
        settings: Settings,
        plain: Recording | None,
    ) -> None:
        super().__init__(taps["moft"])
        self.request, self.statistics = wanted, statistics
        self.wanted: npt.NDArray[np.float64] | None = None
        self.phases = [
            (_Pulling if loss == "dift" else Steering)(
                taps[loss], [], replace(settings, step_size=step), plain
            )
            for loss, step in zip(losses, (settings.step_size, LATE * settings.step_size), strict=True)
        ]
        self.report = self.phases[0].report
        self.phases[1].report = self.report

    def next(self, latents: Tensor, index: int, calls: list[Call]) -> Tensor:
        """Guide the latents by one loss, by the other, one after the other, or not at all, as Eq. 9 says."""
        if self.wanted is None:
            self._lay_out(self.tap.clip_size(latents))
        for phase in self.phases:
            latents = phase.next(latents, index, calls)
        return latents

    def _lay_out(self, size: ClipSize) -> None:
        self.wanted = trajectories(self.request.points, size)
        for phase, steps in zip(self.phases, SCHEDULE, strict=True):
            phase.targets = [self._pull(path, size, steps) for path in self.wanted]

    def _pull(self, path: npt.NDArray[np.float64], size: ClipSize, steps: tuple[float, float]) -> _Pull:
        """What both losses ask of the point that goes this way (f 2), in these steps."""
        radius = self.request.radius or RADIUS * size.side
        motion = Motion(path=tuple((x, y) for x, y in ((path - path[0]) / size.side).tolist()))
        tracks = torch.from_numpy(path + _around(radius / 3)[:, None])
        return _Pull(
            synthesise(motion, self.statistics),
            discs(path, radius, size),
            1.0,
            "region",
            steps,
            tracks=tracks,
        )


def discs(path: npt.NDArray[np.float64], radius: float, size: ClipSize) -> npt.NDArray[np.float32]:
    """(f h w) in 0…1: in each frame what lies within `radius` px of the path (f 2), with a soft edge of one pixel."""
    y, x = np.mgrid[: size.height, : size.width]
    apart = np.hypot(x - path[:, 0, None, None], y - path[:, 1, None, None])
    return np.clip(radius + 0.5 - apart, 0, 1).astype(np.float32)


def _around(radius: float) -> npt.NDArray[np.float64]:
    """(n 2) px: offsets within `radius` of a point, itself among them, two to a radius on each axis."""
    steps = np.linspace(-radius, radius, 5)
    offsets = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    return offsets[np.hypot(*offsets.T) <= radius * (1 + 1e-9)]


def _at_frames(tracks: Tensor, frames: int) -> Tensor:
    """Tracks (n f 2) at the moments of so many latent frames."""
    return F.interpolate(tracks.transpose(1, 2), size=frames, mode="linear", align_corners=True).transpose(
        1, 2
    )


@contextmanager
def drag(
    pipe: Any,
    *points: Trajectory,
    radius: float | None = None,
    statistics: Statistics | None = None,
    layer: str | None = None,
    losses: tuple[str, str] = LOSSES,
    settings: Settings | None = None,
    plain: Recording | None = None,
    by_callback: bool = False,
) -> Iterator[Dragging]:
    """Drag points in whatever `pipe` samples inside the block; afterwards the pipeline is as it was.

        with drag(pipe, [(24, 32), (38, 32)], [(52, 10)]) as run:
            frames = pipe("green cells").frames[0]

    In the early steps MOFT around each point follows its trajectory; in the later ones DIFT there is pulled to that of the
    first frame (Eq. 4), as Eq. 9 divides them. In the one step that has both, one works after the other.

    Args:
        pipe: a diffusers video pipeline of a known family (`moft.models.families.FAMILIES`).
        points, radius: as of `moft.request.drag.Drag`; one trajectory each, in px of the video.
        statistics: motion channels of this model; None takes those shipped with or computed for it.
        layer: where to read DIFT; None is the family's default layer.
        losses: what guides in the early and in the later steps, "moft" or "dift" each.
        settings: see `Settings`; the step size is that of the early steps, the later ones take a third of it. `steps`, `loss`,
            `fused`, `keep_keys` and `carry` have no say here and must be left as they are.
        plain, by_callback: as for `steer`. With `plain`, what is further from the points than the radius stays as it was, and
            pulls them back (docs/steering.md).
    Raises:
        RequestError: no points, positions that are no finite numbers, a radius that is not positive, unknown losses, other settings; in the
            pipeline's first step, what depends on the clip's size: positions outside the picture or more than frames.
        BackboneError: as `steer`.
    """
    serves(pipe)
    wanted, settings = _checked(points, radius), settings or Settings()
    if len(losses) != 2 or not set(losses) <= set(LOSSES):
        raise RequestError(
            f'expected two losses, each "moft" or "dift"; received {losses!r:.200}; leave them out for Eq. 9'
        )
    if settings.steps or settings.loss or settings.fused or settings.keep_keys or settings.carry:
        raise RequestError(
            "expected settings without steps, loss, fused, keep_keys and carry, which dragging decides itself; leave them out"
        )
    statistics = statistics or find_statistics(pipe)
    taps = {
        "moft": Tap(pipe, statistics.layer, statistics.timestep),
        "dift": Tap(pipe, layer, statistics.timestep),
    }
    run = Dragging(taps, wanted, losses, statistics, settings, plain)
    started = time.perf_counter()
    with between_steps(run, by_callback):
        try:
            yield run
        finally:
            run.report.seconds = time.perf_counter() - started
