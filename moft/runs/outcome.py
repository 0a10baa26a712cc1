"""What came of each request, by how much it was missed, and what to try then.

Runs are judged by optical flow inside each request's own region.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.field.given import Given, read_shown
from moft.field.resampled import Followed
from moft.media.frames import Source
from moft.media.mask import check_agreement, read_regions
from moft.metrics.agreement import Agreement, agreement, as_asked
from moft.metrics.motion import STILL_SPEED, MeasuredMotion, Verdict, check_mask, judged, measure
from moft.request.along import Along
from moft.request.drag import Drag
from moft.request.like import Like
from moft.request.motion import Motion
from moft.steering.objective import STEP, UPDATES
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.feature.model import Model
    from moft.field.field import Field
    from moft.request.parse import AnyRequest
    from moft.steering.settings import Settings
    from moft.types import Mask, Video

LATE = 0.8  # share of the denoising steps up to which a remedy guides; later ones draw details


@dataclass(frozen=True)
class Judgement:
    """How one clip moves where a request counts, and whether that is what was asked."""

    motion: MeasuredMotion
    verdict: Verdict | None  # None where the request names no motion to judge by
    agreement: Agreement | None = None  # with the field that was asked, if one was

    @property
    def followed(self) -> bool | None:
        """None if it cannot be told."""
        return None if self.verdict is None else self.verdict.followed

    @property
    def share(self) -> float | None:
        """How much of what was asked, 1 being all; None if it cannot be told."""
        return None if self.verdict is None else self.verdict.share

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        angle = None if self.verdict is None else self.verdict.angle
        told: dict[str, Any] = {"followed": self.followed, "share": self.share, "angle": angle}
        if self.verdict is not None and self.verdict.reason is not None:
            told["reason"] = self.verdict.reason
        if self.agreement is not None:
            told["agreement"] = self.agreement.to_json()
        return {"motion": self.motion.to_json(), **told}


@dataclass(frozen=True)
class Outcome:
    """What came of one request."""

    asked: str  # the request in words
    goal: Motion | None  # what it is judged by; of a clip whose motion cancels out, none
    plain: Judgement
    steered: Judgement
    reference: MeasuredMotion | None = None  # of the clip to follow, if there is one

    @property
    def followed(self) -> bool | None:
        """Whether the steered clip does what was asked; None if that cannot be told."""
        return self.steered.followed

    def to_json(self) -> dict[str, Any]:
        """As in a record."""
        reference = {} if self.reference is None else {"reference": {"motion": self.reference.to_json()}}
        goal = self.goal and self.goal.to_json()
        clips = {"plain": self.plain.to_json(), "steered": self.steered.to_json()}
        return {"asked": self.asked, **reference, "goal": goal, **clips}


@dataclass(frozen=True)
class Placed:
    """A request laid over the clips to be made."""

    request: Motion | Like | Along
    mask: Mask | None  # (h w) or (f h w) in 0…1; None: the whole frame
    clip: Followed | Given | None = None  # what to follow at the frames and size of the run, if it is shown

    def ready(self, model: Model, seed: int) -> Any:
        """What `moft.steer` takes; a clip is read under the seed's noise."""
        from moft.feature.reference import from_like

        if isinstance(self.request, Motion):
            return self.request
        assert self.clip is not None
        return from_like(model.pipe, self.request, self.clip, model.statistics, onto=self.mask, seed=seed)

    def outcome(self, plain: Video, steered: Video) -> Outcome:
        """What was asked, and what both clips, uint8 (f h w 3), did where it counts."""
        goal, reference = self._goal
        before, after = (judge(clip, self.mask, goal, self.field) for clip in (plain, steered))
        return Outcome(str(self.request), goal, before, after, reference)

    @cached_property
    def field(self) -> Field | None:
        """What is followed place by place, at the size of the run; None where words are, or a clip's mean."""
        by_places = isinstance(self.request, Along) or (
            isinstance(self.request, Like) and self.request.by_flow
        )
        if not by_places or self._goal[0] == Motion("still"):
            return None
        assert self.clip is not None
        return self.clip.field(self.mask)

    @cached_property
    def _goal(self) -> tuple[Motion | None, MeasuredMotion | None]:
        if isinstance(self.request, Motion):
            return self.request, None
        if isinstance(self.clip, Given):
            return Motion("still") if self.clip.still else None, None
        assert self.clip is not None
        reference = measure(self.clip.video, self.clip.look)
        return as_motion(reference, ClipSize.of(self.clip.video)), reference


def lay_out(
    requests: Sequence[Motion | Like | Along],
    size: ClipSize,
    tell: Callable[[str], object],
    source: Source | None = None,
) -> list[Placed]:
    """Each request with its region and what it shows at the size of the run; `tell` hears what was resampled,
    cropped or left out. source: what the run starts from.

    Raises RequestError for requests that contradict each other, MediaError for files that cannot be used."""
    masks = read_regions([request.region for request in requests], size, tell, source)
    check_agreement(requests, masks)
    for mask in masks:
        if mask is not None:
            check_mask(mask, size)
    return [
        Placed(request, mask, None if isinstance(request, Motion) else read_shown(request, size, tell))
        for request, mask in zip(requests, masks, strict=True)
    ]


def judge(video: Video, mask: Mask | None, goal: Motion | None, field: Field | None = None) -> Judgement:
    """How a clip uint8 (f h w 3) moves inside a region, and whether that is the goal; of a field, whether
    each part goes as it says."""
    motion, size = measure(video, mask), ClipSize.of(video)
    if field is None:
        return Judgement(motion, None if goal is None else judged(motion, goal, size))
    inner = (field if mask is None else field.masked(mask)).weight
    found = agreement(video, field.steps * size.side, np.minimum(inner[:-1], inner[1:]))
    return Judgement(motion, as_asked(found), found)


def as_motion(measured: MeasuredMotion, size: ClipSize) -> Motion | None:
    """The mean motion of a clip as a request, to judge others by: a direction, its path if it turns back, or
    "still".

    None if it cancels out in each frame too, and so names none."""
    least = STILL_SPEED * size.side
    if measured.speed >= least:
        return Motion(math.degrees(math.atan2(*measured.inside[::-1])), speed=f"{measured.speed}px")
    if max(math.hypot(*step) for step in measured.per_frame) >= least:
        at, path = (0.0, 0.0), [(0.0, 0.0)]
        for x, y in measured.per_frame:
            at = (at[0] + x / size.side, at[1] + y / size.side)
            path.append(at)
        return Motion(path=tuple(path))
    return Motion("still") if measured.mean_speed < least else None


def overall(outcome: Sequence[Any]) -> bool | None:
    """Whether everything was followed; None if nothing was missed and some cannot be told."""
    told = [part.followed for part in outcome]
    return False if False in told else None if None in told else True


def standing(outcome: Sequence[Outcome]) -> tuple[int, float]:
    """By which of several runs the best is chosen: requests followed, then the least share of what was
    asked."""
    judged = [part.steered for part in outcome]
    shares = [one.share for one in judged if one.share is not None]
    return sum(one.followed is True for one in judged), min([*shares, 1.0])


# ---------------------------------------------------------------- what to try then


@dataclass(frozen=True)
class Remedy:
    """What to try when a request was not followed: other settings, or another seed."""

    words: str
    settings: Settings
    seed: int


def remedies(settings: Settings, seed: int, requests: Sequence[AnyRequest]) -> Iterator[Remedy]:
    """What to try, one after the other and each on top of those before, without end: at last only other
    seeds.

    Steps that requests ask for themselves are theirs to change. What is dragged gets no larger steps, which
    would tear it (docs/lab/drag.md), and what is carried takes no gradients.
    """
    tried, steered = settings, [request for request in requests if not isinstance(request, Drag)]
    if steered and not settings.carry:
        size = STEP if settings.step_size is None else settings.step_size
        tried = replace(settings, step_size=1.5 * size)
        before = "" if settings.step_size is None else f" instead of {size:g}"
        yield Remedy(f"step size {1.5 * size:g}{before}", tried, seed)
        if settings.steps is None and any(request.steps is None for request in steered):
            tried = replace(tried, steps=(0.12, LATE))
            yield Remedy(f"guided up to {LATE:.0%} of the steps", tried, seed)
        tried = replace(tried, gradient_steps=2 * (tried.gradient_steps or UPDATES))
        yield Remedy(f"{tried.gradient_steps} gradients a step", tried, seed)
    while True:
        seed = (seed + 1) % 2**63
        yield Remedy(f"seed {seed}", tried, seed)
