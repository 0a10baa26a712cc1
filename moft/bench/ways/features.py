"""Which feature carries motion? The ways of the paper's Table 1.

All read one layer, take the same guided steps, as many gradients and the same step size, and compare the
means of the quarters of the frame (but for SMM, which knows the whole frame's mean alone). From row to row
one thing differs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from moft.bench.task import Task, Way, plain
from moft.feature.definition import ccr, pool
from moft.feature.losses import position_loss, quadrants_loss
from moft.feature.read import both_ways
from moft.feature.reference import ClipReading, from_clip
from moft.feature.statistics import Statistics, find_statistics
from moft.models.tap import Tap
from moft.steering.entry import guided, steer
from moft.steering.objective import EARLY, Look, Objective
from moft.steering.settings import Settings


@dataclass(frozen=True)
class Compared(Objective):
    """Any loss of the whole frame's features (b f c h w) at a layer."""

    compare: Callable[[Tensor], Tensor]

    def loss(self, look: Look) -> Tensor:
        return self.compare(look.features)


def compared(
    pipe: Any, task: Task, compare: Callable[[Tensor], Tensor], settings: Settings, layer: str | None = None
) -> AbstractContextManager[Any]:
    """Steering of the whole frame by a loss of the output of this layer, or of the statistics'."""
    known = find_statistics(pipe)
    steps = settings.steps or EARLY
    objective = Compared(
        layer or known.layer, known.timestep, steps=steps, request=task.motion, compare=compare
    )
    return guided(pipe, [objective], settings).attached()


def smm(pipe: Any, task: Task, settings: Settings) -> AbstractContextManager[Any]:
    """Spatial marginal means (Yatim et al., CVPR 2024), as their paper writes it: `pairwise_differences`."""
    clip = pool(_enlarged(pipe, task))
    return compared(pipe, task, lambda features: pairwise_differences(pool(features), clip), settings)


def vanilla(
    pipe: Any, task: Task, settings: Settings, layer: str | None = None, per_position: bool = False
) -> AbstractContextManager[Any]:
    """The feature as it is: what a clip shows is asked along with how it moves.

    At the statistics' layer or this one, by the means of the quarters or place by place (Eq. 3)."""
    clip = _enlarged(pipe, task, layer)
    if not per_position:
        clip = pool(clip)[..., None, None]
    compare = position_loss if per_position else quadrants_loss
    return compared(pipe, task, lambda features: compare(features, clip), settings, layer)


def kept(
    statistics: Statistics, per_position: bool, pipe: Any, task: Task, settings: Settings
) -> AbstractContextManager[Any]:
    """CCR of these channels at this layer, from the clip."""
    how = ClipReading(per_position, calibrated=False)
    reference = from_clip(pipe, task.reference, statistics=statistics, how=how)
    return steer(pipe, reference, settings=settings)


def moft(pipe: Any, task: Task, settings: Settings) -> AbstractContextManager[Any]:
    """MOFT of the clip as it is read, like the others: not `calibrated`."""
    return kept(find_statistics(pipe), False, pipe, task, settings)


def synthesised(pipe: Any, task: Task, settings: Settings) -> AbstractContextManager[Any]:
    """MOFT for the motion in words, as it comes."""
    return steer(pipe, task.motion, settings=settings)


def pairwise_differences(a: Tensor, b: Tensor) -> Tensor:
    """Mean over all pairs of frames of the squared distance of their differences, of spatial means (b f c).

    It is CCR by another name: summed over pairs, ‖(a_i − a_j) − (b_i − b_j)‖² is 2 f Σ ‖CCR(a)_i −
        CCR(b)_i‖².
    """

    def between(means: Tensor) -> Tensor:
        return means[:, :, None] - means[:, None]

    return (between(a) - between(b)).square().mean()


def _enlarged(pipe: Any, task: Task, layer: str | None = None) -> Tensor:
    """The clip's features (1 f c h w), what moves in them enlarged by the model's gain as it is for MOFT."""
    statistics = find_statistics(pipe)
    tap = Tap(pipe, layer or statistics.layer, statistics.timestep)
    feature = both_ways(tap, task.reference[None], statistics.timestep)
    return feature + (statistics.gain - 1) * ccr(feature)


TABLE1: dict[str, Way] = {
    "plain": plain,
    "smm": smm,
    "vanilla": vanilla,
    "moft": moft,
    "synthesised": synthesised,
}
