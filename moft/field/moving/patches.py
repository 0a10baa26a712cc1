"""Patches of a picture, (h w): parts that hang together, without what is thin, with what they go around."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moft.types import Flags, Floats

OPEN = -0.3  # evidence above which a place may belong to what goes around it


def patch_of(score: Floats, least: float) -> Flags:
    """Where evidence (h w) in −1…1, smoothed, is above the least: without what is thinner than the 32nd part
    of the side, with holes of which it is not known that they are ground."""
    import cv2

    reach = min(score.shape) / 64
    found = np.asarray(cv2.GaussianBlur(score, (0, 0), reach) > least)
    for hole in apart(~found, 1):
        inner = not (hole[0].any() or hole[-1].any() or hole[:, 0].any() or hole[:, -1].any())
        if inner and score[hole].mean() > OPEN:
            found |= hole
    opened = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, _disc(max(1, round(reach))))
    return np.asarray(opened > 0)


def apart(mask: Flags, least: float) -> list[Flags]:
    """The connected parts of a mask that have this many px or more."""
    import cv2

    count, label, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return [label == i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= least]


def shared(whole: Flags, cores: Sequence[Flags]) -> list[Flags]:
    """A mask shared out among its cores, each place to the nearest."""
    import cv2

    far = [cv2.distanceTransform((~core).astype(np.uint8), cv2.DIST_L2, 5) for core in cores]
    nearest = np.argmin(far, 0)
    return [whole & (nearest == i) for i in range(len(cores))]


def rounded(mask: Flags, free: Flags) -> Flags:
    """With what of its convex hull is free."""
    import cv2

    points = np.argwhere(mask)[:, ::-1].astype(np.int32)
    hull = cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), cv2.convexHull(points), 1) > 0
    return np.asarray(mask | (hull & free))


def around(mask: Flags, reach: int) -> Flags:
    """With what is as near as so many px."""
    import cv2

    return np.asarray(cv2.dilate(mask.astype(np.uint8), _disc(reach)) > 0)


def _disc(radius: int) -> npt.NDArray[np.uint8]:
    import cv2

    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
