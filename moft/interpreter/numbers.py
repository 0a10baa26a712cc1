"""Where a model holds motion, in numbers: what every picture of `moft explain` has behind it.

Features are (b f c h w), flows (b f h w 2) in px a frame, x right, y down, at each frame of the feature. A *design* is
one way to look at a feature: the plain one, without its mean over the frames (Eq. 1), or MOFT (Eq. 2). Arrays in,
numbers out; only what begins with `read`, and `direction_scores`, runs a model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.errors import RequestError
from moft.feature.definition import ccr, motion_feature, pool, principal_components
from moft.feature.read import noised_layers
from moft.feature.statistics import latent_path
from moft.known.pans import WAYS, panned
from moft.models.tap import Tap
from moft.request.motion import Motion
from moft.types import ClipSize

DESIGNS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "vanilla": lambda feature, channels: feature,
    "ccr": lambda feature, channels: ccr(feature),
    "moft": motion_feature,
}
LEAST_SPEED = 0.5 / 64  # shorter sides a frame from which a place counts as moving
MAX_ANGLE = 45.0  # degrees between two motions that go the same way, as `moft.metrics.motion.followed` has it


# ---------------------------------------------------------------- clips of known motion


@dataclasses.dataclass(frozen=True)
class Pans:
    """Photographs panned in known ways, what was read from them, and which is which."""

    feature: Tensor  # (n f c), mean over the cells of the plain feature
    motions: tuple[Motion, ...]
    photo: Tensor  # (n,) which photograph
    size: ClipSize

    @property
    def clean(self) -> Tensor:
        """Without content: CCR of `feature`, (n f c). Means over cells and over frames commute."""
        return self.feature - self.feature.mean(1, keepdim=True)

    @property
    def path(self) -> Tensor:
        """(n f 2), true displacement in shorter sides against the mean over the frames."""
        return torch.stack(
            [latent_path(motion, self.size, self.feature.shape[1]) for motion in self.motions]
        ).float()

    @property
    def steady(self) -> Pans:
        """Those that do not reverse."""
        return self.where(lambda motion: motion.path is None)

    def where(self, keep: Callable[[Motion], bool]) -> Pans:
        """Those pans whose motion is wanted."""
        chosen = [i for i, motion in enumerate(self.motions) if keep(motion)]
        return Pans(
            self.feature[chosen], tuple(self.motions[i] for i in chosen), self.photo[chosen], self.size
        )


# ---------------------------------------------------------------- reading


def read_batches(
    pipe: Any, videos: np.ndarray, timestep: int, layers: Sequence[str], batch: int = 16, seed: int = 0
) -> Iterator[dict[str, Tensor]]:
    """Features (b f c h w) of each layer for clips uint8 (n f h w 3), some clips at a time; layers in the order in
    which they run. Each clip gets noise of its own."""
    tap = Tap(pipe, layers[-1], timestep)
    for start in range(0, len(videos), batch):
        found = noised_layers(tap, videos[start : start + batch], timestep, layers, seed=seed + start)
        yield {name: value.cpu() for name, value in found.items()}


def read(pipe: Any, videos: np.ndarray, timestep: int, layer: str, batch: int = 16, seed: int = 0) -> Tensor:
    """Features (n f c h w) of one layer for clips uint8 (n f h w 3)."""
    return torch.cat([found[layer] for found in read_batches(pipe, videos, timestep, (layer,), batch, seed)])


def read_pans(
    pipe: Any,
    photos: Sequence[np.ndarray],
    size: ClipSize,
    timestep: int,
    layers: Sequence[str],
    places: int = 4,
    seed: int = 0,
) -> dict[str, Pans]:
    """What each layer makes of panned photographs; see `panned`."""
    videos, motions, owners = panned(photos, size, places, seed)
    parts: dict[str, list[Tensor]] = {name: [] for name in layers}
    for found in read_batches(pipe, videos, timestep, layers, seed=seed):
        for name, feature in found.items():
            parts[name].append(pool(feature))
    return {name: Pans(torch.cat(p), tuple(motions), torch.tensor(owners), size) for name, p in parts.items()}


def layers_of(denoiser: Any, *more: str) -> tuple[str, ...]:
    """Where to look in a denoiser, in the order in which it runs: the blocks of a UNet and the motion modules on its way
    up, or up to nine blocks of a transformer; and whatever else is named."""
    names = [name for name, _ in denoiser.named_modules()]
    stage = {"down_blocks": 0, "mid_block": 1, "up_blocks": 2}
    if "mid_block" in names:
        found = [
            n for n in names if n == "mid_block" or _is_item(n, "down_blocks") or _is_item(n, "up_blocks")
        ]
        found += [n for n in names if n.startswith("up_blocks.") and _is_item(n, "motion_modules")]
    else:
        lists = [name for name in names if name.endswith("blocks") and "." not in name]
        items = [n for name in lists for n in names if _is_item(n, name) and n.startswith(name + ".")]
        found = [
            items[i] for i in sorted({round(i) for i in np.linspace(0, len(items) - 1, min(9, len(items)))})
        ]

    def order(name: str) -> tuple[Any, ...]:  # a block ends after what it holds
        first, *rest = name.split(".")
        return (
            stage.get(first, 3 if stage.keys() & {n.split(".")[0] for n in found} else names.index(name)),
            [int(part) if part.isdigit() else _WITHIN.get(part, 0) for part in rest] + [99],
        )

    return tuple(sorted({*found, *more}, key=order))


_WITHIN = {
    "resnets": 0,
    "attentions": 1,
    "temp_convs": 2,
    "temp_attentions": 3,
    "motion_modules": 4,
    "upsamplers": 5,
}


def _is_item(name: str, of: str) -> bool:
    """Whether a name is an element of a list of this name."""
    parts = name.split(".")
    return len(parts) >= 2 and parts[-2] == of and parts[-1].isdigit()


# ---------------------------------------------------------------- directions told apart (Fig. 2)


def separability(features: Tensor, direction: Tensor, group: Tensor) -> float:
    """Accuracy of the nearest centroid in the P1/P2 plane, each group judged by the centroids of the others.

    Args:
        features: (n c), pooled first-frame features; direction, group: (n,) integer labels.
    """
    _, plane = principal_components(features, 2)
    right = 0
    for g in group.unique():
        seen, asked = group != g, group == g
        centroids = torch.stack([plane[seen & (direction == d)].mean(0) for d in direction.unique()])
        right += int((torch.cdist(plane[asked], centroids).argmin(1) == direction[asked]).sum())
    return right / len(features)


@dataclasses.dataclass(frozen=True)
class Plane:
    """First-frame features of pans in the plane of their first two principal components, and how well ways part."""

    points: Tensor  # (n 2)
    way: Tensor  # (n,) index into `WAYS`
    photo: Tensor  # (n,)
    weights: Tensor  # (2 c) of the components
    separability: float  # five ways, each photograph judged by the centroids of the others
    silhouette: float  # 1 far apart, 0 touching, below 0 mixed (Rousseeuw, 1987)


def directions(pans: Pans, design: str, channels: Tensor | None = None) -> Plane:
    """The P1/P2 plane (Fig. 2) of the steady pans under a design; `channels` for "moft" alone."""
    from sklearn.metrics import silhouette_score

    steady = pans.steady
    chosen = slice(None) if design != "moft" or channels is None else channels
    rows = (steady.feature if design == "vanilla" else steady.clean)[:, 0, chosen]
    way = torch.tensor([WAYS.index(str(motion.direction)) for motion in steady.motions])
    weights, points = principal_components(rows, 2)
    apart = float(silhouette_score(points.numpy(), way.numpy()))
    return Plane(points, way, steady.photo, weights, separability(rows, way, steady.photo), apart)


def direction_scores(
    pipe: Any, layer: str, t: int, photos: Sequence[np.ndarray], size: ClipSize, places: int = 12
) -> dict[str, float]:
    """Separability of left, right, up, down and still over panned photographs, with and without CCR."""
    pans = read_pans(pipe, photos, size, t, (layer,), places)[layer]
    return {design: directions(pans, design).separability for design in ("ccr", "vanilla")}


# ---------------------------------------------------------------- curves over the frames (Fig. 3, 13)


def curve_correlations(pans: Pans) -> Tensor:
    """(c 2): Pearson correlation of each channel's CCR curve with the true displacement along x and along y, over all
    frames of the pans along that axis, those that reverse included. 0 for a channel or path that never moves."""
    rows = []
    for axis in (0, 1):
        along = pans.path.abs().amax((0, 1))[axis] > 0
        path = pans.path
        mine = path[..., axis].abs().amax(1) > 1e-9
        if not along or not mine.any():
            rows.append(torch.zeros(pans.feature.shape[-1]))
            continue
        curve, true = (
            pans.clean[mine].flatten(0, 1),
            path[mine][..., axis].flatten(),
        )  # both have mean 0 in each clip
        norm = curve.square().sum(0).sqrt() * true.square().sum().sqrt()
        rows.append((curve * true[:, None]).sum(0) / norm.clamp_min(1e-12))
    return torch.stack(rows, 1)


@dataclasses.dataclass(frozen=True)
class BestChannel:
    """The channel whose curve follows the displacement best."""

    channel: int
    axis: int  # 0 follows x, 1 follows y
    correlation: float  # signed, on photographs on which it was not chosen
    per_photo: tuple[float, ...]


def best_channel(pans: Pans, channels: Tensor, others: Pans | None = None) -> BestChannel:
    """Of the motion channels, the one whose curve follows the true displacement best along either axis.

    Chosen on `pans` and scored on each photograph of `others`. Without others, chosen on all photographs but one and scored on
    that one, in turn (with one photograph, on the same). The correlation is the mean of those scores, so that choosing adds
    nothing to it.
    """
    table = curve_correlations(pans)[channels]
    k, axis = _strongest(table)
    scores = []
    for owner in (others or pans).photo.unique().tolist():
        chosen, a = k, axis
        if others is None and len(pans.photo.unique()) > 1:
            chosen, a = _strongest(curve_correlations(_of_photos(pans, pans.photo != owner))[channels])
        one = _of_photos(others or pans, (others or pans).photo == owner)
        scores.append(abs(float(curve_correlations(one)[channels[chosen], a])))
    sign = 1.0 if table[k, axis] >= 0 else -1.0
    return BestChannel(int(channels[k]), axis, sign * float(np.mean(scores)), tuple(scores))


def _of_photos(pans: Pans, mask: Tensor) -> Pans:
    chosen = mask.nonzero().flatten().tolist()
    return Pans(pans.feature[chosen], tuple(pans.motions[i] for i in chosen), pans.photo[chosen], pans.size)


def _strongest(table: Tensor) -> tuple[int, int]:
    where = int(table.abs().argmax())
    return where // table.shape[1], where % table.shape[1]


# ---------------------------------------------------------------- similarity (Fig. 4, 6) and what it predicts


def cell_of(point: Sequence[float], size: ClipSize, feature: Tensor) -> tuple[int, int, int]:
    """The (frame, row, column) of a feature (b f c h w) that holds a point (x, y, frame) of the clip, px and frames.

    Raises:
        RequestError: the point is outside the clip.
    """
    x, y, frame = point
    if not (0 <= x < size.width and 0 <= y < size.height and 0 <= frame < size.frames):
        raise RequestError(
            f"expected a point x,y,frame inside 0…{size.width - 1}, 0…{size.height - 1}, 0…{size.frames - 1}, "
            f"got {x:g},{y:g},{frame:g}; the clip is {size.width} x {size.height} px of {size.frames} frames"
        )
    frames, (rows, columns) = feature.shape[1], feature.shape[3:]
    at = int(round(frame * (frames - 1) / max(size.frames - 1, 1)))
    return at, int(y * rows / size.height), int(x * columns / size.width)


def similarity(source: Tensor, target: Tensor) -> Tensor:
    """Cosine over channels between one place and every place, frame by frame (Fig. 4).

    Args:
        source: (f c), the feature of one cell over the frames; target: (b f c h w).
    Returns:
        (b f h w) in −1…1; 0 where either has no length.
    """
    return torch.einsum("fc,bfchw->bfhw", F.normalize(source, dim=-1), F.normalize(target, dim=2))


def curve_similarity(source: Tensor, target: Tensor) -> Tensor:
    """As `similarity`, of the whole curves over the frames at once: (b h w)."""
    return torch.einsum(
        "x,bxhw->bhw", F.normalize(source.flatten(), dim=0), F.normalize(target.flatten(1, 2), dim=1)
    )


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How well similarity predicts "moves the same way"; None where a set holds no two kinds to tell apart."""

    auc: float | None  # of similarity for: both move, and within 45°
    correlation: float | None  # of similarity with the cosine between the directions, where both move
    pairs: int

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def roc_auc(score: Tensor, positive: Tensor) -> float | None:
    """Area under the ROC curve: how often a positive scores above a negative, ties half. None without both kinds."""
    from sklearn.metrics import roc_auc_score

    truth = positive.flatten().bool()
    if truth.all() or not truth.any():
        return None
    return float(roc_auc_score(truth.numpy(), score.flatten().numpy()))


def agreement(
    found: Tensor, source: Tensor, target: Tensor, least: float, valid: Tensor | None = None
) -> Agreement:
    """Similarities (s t) of sources to targets against their velocities (s 2) and (t 2), px a frame.

    Args:
        least: px a frame from which a place moves. Sources are to move; targets that do not are none that move the same way.
        valid: (s t) bool, the pairs that count.
    """
    moving = (target.norm(dim=-1) >= least)[None].expand(found.shape)
    cosine = F.normalize(source, dim=-1) @ F.normalize(target, dim=-1).T
    keep = torch.ones_like(moving) if valid is None else valid
    same = (cosine >= np.cos(np.radians(MAX_ANGLE))) & moving
    both = keep & moving
    pair = torch.stack([found[both], cosine[both]]).double()
    spread = pair.shape[1] > 1 and bool((pair.std(1) > 1e-9).all())
    return Agreement(
        roc_auc(found[keep], same[keep]),
        float(torch.corrcoef(pair)[0, 1]) if spread else None,
        int(keep.sum()),
    )


def same_way(
    feature: Tensor,
    flow: Tensor,
    least: float,
    curves: bool = True,
    frame: int = 0,
    sources: int = 768,
    seed: int = 0,
) -> Agreement:
    """How well similarity between places of *different* clips predicts that both move the same way.

    Args:
        feature: (b f c h w) under some design; flow: (b f h w 2), px a frame.
        least: px a frame from which a place moves.
        curves: compare whole curves over the frames, with the mean velocities; else one `frame` alone, with its flow.
        sources: how many random places that move to start from, and half as many random places to compare each with.
    """
    b, _, _, h, w = feature.shape
    x = feature.flatten(1, 2) if curves else feature[:, frame]
    x = F.normalize(x.permute(0, 2, 3, 1).flatten(0, 2), dim=-1)
    velocity = (flow.mean(1) if curves else flow[:, frame]).flatten(0, 2)
    owner = torch.arange(b).repeat_interleave(h * w)
    draw = torch.Generator().manual_seed(seed)
    moving = (velocity.norm(dim=-1) >= least).nonzero().flatten()
    if not len(moving):
        return Agreement(None, None, 0)
    start = moving[torch.randint(len(moving), (sources,), generator=draw)]
    end = torch.randint(len(velocity), (sources // 2,), generator=draw)
    return agreement(
        x[start] @ x[end].T, velocity[start], velocity[end], least, owner[start][:, None] != owner[end]
    )


def map_agreement(found: Tensor, flow: Tensor, velocity: Tensor, least: float) -> Agreement:
    """The number behind one heat map: similarities (f h w) or (h w) to a point that moves by `velocity` (2,) against the
    flow (f h w 2) or (h w 2) of the target. Empty if the point stands still."""
    if float(velocity.norm()) < least:
        return Agreement(None, None, 0)
    return agreement(found.reshape(1, -1), velocity[None], flow.reshape(-1, 2), least)
