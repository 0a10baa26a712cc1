"""The parts of a clip that may be followed alone: what moves otherwise than its ground, and the ground."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from moft.errors import RequestError
from moft.field.field import Field
from moft.field.movers import Mover, Parted, parted
from moft.field.shown import check_found
from moft.metrics.motion import direction_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moft.types import Mask, Video

GROUND = "ground"
_INSIDE = 0.5  # of a mover that must lie where one looks


def part_of(video: Video, part: str, look: Mask | None, name: str) -> tuple[Mask, Field]:
    """Where a part of a clip is, (f h w) in 0…1, and how it moves, wherever that is put.

    video: uint8 (f h w 3). part: "mover", the largest, "mover2" and so on, or "ground": what the camera does,
    everywhere. A mover goes as it does in the median over its extent. look: (h w) or (f h w) in 0…1, where
    movers are looked for; None: everywhere. name: of the clip and the part, for what is refused.
    Raises RequestError for a clip without that part, of which too little is found again from frame to frame,
    and for a place to look for the ground."""
    found = parted(video)
    check_found(found.found)
    side, shape = min(video.shape[1:3]), video.shape[:3]
    if part == GROUND:
        if look is not None:
            raise RequestError(
                f"cannot use {name}: expected no like_region beside it, got one; the camera's motion is one "
                "everywhere, leave like_region out"
            )
        return _rest(found, shape), Field.of_steps(found.ground / side)
    number = int(part.removeprefix("mover") or 1)
    there = [mover for mover in found.movers if look is None or _inside(mover, look)]
    if len(there) < number:
        _refuse(name, number, there)
    mover = there[number - 1]
    steps = np.broadcast_to(mover.steps[:, None, None] / side, (*mover.mask[1:].shape, 2))
    return mover.mask, Field.of_steps(steps)


def _rest(found: Parted, shape: tuple[int, ...]) -> Mask:
    """What no mover covers."""
    covered = np.zeros(shape, np.float32)
    for mover in found.movers:
        covered = np.maximum(covered, mover.mask)
    return 1 - covered


def _inside(mover: Mover, look: Mask) -> bool:
    return float((mover.mask * look).sum()) > _INSIDE * float(mover.mask.sum())


def _refuse(name: str, number: int, there: Sequence[Mover]) -> None:
    found = [
        f"{direction_of(*mover.steps.mean(0))}, {math.hypot(*mover.steps.mean(0)):.2f} px a frame, in "
        + ",".join(f"{at:g}" for at in mover.box)
        for mover in there
    ]
    remedy = "name one of these" if found else "leave out what is behind # to follow all of the clip"
    raise RequestError(
        f"cannot use {name}: expected {number} or more parts that move otherwise than the ground, "
        f"got {len(there)}{': ' if found else ''}{'; '.join(found)}; {remedy}"
    )
