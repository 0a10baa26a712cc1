"""What one step of a clip's flow says of a region: means, the similarity that fits it, what moves in it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from moft.metrics.flow import flow_between
from moft.metrics.leaps import outside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moft.types import Flags, Floats, Flow, Video

BLANK = 0.5  # levels: standard deviation of a picture below which there is nothing to follow in it


@dataclass(frozen=True)
class Step:
    """Weighted means over a region of one step's flow (x, y) px; NaN where the region is empty."""

    mean: Floats  # (2,)
    length: Floats  # () mean length
    square: Floats  # () mean squared length
    along: Floats  # () mean of flow · place, from the region's centre
    across: Floats  # () mean of place × flow
    spread: Floats  # () mean squared place
    moving: Floats  # () share that is not still
    moved: Floats  # (2,) flow of those that are not, times their share
    quarters: Floats  # (4, 2) flow of the picture's quarters, row after row
    found: Floats  # () share that is found again in the next frame


def step_of(flow: Flow, region: Floats, sure: Flags, still: float) -> Step:
    """The means of a flow (h w 2) over a region (h w) in 0…1, of what the picture still holds a frame later.

    sure: (h w) where the flow leads back. still: px, length below which nothing moves."""
    flow = flow.astype(np.float64)
    stays = region * ~(outside(flow) | outside(np.broadcast_to(np.median(flow, (0, 1)), flow.shape)))
    left = stays.sum() == 0 < region.sum()  # all of it leaves
    weight = region if left else stays
    grid = np.stack(np.meshgrid(*(np.arange(float(n)) for n in flow.shape[1::-1])), axis=-1)
    place = grid - mean_of(grid, weight)
    length = np.linalg.norm(flow, axis=-1)
    moving = (length >= still).astype(float)
    return Step(
        mean_of(flow, weight),
        mean_of(length, weight),
        mean_of(length**2, weight),
        mean_of((flow * place).sum(-1), weight),
        mean_of(place[..., 0] * flow[..., 1] - place[..., 1] * flow[..., 0], weight),
        mean_of((place**2).sum(-1), weight),
        mean_of(moving, weight),
        mean_of(flow * moving[..., None], weight),
        np.stack([mean_of(flow, weight * quarter) for quarter in _quarters(*flow.shape[:2])]),
        np.array(0.0) if left else mean_of(sure.astype(float), weight),
    )


def mean_of(values: Floats, weight: Floats) -> Floats:
    """Weighted mean over pixels: (h w …) and (h w) → (…); NaN without weight."""
    total = weight.sum()
    summed: Floats = np.einsum("hw,hw...->...", weight, values)
    return summed / total if total > 0 else np.full_like(summed, np.nan)


def _quarters(height: int, width: int) -> list[Floats]:
    """Weights (h w) of the picture's quarters, row after row."""
    below, right = np.indices((height, width)) * 2 >= np.array([height, width])[:, None, None]
    return [(row & column).astype(float) for row in (~below, below) for column in (~right, right)]


def sure_flows(video: Video) -> Iterator[tuple[Flow, Flags]]:
    """The flow of each step (h w 2) px of a clip that `check_video` admits, and where it leads back (h w):
    nowhere from or to a blank picture."""
    for before, after in zip(video, video[1:], strict=False):
        flow = flow_between(before, after)
        sure = leads_back(flow, flow_between(after, before))
        yield flow, sure & bool(min(before.std(), after.std()) >= BLANK)


def leads_back(flow: Flow, back: Flow) -> Flags:
    """Where a flow (h w 2) and that of the pictures in turn `agree`, (h w)."""
    import cv2

    y, x = np.indices(flow.shape[:2], np.float32)
    there = cv2.remap(
        back, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return agree(flow, np.asarray(there), min(flow.shape[:2]))


def agree(step: Floats, back: Floats, side: int) -> Flags:
    """Whether steps (… 2) px and those back cancel out in a picture of this shorter side: |w + w'|² ≤
    0.01 (|w|² + |w'|²) + 0.5 px² (Sundaram, Brox, Keutzer, ECCV 2010, Eq. 5)."""
    bound = 0.5 * min(1, side / 256) ** 2  # px²; the flow enlarges small pictures to 256 px
    slack = 0.01 * ((step**2).sum(-1) + (back**2).sum(-1)) + bound
    return np.asarray(((step + back) ** 2).sum(-1) <= slack)


def stacked(steps: list[Step]) -> Step:
    """All steps as one, (steps, …) each; those of an empty region take the mean of the others."""
    values = {
        field.name: np.stack([getattr(step, field.name) for step in steps]).astype(np.float64)
        for field in fields(Step)
    }
    for name, value in values.items():
        empty = np.isnan(value)
        if empty.any() and name != "quarters":
            value[empty] = np.broadcast_to(np.nanmean(value, axis=0), value.shape)[empty]
    return Step(**values)
