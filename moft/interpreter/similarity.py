"""How alike places are inside a model (Fig. 4, 6), and what that tells of how they move, in numbers.

Features are (b f c h w), flows (b f h w 2) in px a frame, x right, y down, at each frame of the feature. A
*design* is one way to look at a feature: the plain one, without its mean over the frames (Eq. 1), or MOFT
(Eq. 2). Arrays in, numbers out; nothing here runs a model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.errors import RequestError
from moft.feature.definition import ccr, motion_feature
from moft.types import ClipSize

DESIGNS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "vanilla": lambda feature, channels: feature,
    "ccr": lambda feature, channels: ccr(feature),
    "moft": motion_feature,
}
_TOLD = 0.1  # of the places must go the way of a point, and as many not, for an AUC to say something
_SOURCES = 768  # random places that move; each is compared with half as many random places
MAX_ANGLE = 45.0  # degrees between two motions that go the same way, as `moft.metrics.motion.followed` has it
_LEAST_SPEED = 0.5 / 64  # shorter sides a frame


def least_speed(size: ClipSize) -> float:
    """The speed, px a frame, from which a place of a clip of this size counts as moving."""
    return _LEAST_SPEED * size.side


# ---------------------------------------------------------------- one point and every place


def check_point(point: Sequence[float], size: ClipSize) -> None:
    """Raise RequestError unless a point (x, y, frame), px and frames, is inside a clip of this size."""
    x, y, frame = point
    if not (0 <= x < size.width and 0 <= y < size.height and 0 <= frame < size.frames):
        raise RequestError(
            f"expected a point x,y,frame inside 0…{size.width - 1}, 0…{size.height - 1}, "
            f"0…{size.frames - 1}, got {x:g},{y:g},{frame:g}; the clip is {size.width} x {size.height} px of "
            f"{size.frames} frames"
        )


def cell_of(point: Sequence[float], size: ClipSize, feature: Tensor) -> tuple[int, int, int]:
    """The (frame, row, column) of a feature (b f c h w) that holds a point (x, y, frame) of the clip, px and
    frames.

    Raises:
        RequestError: the point is outside the clip.
    """
    check_point(point, size)
    x, y, frame = point
    frames, (rows, columns) = feature.shape[1], feature.shape[3:]
    at = int(round(frame * (frames - 1) / max(size.frames - 1, 1)))
    return at, int(y * rows / size.height), int(x * columns / size.width)


def similarity(source: Tensor, target: Tensor) -> Tensor:
    """Cosine over channels between one place and every place, frame by frame (Fig. 4).

    Args:
        source: (f c), the feature of one cell over the frames.
        target: (b f c h w).
    Returns:
        (b f h w) in −1…1; 0 where either has no length.
    """
    return torch.einsum("fc,bfchw->bfhw", F.normalize(source, dim=-1), F.normalize(target, dim=2))


def curve_similarity(source: Tensor, target: Tensor) -> Tensor:
    """As `similarity`, of the whole curves over the frames at once: (b h w)."""
    line, curves = F.normalize(source.flatten(), dim=0), F.normalize(target.flatten(1, 2), dim=1)
    return torch.einsum("x,bxhw->bhw", line, curves)


# ---------------------------------------------------------------- does likeness tell what moves the same way?


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How well similarity predicts "moves the same way"; None where a set holds no two kinds to tell
    apart."""

    auc: float | None  # of similarity for: both move, and within 45°
    correlation: float | None  # of similarity with the cosine between the directions, where both move
    pairs: int


def roc_auc(score: Tensor, positive: Tensor) -> float | None:
    """Area under the ROC curve: how often a positive scores above a negative, ties half. None without both
    kinds.

    Args:
        score, positive: of one shape; `positive` is true or false.
    """
    from sklearn.metrics import roc_auc_score

    truth = positive.flatten().bool()
    if truth.all() or not truth.any():
        return None
    return float(roc_auc_score(truth.numpy(), score.flatten().numpy()))


def agreement(
    similarities: Tensor, source: Tensor, target: Tensor, least: float, valid: Tensor | None = None
) -> Agreement:
    """Similarities (s t) of sources to targets against their velocities (s 2) and (t 2), px a frame.

    Args:
        least: px a frame from which a place moves. Sources are to move; targets that do not are none that
            move the same way.
        valid: (s t) bool, the pairs that count; None: all.
    """
    moving = (target.norm(dim=-1) >= least)[None].expand(similarities.shape)
    cosine = F.normalize(source, dim=-1) @ F.normalize(target, dim=-1).T
    keep = torch.ones_like(moving) if valid is None else valid
    same = _goes_along(source, target, least)
    both = keep & moving
    pair = torch.stack([similarities[both], cosine[both]]).double()
    spread = pair.shape[1] > 1 and bool((pair.std(1) > 1e-9).all())
    return Agreement(
        roc_auc(similarities[keep], same[keep]),
        float(torch.corrcoef(pair)[0, 1]) if spread else None,
        int(keep.sum()),
    )


class Places:
    """Places of clips of known flow, some drawn to be compared with others, and what a layer holds there: how
    well likeness between places of *different* clips predicts that both move the same way.

    Clips are added some at a time, and of their features only the drawn places are kept.

    Args:
        cells: a feature of some of the clips → the flow (b f h w 2) of all of them in its frames and cells,
            px a frame (`KnownClips.cells`).
        least: px a frame from which a place moves.
    """

    def __init__(self, cells: Callable[[Tensor], Tensor], least: float) -> None:
        self.cells, self.least = cells, least
        self._drawn: dict[bool, _Drawn] = {}  # whole curves, or first frames
        self._seen = 0  # places that were added

    def add(self, feature: Tensor) -> None:
        """The next of the clips, as a layer has them: plain features (b f c h w)."""
        if not self._drawn:
            flow = self.cells(feature)
            self._drawn = {curves: self._draw(flow, curves) for curves in (True, False)}
        for drawn in self._drawn.values():
            drawn.take(feature, self._seen)
        self._seen += feature.shape[0] * feature.shape[3] * feature.shape[4]

    def same_way(
        self, design: Callable[[Tensor, Tensor], Tensor], channels: Tensor, curves: bool = True
    ) -> Agreement:
        """The agreement under a design; channels (k,) are those that it keeps.

        Args:
            curves: compare whole curves over the frames, with the mean velocities; else the first frame, with
                its flow.
        """
        drawn = self._drawn[curves]
        if not len(drawn.start):
            return Agreement(None, None, 0)
        start, end = (
            F.normalize((looked if curves else looked[:, :1]).flatten(1), dim=-1)
            for looked in (design(held[..., None, None], channels) for held in drawn.held)
        )
        return agreement(start @ end.T, *drawn.velocities, self.least, drawn.others)

    def _draw(self, flow: Tensor, curves: bool) -> _Drawn:
        velocity = (flow.mean(1) if curves else flow[:, 0]).flatten(0, 2)
        draw = torch.Generator().manual_seed(0)
        moving = (velocity.norm(dim=-1) >= self.least).nonzero().flatten()
        if not len(moving):
            return _Drawn(moving, moving, (velocity[moving], velocity[moving]), moving)
        start = moving[torch.randint(len(moving), (_SOURCES,), generator=draw)]
        end = torch.randint(len(velocity), (_SOURCES // 2,), generator=draw)
        owner = torch.arange(len(flow)).repeat_interleave(len(velocity) // len(flow))
        return _Drawn(start, end, (velocity[start], velocity[end]), owner[start][:, None] != owner[end])


@dataclasses.dataclass
class _Drawn:
    """Places that are compared, by their numbers among all (b h w)."""

    start: Tensor  # (s,)
    end: Tensor  # (t,)
    velocities: tuple[Tensor, Tensor]  # (s 2), (t 2) px a frame
    others: Tensor  # (s t), whether they are of different clips
    held: tuple[Tensor, ...] = ()  # plain features (s f c), (t f c)

    def take(self, feature: Tensor, first: int) -> None:
        """What a feature (b f c h w) holds at those places that are in it; its first is number `first`."""
        b, f, c, h, w = feature.shape
        self.held = self.held or tuple(torch.zeros(len(at), f, c) for at in (self.start, self.end))
        for at, held in zip((self.start, self.end), self.held, strict=True):
            inside = (at >= first) & (at < first + b * h * w)
            here = at[inside] - first
            held[inside] = feature[here // (h * w), :, :, here // w % h, here % w]


def map_agreement(similarities: Tensor, flow: Tensor, velocity: Tensor, least: float) -> Agreement:
    """The number behind one heat map.

    Args:
        similarities: (f h w) or (h w), to a point that moves by `velocity` (2,) px a frame.
        flow: (f h w 2) or (h w 2) of the target, px a frame.
    Returns:
        An empty agreement if the point stands still; no AUC where nearly everything, or nearly nothing, goes
        its way: it would tell a few places from all the others.
    """
    if float(velocity.norm()) < least:
        return Agreement(None, None, 0)
    target = flow.reshape(-1, 2)
    found = agreement(similarities.reshape(1, -1), velocity[None], target, least)
    share = float(_goes_along(velocity[None], target, least).float().mean())
    return found if _TOLD <= share <= 1 - _TOLD else dataclasses.replace(found, auc=None)


def _goes_along(source: Tensor, target: Tensor, least: float) -> Tensor:
    """Which of the targets (t 2) move, and within `MAX_ANGLE` of each source (s 2): (s t) bool."""
    cosine = F.normalize(source, dim=-1) @ F.normalize(target, dim=-1).T
    return (cosine >= np.cos(np.radians(MAX_ANGLE))) & (target.norm(dim=-1) >= least)
