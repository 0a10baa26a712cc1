"""How many channels carry motion, and at which layer? The ways of the paper's Table 4, on the miniature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moft.bench.task import CLIP, Way
from moft.bench.ways.features import kept
from moft.feature.definition import ccr, motion_channels, pool
from moft.feature.read import noised_layers
from moft.feature.statistics import Statistics, find_statistics, latent_path, response_of
from moft.known.pans import pans
from moft.known.photographs import training_photographs
from moft.models.tap import Tap

# Of the channels; the paper: 1, 0.5, 0.1, 0.05, 0.04, 0.03, 0.01.
SHARES = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03)


def read_pans(pipe: Any, layers: Sequence[str], batch: int = 8) -> tuple[dict[str, Tensor], Tensor]:
    """Of pans of training photographs: CCR at each layer, means over the frame, (n f c); displacement (n f
    2)."""
    level = find_statistics(pipe).timestep
    tap = Tap(pipe, layers[-1], level)
    clips = list(pans(list(training_photographs().values()), CLIP))
    parts: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    for start in range(0, len(clips), batch):
        videos = np.stack([clip for clip, _ in clips[start : start + batch]])
        for layer, feature in noised_layers(tap, videos, level, layers, seed=start).items():
            parts[layer].append(pool(ccr(feature)).cpu())
    paths = torch.stack([latent_path(motion, CLIP, parts[layers[0]][0].shape[1]) for _, motion in clips])
    return {layer: torch.cat(read) for layer, read in parts.items()}, paths


def explained(features: Tensor, paths: Tensor) -> Tensor:
    """R² of each channel (c,): how much of its CCR (n f c) displacement (n f 2) explains, linearly.

    Over all clips and frames."""
    value, path = features.flatten(0, 1), paths.flatten(0, 1).to(features)
    left = value - path @ response_of(path, value).T
    return 1 - left.square().sum(0) / value.square().sum(0).clamp_min(1e-12)


@dataclass(frozen=True)
class Layer:
    """What one layer shows of pans."""

    name: str
    features: Tensor  # (n f c) CCR, means over the frame
    paths: Tensor  # (n f 2) displacement

    def channels(self, pipe: Any, shares: Sequence[float]) -> dict[str, Tensor]:
        """The motion channels at each share, as `moft channels` chooses them, by name.

        All of them are CCR alone, those of the model's own statistics MOFT as it comes."""
        known, named = find_statistics(pipe), {}
        for share in shares:
            chosen = motion_channels(self.features[:, 0], share, components=2)
            own = self.name == known.layer and torch.equal(chosen, known.channels)
            named["moft" if own else "ccr" if share == 1 else f"kept_{len(chosen)}"] = chosen
        return named

    def ways(self, pipe: Any, shares: Sequence[float], per_position: bool = False) -> dict[str, Way]:
        """A way for each share, from the clip's means, or place by place (Eq. 3)."""
        known = replace(find_statistics(pipe), layer=self.name)
        return {
            name: partial(kept, _of_channels(known, chosen), per_position)
            for name, chosen in self.channels(pipe, shares).items()
        }


def _of_channels(known: Statistics, chosen: Tensor) -> Statistics:
    """The same scale with other channels, whose response is not known: enough to follow a clip."""
    bound = torch.full((len(chosen),), known.scale)
    response = torch.zeros(len(chosen), 2)
    return replace(known, channels=chosen, response=response, low=-bound, high=bound)


def layers_of(pipe: Any, names: Sequence[str]) -> dict[str, Layer]:
    """The layers of these names; the last is where reading stops."""
    features, paths = read_pans(pipe, names)
    return {name: Layer(name, feature, paths) for name, feature in features.items()}
