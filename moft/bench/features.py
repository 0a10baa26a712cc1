"""Which feature carries motion, and how many channels of it? The paper's Tables 1 and 4, on the miniature.

All ways read one layer, take the same guided steps, as many gradients and the same step size, and compare the means of the quarters of the
frame (but for SMM, which knows the whole frame's mean alone). What is wanted of them differs by one thing from row to row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moft.bench.task import CLIP, Task, Way, plain
from moft.feature.definition import ccr, motion_channels, pool
from moft.feature.losses import position_loss, quadrants_loss
from moft.feature.read import both_ways, noised_layers
from moft.feature.reference import ClipReading, from_clip
from moft.feature.statistics import Statistics, find_statistics, latent_path
from moft.known.pans import pans
from moft.known.photographs import training_photographs
from moft.models.tap import Tap
from moft.steering.entry import guided, steer
from moft.steering.objective import EARLY, Look, Objective
from moft.steering.settings import Settings

SHARES = (
    1.0,
    0.5,
    0.25,
    0.125,
    0.0625,
    0.03,
)  # of the channels; the paper: 1, 0.5, 0.1, 0.05, 0.04, 0.03, 0.01


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
    """Spatial marginal means (Yatim et al., CVPR 2024), as their paper writes it: `pairwise_differences` of the frames' means."""
    wanted = pool(_enlarged(pipe, task))
    return compared(pipe, task, lambda features: pairwise_differences(pool(features), wanted), settings)


def vanilla(
    pipe: Any, task: Task, settings: Settings, layer: str | None = None, per_position: bool = False
) -> AbstractContextManager[Any]:
    """The feature as it is: what a clip shows is asked along with how it moves. At the statistics' layer or this one, by the
    means of the quarters or place by place (Eq. 3)."""
    wanted = _enlarged(pipe, task, layer)
    if not per_position:
        wanted = pool(wanted)[..., None, None]
    compare = position_loss if per_position else quadrants_loss
    return compared(pipe, task, lambda features: compare(features, wanted), settings, layer)


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


def pairwise_differences(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean over all pairs of frames of the squared distance of their differences, of spatial means (b f c).

    It is CCR by another name: summed over pairs, ‖(a_i − a_j) − (b_i − b_j)‖² is 2 f Σ ‖CCR(a)_i − CCR(b)_i‖².
    """

    def between(means: Tensor) -> Tensor:
        return means[:, :, None] - means[:, None]

    return (between(found) - between(wanted)).square().mean()


def _enlarged(pipe: Any, task: Task, layer: str | None = None) -> Tensor:
    """The clip's features (1 f c h w), what moves in them enlarged by the model's gain as it is for MOFT."""
    statistics = find_statistics(pipe)
    tap = Tap(pipe, layer or statistics.layer, statistics.timestep)
    found = both_ways(tap, task.reference[None], statistics.timestep)
    return found + (statistics.gain - 1) * ccr(found)


def read_pans(pipe: Any, layers: Sequence[str], batch: int = 8) -> tuple[dict[str, Tensor], Tensor]:
    """CCR features of pans of the training photographs at each layer, means over the frame, (n f c); displacement (n f 2)."""
    level = find_statistics(pipe).timestep
    tap = Tap(pipe, layers[-1], level)
    clips = list(pans(list(training_photographs().values()), CLIP))
    found: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    for start in range(0, len(clips), batch):
        videos = np.stack([clip for clip, _ in clips[start : start + batch]])
        for layer, feature in noised_layers(tap, videos, level, layers, seed=start).items():
            found[layer].append(pool(ccr(feature)).cpu())
    paths = torch.stack([latent_path(motion, CLIP, found[layers[0]][0].shape[1]) for _, motion in clips])
    return {layer: torch.cat(parts) for layer, parts in found.items()}, paths


def explained(features: Tensor, paths: Tensor) -> Tensor:
    """R² of each channel (c,): how much of its CCR (n f c) over clips and frames displacement (n f 2) explains, linearly."""
    value, path = features.flatten(0, 1), paths.flatten(0, 1).to(features)
    left = value - path @ torch.linalg.lstsq(path, value).solution
    return 1 - left.square().sum(0) / value.square().sum(0).clamp_min(1e-12)


TABLE1: dict[str, Way] = {
    "plain": plain,
    "smm": smm,
    "vanilla": vanilla,
    "moft": moft,
    "synthesised": synthesised,
}


@dataclass(frozen=True)
class Layer:
    """What one layer shows of pans."""

    name: str
    features: Tensor  # (n f c) CCR, means over the frame
    paths: Tensor  # (n f 2) displacement

    def channels(self, pipe: Any, shares: Sequence[float]) -> dict[str, Tensor]:
        """The motion channels at each share, as `moft channels` chooses them, by name: all of them are CCR alone, those of the
        model's own statistics MOFT as it comes."""
        known, found = find_statistics(pipe), {}
        for share in shares:
            chosen = motion_channels(self.features[:, 0], share, components=2)
            own = self.name == known.layer and torch.equal(chosen, known.channels)
            found["moft" if own else "ccr" if share == 1 else f"kept_{len(chosen)}"] = chosen
        return found

    def ways(self, pipe: Any, shares: Sequence[float], per_position: bool = False) -> dict[str, Way]:
        """A way for each share, from the clip's means, or place by place (Eq. 3)."""
        known = replace(find_statistics(pipe), layer=self.name)
        return {
            name: partial(kept, replace(known, channels=chosen), per_position)
            for name, chosen in self.channels(pipe, shares).items()
        }


def layers_of(pipe: Any, names: Sequence[str]) -> dict[str, Layer]:
    """The layers of these names; the last is where reading stops."""
    features, paths = read_pans(pipe, names)
    return {name: Layer(name, feature, paths) for name, feature in features.items()}
