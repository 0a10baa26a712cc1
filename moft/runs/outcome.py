"""What was asked of each part of a clip, what came of it, by how much it was missed, and what to try then.

Runs are judged by optical flow inside each request's own region.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moft.request.like import Like
from moft.request.motion import Motion
from moft.types import ClipSize

if TYPE_CHECKING:
    import numpy as np

    from moft.feature.statistics import Statistics
    from moft.media.resampled import Followed
    from moft.metrics.motion import MeasuredMotion


@dataclass(frozen=True)
class Asked:
    """A request laid over the clips to be made."""

    request: Motion | Like
    mask: np.ndarray | None  # (h w) or (f h w) in 0…1; None: the whole frame
    followed: Followed | None = None  # the clip to follow at the frames and size of the run, if there is one

    def wanted(self, pipe: Any, statistics: Statistics, seed: int) -> Any:
        """What `moft.steer` takes; a clip is read under the seed's noise."""
        from moft.feature.reference import from_like

        if not isinstance(self.request, Like):
            return self.request
        assert self.followed is not None
        return from_like(pipe, self.request, self.followed, statistics, onto=self.mask, seed=seed)

    def outcome(self, plain: np.ndarray, steered: np.ndarray) -> dict[str, Any]:
        """What was asked, and what both clips did where it counts."""
        from moft.metrics.motion import measure

        found: dict[str, Any] = {"asked": str(self.request)}
        goal: Motion | None = None
        if isinstance(self.request, Motion):
            goal = self.request
        elif self.followed is not None:
            reference = measure(self.followed.video, self.followed.look)
            goal = as_motion(reference, *self.followed.video.shape[1:3])
            found["reference"] = {"motion": reference.to_json()}
        found["goal"] = goal and goal.to_json()
        return {**found, "plain": judge(plain, self.mask, goal), "steered": judge(steered, self.mask, goal)}


def lay_out(requests: Sequence[Motion | Like], size: ClipSize, tell: Callable[[str], object]) -> list[Asked]:
    """Each request with its region and clip at the size of the run; `tell` hears what was resampled.

    Raises RequestError for requests that contradict each other, MediaError for files that cannot be used."""
    from moft.media.mask import check_agreement, read_regions
    from moft.media.resampled import read_followed

    masks = read_regions([request.region for request in requests], size, tell)
    check_agreement(requests, masks)
    return [
        Asked(request, mask, read_followed(request, size, tell) if isinstance(request, Like) else None)
        for request, mask in zip(requests, masks, strict=True)
    ]


def judge(video: np.ndarray, mask: np.ndarray | None, goal: Motion | None) -> dict[str, Any]:
    """The motion of a clip uint8 (f h w 3) inside a region, and whether it is the wanted one.

    Returns "motion" (as `MeasuredMotion`) and, None without a goal, "followed", "share" and "angle" (as `Verdict`).
    """
    from moft.metrics.motion import judged, measure

    found = measure(video, mask)
    verdict = goal and judged(found, goal, ClipSize.of(video))
    judgement = {name: getattr(verdict, name, None) for name in ("followed", "share", "angle")}
    return {"motion": found.to_json(), **judgement}


def as_motion(found: MeasuredMotion, height: int, width: int) -> Motion | None:
    """The mean motion of a clip as a request, to judge others by: a direction, its path if it turns back, or "still".

    None if it cancels out in each frame too, and so names none."""
    from moft.metrics.motion import STILL_SPEED

    least = STILL_SPEED * min(height, width)
    if found.speed >= least:
        return Motion(math.degrees(math.atan2(*found.inside[::-1])), speed=f"{found.speed}px")
    if max(math.hypot(*step) for step in found.per_frame) >= least:
        at, path = (0.0, 0.0), [(0.0, 0.0)]
        for x, y in found.per_frame:
            at = (at[0] + x / min(height, width), at[1] + y / min(height, width))
            path.append(at)
        return Motion(path=tuple(path))
    return Motion("still") if found.mean_speed < least else None


def overall(outcome: Sequence[dict[str, Any]]) -> bool | None:
    """Whether every request was followed in the steered clip; None if none was missed and some cannot be told."""
    found = [part["steered"]["followed"] for part in outcome]
    return False if False in found else None if None in found else True


def standing(outcome: Sequence[dict[str, Any]]) -> tuple[int, float]:
    """By which of several runs the best is chosen: requests followed, then the least share of what was asked."""
    found = [part["steered"] for part in outcome]
    shares = [part["share"] for part in found if part["share"] is not None]
    return sum(part["followed"] is True for part in found), min([*shares, 1.0])
