"""Is what moves otherwise than its ground found, where it is and as it moves? Photographs filmed in known
ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.bench.task import SEED, TUNING_SEED
from moft.field.movers import Mover, Parted, parted
from moft.known.filmed import CROWDS, KINDS, Filmed, filmed
from moft.known.photographs import held_out_photographs, training_photographs
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.types import Flags

NAMES = (*KINDS, *CROWDS)
Numbers = dict[str, list[float]]


def measured(
    kinds: Sequence[str],
    clips: int,
    size: ClipSize,
    tuning: bool,
    tell: Callable[[str, dict[str, Any]], None],
) -> dict[str, Any]:
    """Means by kind, over so many clips."""
    photos = list(training_photographs().values()) if tuning else held_out_photographs()
    first, rows = TUNING_SEED if tuning else SEED, {}
    for kind in kinds:
        found: Numbers = {}
        for i in range(clips):
            turn = [photos[(i + k) % len(photos)] for k in range(2)]
            shown = filmed(kind, turn, size, first + i)
            for name, values in scored(shown, parted(shown.video)).items():
                found.setdefault(name, []).extend(values)
        rows[kind] = row = {name: round(float(np.mean(values)), 3) for name, values in found.items()}
        tell(kind, row)
    return rows


def scored(shown: Filmed, found: Parted) -> Numbers:
    """Of one clip: whether as many were found as there are, how far the ground's motion is off, px a frame;
    of each object its intersection over union with the mover that has most in common with it, and how far
    that one's motion is off."""
    off = np.linalg.norm(found.ground - shown.scene, axis=-1).mean()
    numbers: Numbers = {
        "right_number": [float(len(found.movers) == len(shown.things))],
        "ground_px": [float(off)],
    }
    for thing in shown.things:
        shares = [overlap(mover.mask > 0.5, thing) for mover in found.movers]
        numbers.setdefault("iou", []).append(max(shares, default=0.0))
        if shares:
            best = found.movers[int(np.argmax(shares))]
            numbers.setdefault("motion_px", []).append(_astray(shown, thing, best))
    return numbers


def overlap(one: Flags, other: Flags) -> float:
    """Intersection over union, 0…1."""
    return float((one & other).sum() / max((one | other).sum(), 1))


def _astray(shown: Filmed, thing: Flags, mover: Mover) -> float:
    steps = np.array([step[where].mean(0) for step, where in zip(shown.steps, thing, strict=False)])
    return float(np.linalg.norm(mover.steps - steps, axis=-1).mean())
