"""The outline of what moves otherwise than its ground: where its own motion explains a clip better than the
camera's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moft.field.moving.apart import NEAR, Step, View, better, gathered, misfit_of, views_of
from moft.field.moving.camera import Plane, camera_of
from moft.field.moving.patches import OPEN, apart, around, patch_of, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moft.types import Flags, Floats

_AROUND = 1 / 16  # of the shorter side, around where it was found, is looked at
_LEAST = (
    0.4  # of 1: evidence from which a place is its own; what lies beside it is often plain, so tells little
)
_CORE = (
    1 / 32
)  # of the shorter side, from its edge on, is its own also where it bends, and no similarity fits
_FEW = 10  # px that are sure of a region, below which its flow is taken as it is


def outlined(found: Flags, steps: Sequence[Step]) -> Flags:
    """Where a mover is, (f h w), that was found at (f h w). Its motion in each step is the similarity that
    most of it follows."""
    forth = [_own(step.forth, where) for step, where in zip(steps, found[:-1], strict=True)]
    back = [_own(step.back, where) for step, where in zip(steps, found[1:], strict=True)]
    moves = zip([*forth, None], [None, *back], strict=True)
    own = [_seen(*frame) for frame in zip(views_of(steps), moves, found, strict=True)]
    score, frames = np.moveaxis(gathered(own, list(zip(forth, back, strict=True))), -1, 0)
    return np.stack([_joined(*one) for one in zip(score / frames, found, strict=True)])


def _own(view: View, where: Flags) -> Plane:
    """The motion (h w) of what is there."""
    sure = where & view.sure
    if sure.sum() < _FEW:
        return view.flow
    return camera_of(view.flow, sure.astype(float), 2 * NEAR * min(where.shape), edge=0).flow(*where.shape)


def _seen(
    views: tuple[View | None, View | None], moves: tuple[Plane | None, Plane | None], where: Flags
) -> Floats:
    """What a frame shows by itself (h w 2): evidence, and 1."""
    pairs = [(view, move) for view, move in zip(views, moves, strict=True) if view and move is not None]
    off = np.min([misfit_of(view.frame, view.other, move) for view, move in pairs], 0)
    astray = np.min([view.astray for view, _ in pairs], 0)
    known = np.isfinite(off) & np.isfinite(astray)
    score = better(*(np.where(known, value, 0) for value in (off, astray))).clip(-1, 1)
    near = around(where, round(min(where.shape) * _AROUND))
    return np.stack([np.where(near, score, -1), np.ones_like(score)], -1)


def _joined(score: Floats, where: Flags) -> Flags:
    """Of the patches of evidence (h w) those that touch where it was found, the core of that, and what they
    go around and is not known."""
    core = ~around(~where, round(min(where.shape) * _CORE))
    parts = [part for part in apart(patch_of(score, _LEAST), 1) if (part & where).any()]
    found = np.any([core, *parts], 0)
    return rounded(found, score > OPEN) if found.any() else found
