"""What a layer makes of photographs panned in known ways: directions told apart, and curves that follow the
pan.

Only `read_pans` and `direction_scores` run a model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moft.feature.definition import pool, principal_components
from moft.feature.statistics import latent_path
from moft.interpreter.viewpoint import layer_batches
from moft.known.pans import WAYS, panned
from moft.request.motion import Motion
from moft.types import ClipSize


@dataclasses.dataclass(frozen=True)
class PanFeatures:
    """What one layer makes of panned photographs, and which is which."""

    feature: Tensor  # (n f c), mean over the cells of the plain feature
    motions: tuple[Motion, ...]
    photo: Tensor  # (n,) which photograph
    size: ClipSize

    @property
    def clean(self) -> Tensor:
        """Without content: CCR of `feature`, (n f c). Means over cells and over frames commute."""
        return self.feature - self.feature.mean(1, keepdim=True)

    @cached_property
    def path(self) -> Tensor:
        """(n f 2), true displacement in shorter sides against the mean over the frames."""
        frames = self.feature.shape[1]
        return torch.stack([latent_path(motion, self.size, frames) for motion in self.motions]).float()

    @property
    def steady(self) -> PanFeatures:
        """Those that do not reverse."""
        return self.where(torch.tensor([motion.path is None for motion in self.motions]))

    def where(self, mask: Tensor) -> PanFeatures:
        """Those pans for which a mask (n,) is true."""
        chosen = mask.nonzero().flatten().tolist()
        motions = tuple(self.motions[i] for i in chosen)
        return PanFeatures(self.feature[chosen], motions, self.photo[chosen], self.size)


def read_pans(
    pipe: Any,
    photos: Sequence[np.ndarray],
    size: ClipSize,
    timestep: int,
    layers: Sequence[str],
    places: int = 4,
    seed: int = 0,
) -> dict[str, PanFeatures]:
    """What each layer makes of photographs uint8 (h w 3), panned at some places in each; see `panned`."""
    videos, motions, owners = panned(photos, size, places, seed)
    parts: dict[str, list[Tensor]] = {name: [] for name in layers}
    for features in layer_batches(pipe, videos, timestep, layers, seed=seed):
        for name, feature in features.items():
            parts[name].append(pool(feature))
    photo = torch.tensor(owners)
    return {name: PanFeatures(torch.cat(part), tuple(motions), photo, size) for name, part in parts.items()}


# ---------------------------------------------------------------- directions told apart (Fig. 2)


def separability(features: Tensor, direction: Tensor, group: Tensor) -> float:
    """Accuracy, in 0…1, of the nearest centroid in the P1/P2 plane, each group judged by the centroids of the
    others.

    Args:
        features: (n c), pooled first-frame features.
        direction, group: (n,) integer labels.
    """
    _, plane = principal_components(features, 2)
    right = 0
    for g in group.unique():
        others, judged = group != g, group == g
        centroids = torch.stack([plane[others & (direction == d)].mean(0) for d in direction.unique()])
        right += int((torch.cdist(plane[judged], centroids).argmin(1) == direction[judged]).sum())
    return right / len(features)


@dataclasses.dataclass(frozen=True)
class Plane:
    """First-frame features of pans in the plane of their first two principal components, and how well ways
    part."""

    points: Tensor  # (n 2)
    way: Tensor  # (n,) index into `WAYS`
    photo: Tensor  # (n,)
    weights: Tensor  # (2 c) of the components
    separability: float  # five ways, each photograph judged by the centroids of the others
    silhouette: float  # 1 far apart, 0 touching, below 0 mixed (Rousseeuw, 1987)


def direction_plane(pans: PanFeatures, design: str, channels: Tensor | None = None) -> Plane:
    """The P1/P2 plane (Fig. 2) of the steady pans under a design; `channels` (k,) for "moft" alone."""
    from sklearn.metrics import silhouette_score

    steady = pans.steady
    chosen = slice(None) if design != "moft" or channels is None else channels
    rows = (steady.feature if design == "vanilla" else steady.clean)[:, 0, chosen]
    way = torch.tensor([WAYS.index(str(motion.direction)) for motion in steady.motions])
    weights, points = principal_components(rows, 2)
    apart = float(silhouette_score(points.numpy(), way.numpy()))
    return Plane(points, way, steady.photo, weights, separability(rows, way, steady.photo), apart)


def plain_separability(pans: PanFeatures) -> dict[str, float]:
    """Separability of the steady pans under the designs that need no motion channels."""
    return {design: direction_plane(pans, design).separability for design in ("vanilla", "ccr")}


def direction_scores(
    pipe: Any, layer: str, timestep: int, photos: Sequence[np.ndarray], size: ClipSize, places: int = 12
) -> dict[str, float]:
    """Separability of left, right, up, down and still over panned photographs, with and without CCR."""
    separable = plain_separability(read_pans(pipe, photos, size, timestep, (layer,), places)[layer])
    return {design: separable[design] for design in ("ccr", "vanilla")}


# ---------------------------------------------------------------- curves over the frames (Fig. 3, 13)


def curve_correlations(pans: PanFeatures) -> Tensor:
    """(c 2): Pearson correlation of each channel's CCR curve with the true displacement along x and along y,
    over all frames of the pans along that axis, those that reverse included. 0 for a channel or path that
    never moves."""
    path, columns = pans.path, []
    for axis in (0, 1):
        mine = path[..., axis].abs().amax(1) > 1e-9
        if not mine.any():
            columns.append(torch.zeros(pans.feature.shape[-1]))
            continue
        curve, true = pans.clean[mine].flatten(0, 1), path[mine][..., axis].flatten()  # mean 0 in each clip
        norm = curve.square().sum(0).sqrt() * true.square().sum().sqrt()
        columns.append((curve * true[:, None]).sum(0) / norm.clamp_min(1e-12))
    return torch.stack(columns, 1)


@dataclasses.dataclass(frozen=True)
class BestChannel:
    """The channel whose curve follows the displacement best."""

    channel: int
    axis: int  # 0 follows x, 1 follows y
    correlation: float  # signed, on photographs on which it was not chosen
    per_photo: tuple[float, ...]


def best_channel(pans: PanFeatures, channels: Tensor, others: PanFeatures | None = None) -> BestChannel:
    """Of the motion channels (k,), the one whose curve follows the true displacement best along either axis.

    Chosen on `pans` and scored on each photograph of `others`. Without others, chosen on all photographs but
    one and scored on that one, in turn (with one photograph, on the same). The correlation is the mean of
    those scores, so that choosing adds nothing to it.
    """
    table = curve_correlations(pans)[channels]
    strongest, axis = _strongest(table)
    judges, scores = others or pans, []
    for owner in judges.photo.unique().tolist():
        chosen, along = strongest, axis
        if others is None and len(pans.photo.unique()) > 1:
            rest = pans.where(pans.photo != owner)
            chosen, along = _strongest(curve_correlations(rest)[channels])
        one = curve_correlations(judges.where(judges.photo == owner))
        scores.append(abs(float(one[channels[chosen], along])))
    sign = 1.0 if table[strongest, axis] >= 0 else -1.0
    return BestChannel(int(channels[strongest]), axis, sign * float(np.mean(scores)), tuple(scores))


def _strongest(table: Tensor) -> tuple[int, int]:
    """Row and column of the entry of largest size."""
    where = int(table.abs().argmax())
    return where // table.shape[1], where % table.shape[1]
