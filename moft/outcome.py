"""What was asked of each part of a clip, what came of it, by how much it was missed, and what to try then.

Runs are judged by optical flow inside each request's own region.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from moft.errors import RequestError
from moft.motion import Drag, Like, Motion

if TYPE_CHECKING:
    import numpy as np

    from moft.channels import Statistics
    from moft.guidance import Settings
    from moft.metrics import MeasuredMotion
    from moft.tap import ClipSize

__all__ = [
    "Asked",
    "Remedy",
    "as_motion",
    "evenly_read",
    "in_words",
    "judge",
    "lay_out",
    "overall",
    "remedies",
    "standing",
]

LATE = 0.8  # share of the denoising steps up to which a remedy guides; later ones draw details


@dataclass(frozen=True)
class Asked:
    """A request laid over the clips to be made."""

    request: Motion | Like
    mask: np.ndarray | None  # (h w) or (f h w) in 0…1; None: the whole frame
    clip: np.ndarray | None = None  # the clip to follow at the frames and size of the run, if there is one
    look: np.ndarray | None = None  # where in it, as `mask`

    def wanted(self, pipe: Any, statistics: Statistics, seed: int) -> Any:
        """What `moft.steer` takes; a clip is read under the seed's noise."""
        from moft.reference import from_clip

        if not isinstance(self.request, Like):
            return self.request
        assert self.clip is not None
        like = self.request
        return from_clip(
            pipe,
            self.clip,
            statistics=statistics,
            region=self.look,
            onto=self.mask,
            per_position=like.per_position,
            invert=like.invert,
            strength=like.strength,
            steps=like.steps,
            seed=seed,
        )

    def outcome(self, plain: np.ndarray, steered: np.ndarray) -> dict[str, Any]:
        """What was asked, and what both clips did where it counts."""
        from moft.metrics import measure

        found: dict[str, Any] = {"asked": str(self.request)}
        goal: Motion | None = None
        if isinstance(self.request, Motion):
            goal = self.request
        elif self.clip is not None:
            reference = measure(self.clip, self.look)
            goal = as_motion(reference, *self.clip.shape[1:3])
            found["reference"] = {"motion": reference.to_json()}
        found["goal"] = goal and goal.to_json()
        return {**found, "plain": judge(plain, self.mask, goal), "steered": judge(steered, self.mask, goal)}


def lay_out(requests: Sequence[Motion | Like], size: ClipSize, tell: Callable[[str], object]) -> list[Asked]:
    """Each request with its region and clip at the size of the run; `tell` hears what was resampled.

    Raises RequestError for requests that contradict each other, MediaError for files that cannot be used."""
    from moft.region import check_agreement, read_regions

    frames, height, width = size.frames, size.height, size.width
    masks = read_regions([request.region for request in requests], frames, height, width, tell)
    check_agreement(requests, masks)
    return [
        Asked(request, mask, *(_followed(request, size, tell) if isinstance(request, Like) else ()))
        for request, mask in zip(requests, masks, strict=True)
    ]


def _followed(
    like: Like, size: ClipSize, tell: Callable[[str], object]
) -> tuple[np.ndarray, np.ndarray | None]:
    """The clip to follow (f h w 3), and where to look in it, at the frames and size of the run."""
    from moft.region import fit_region, read_region
    from moft.video import read_video

    height, width = read_video(like.like, frames=1).shape[1:3]
    start, end = like.like_frames or (0, None)
    video = evenly_read(like.like, size, tell, start, end)
    look = None
    if like.like_region:
        there = read_region(like.like_region, size.frames, height, width, tell)
        look = fit_region(there, size.height, size.width)
    return video, look


def evenly_read(
    name: str, size: ClipSize, tell: Callable[[str], object], start: int = 0, end: int | None = None
) -> np.ndarray:
    """A clip, or its frames from `start` up to `end`, at the frames and size of the run: uint8 (f h w 3); `tell` hears if it
    was resampled.

    Raises RequestError for a picture, MediaError for a file that cannot be used."""
    from moft.video import evenly, read_video

    video = read_video(
        name, start=start, frames=None if end is None else end - start, size=(size.height, size.width)
    )
    if len(video) < 2:
        raise RequestError(
            f"cannot use {name}: expected a clip of 2 frames or more, got {len(video)}; pan it first"
        )
    if len(video) != size.frames:
        tell(
            f"{name}: {len(video)} frames resampled to {size.frames}, {len(video) / size.frames:.2g} times as fast"
        )
    return video[evenly(len(video), size.frames)]


def judge(video: np.ndarray, mask: np.ndarray | None, goal: Motion | None) -> dict[str, Any]:
    """The motion of a clip uint8 (f h w 3) inside a region, and whether it is the wanted one.

    Returns "motion" (as `MeasuredMotion`) and, None without a goal, "followed", "share" and "angle" (as `Verdict`).
    """
    from moft.metrics import judged, measure

    found = measure(video, mask)
    frames, height, width = video.shape[:3]
    verdict = goal and judged(found, goal, frames, height, width)
    judgement = {name: getattr(verdict, name, None) for name in ("followed", "share", "angle")}
    return {"motion": found.to_json(), **judgement}


def as_motion(found: MeasuredMotion, height: int, width: int) -> Motion | None:
    """The mean motion of a clip as a request, to judge others by: a direction, its path if it turns back, or "still".

    None if it cancels out in each frame too, and so names none."""
    from moft.metrics import STILL_SPEED

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


@dataclass(frozen=True)
class Remedy:
    """What to try when a request was not followed: other settings, or another seed."""

    words: str
    settings: Settings
    seed: int


def remedies(settings: Settings, seed: int, wanted: Sequence[Motion | Like | Drag]) -> Iterator[Remedy]:
    """What to try, one after the other and each on top of those before, without end: at last only other seeds.

    wanted: the requests; steps of their own are theirs to change.
    """
    found, steered = settings, [request for request in wanted if not isinstance(request, Drag)]
    if (
        steered and not settings.carry
    ):  # larger steps tear what is dragged (docs/steering.md); what is carried takes no gradients
        found = replace(settings, step_size=settings.step_size * 1.5)
        yield Remedy(f"step size {found.step_size:g} instead of {settings.step_size:g}", found, seed)
        if settings.steps is None and any(request.steps is None for request in steered):
            found = replace(found, steps=(0.12, LATE))
            yield Remedy(f"guided up to {LATE:.0%} of the steps", found, seed)
        before, found = found, replace(found, gradient_steps=found.gradient_steps * 2)
        yield Remedy(
            f"{found.gradient_steps} gradients a step instead of {before.gradient_steps}", found, seed
        )
    while True:
        seed = (seed + 1) % 2**63
        yield Remedy(f"seed {seed}", found, seed)


def in_words(part: dict[str, Any]) -> str:
    """How well one request was followed in the steered clip."""
    found = part["steered"]
    if found["followed"] is None:
        return "not told by a mean: the clip's motion cancels out"
    verdict = "yes" if found["followed"] else "no"
    if part["goal"].get("direction") == "still":
        return f"{verdict}, moves by {found['motion']['mean_speed']:.2f} px a frame"
    text = f"{verdict}, {100 * found['share']:.0f}% of what was asked"
    return text if found["angle"] is None else f"{text}, {found['angle']:.0f} degrees off"
