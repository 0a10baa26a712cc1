"""Which layer, which timestep, how many channels? The interpreter's scores over all of them, to choose by."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moft.errors import BackboneError
from moft.feature.definition import motion_channels, motion_feature
from moft.interpreter.numbers import (
    DESIGNS,
    LEAST_SPEED,
    Pans,
    best_channel,
    directions,
    read_batches,
    read_pans,
    same_way,
)
from moft.known.clips import KnownClips

SHARES = (1.0, 0.5, 0.25, 0.1, 0.05, 0.04, 0.03, 0.01)  # of the channels kept, as in Table 4


@dataclasses.dataclass(frozen=True)
class Cell:
    """One layer at one timestep."""

    layer: str
    timestep: int
    auc: dict[str, float | None]  # by design, whole curves
    correlation: dict[str, float | None]  # of similarity with the direction cosine
    separability: dict[str, float]
    curve_correlation: float
    channels: Tensor  # kept, by the pans at this layer and timestep

    def to_json(self) -> dict[str, Any]:
        """All but the channels, which `moft channels` finds for the layer that is chosen."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "channels"}


def score_cell(
    pans: Pans, feature: Tensor, known: KnownClips, channels: Tensor, layer: str, timestep: int
) -> Cell:
    """All scores of what a layer makes of pans and of clips of known flow at a timestep; feature (n f c h w)."""
    flow, least = known.cells(feature), LEAST_SPEED * known.size.side
    found = {name: same_way(design(feature, channels), flow, least) for name, design in DESIGNS.items()}
    return Cell(
        layer,
        timestep,
        {name: f.auc for name, f in found.items()},
        {name: f.correlation for name, f in found.items()},
        {name: directions(pans, name).separability for name in ("vanilla", "ccr")},
        abs(best_channel(pans, channels).correlation),
        channels,
    )


def sweep(
    pipe: Any,
    photos: Sequence[np.ndarray],
    known: KnownClips,
    layers: Sequence[str],
    timesteps: Sequence[int],
    share: float = 0.04,
    places: int = 2,
    track: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> list[Cell]:
    """Every layer at every timestep, its channels found there from panned photographs. For choosing, so never on what a
    score is reported on. Layers in the order in which they run.

    Raises:
        BackboneError: a layer that no forward pass reaches.
    """
    cells = []
    for t in track(timesteps):
        pans = read_pans(pipe, photos, known.size, t, layers, places)
        features: dict[str, list[Tensor]] = {name: [] for name in layers}
        for found in read_batches(pipe, known.video, t, layers):
            for name, value in found.items():
                features[name].append(value)
        for name in layers:
            channels = motion_channels(pans[name].steady.clean[:, 0], share, components=2)
            cells.append(score_cell(pans[name], torch.cat(features.pop(name)), known, channels, name, t))
    return cells


def best(cells: Sequence[Cell]) -> Cell:
    """The cell whose MOFT tells best what moves the same way."""
    if not cells:
        raise BackboneError("expected scores of at least one layer and timestep, got none")
    return max(cells, key=lambda cell: cell.auc["moft"] or 0.0)


@dataclasses.dataclass(frozen=True)
class Share:
    """What keeping a share of the channels does (Table 4's x axis)."""

    share: float
    channels: int
    separability: float
    auc: float | None


def share_sweep(
    pans: Pans, feature: Tensor, known: KnownClips, shares: Sequence[float] = SHARES
) -> list[Share]:
    """Separability and AUC of MOFT over kept shares; feature (n f c h w) of the known clips. Shares that keep as many
    channels as one before, or fewer than the two that a plane needs, are left out."""
    flow, least = known.cells(feature), LEAST_SPEED * known.size.side
    steady, rows = pans.steady, {}
    for share in shares:
        channels = motion_channels(steady.clean[:, 0], share, components=2)
        if len(channels) >= 2 and len(channels) not in rows:
            auc = same_way(motion_feature(feature, channels), flow, least).auc
            rows[len(channels)] = Share(
                share, len(channels), directions(pans, "moft", channels).separability, auc
            )
    return list(rows.values())
