"""What one request asks of a model: a loss of what the denoiser shows, where, when and how hard.

A new objective, of ours or of another system, is a class with one method, `loss`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from moft.errors import RequestError
from moft.feature.courses import course_of
from moft.feature.definition import ccr, motion_feature
from moft.feature.losses import LOSSES, blocks_loss
from moft.feature.reference import FromClip
from moft.feature.regions import at_cells
from moft.feature.target import OfField, Synthesised, Target, cells_of
from moft.field.asked import middle

if TYPE_CHECKING:
    from moft.models.calls import Call
    from moft.models.tap import Tap
    from moft.types import ClipSize, Mask

# Shares of the denoising steps: 3…11 of 25 in the release; for gentle gradients and courses; for stillness of
# a clip whose noise cannot be led.
EARLY, LATER, MOST = (0.12, 0.48), (0.12, 0.72), (0.12, 0.92)
UPDATES = 2  # of the latents in each guided step, as in the release
STEP = 0.3  # their size; likewise
FURTHER = (
    1.5  # times as far as a whole frame is asked to goes its noise: clips go less far (docs/lab/rules.md)
)
FEW, MORE = 5, 8  # guided steps that suffice for motions of the whole frame, of regions (docs/lab/rules.md)
_COURSE = 0.1  # shorter sides that displacements are counted in: what a pan by 2 px of 64 has at most


@dataclass(frozen=True)
class Look:
    """One look into the denoiser, at latents whose gradient is wanted. What it costs is paid when it is asked
    for."""

    tap: Tap
    latents: Tensor  # (b c f h w), which ask for a gradient
    timestep: Tensor  # scalar, as the scheduler counts
    call: Call  # the pipeline's own, for the conditional part
    passing: Tensor | None = None  # features that were read already, from the pipeline's own call (fused)

    @cached_property
    def inputs(self) -> Tensor:
        """What the denoiser takes for these latents, (b c f h w)."""
        return self.latents if self.passing is not None else self.tap.scaled(self.latents, self.timestep)

    @cached_property
    def features(self) -> Tensor:
        """The output of the tap's layer, (b f c h w), float32."""
        if self.passing is not None:
            return self.passing
        return self.tap.read(self.inputs, float(self.timestep), self.call)

    @cached_property
    def size(self) -> ClipSize:
        """The size of the clip that the latents decode to."""
        return self.tap.clip_size(self.latents)


@dataclass(frozen=True)
class Objective(ABC):
    """One request made ready for one model.

    A subclass adds what it needs and says what its loss is.
    """

    layer: str  # submodule of the denoiser behind which reading may stop
    timestep: int  # of a model with two denoisers, which of them is read: the one at work there
    _: KW_ONLY
    region: Any = (
        None  # (h w) or (f h w) in 0…1 at any resolution, a text as of `Motion.region`, or None: all
    )
    strength: float = 1.0  # ≥ 0, factor of the loss
    steps: tuple[float, float] = EARLY  # share of the denoising steps in which it counts
    request: Any = None  # what was asked; two of one place must ask for the same
    keep_spread: bool = False  # unless `Settings` say otherwise; likewise
    updates: int = UPDATES  # of the latents in each guided step
    step_size: float = STEP  # of an update; likewise
    warp_noise: float = 0.0  # how far the first noise goes, as a share of what is asked; likewise
    guided_steps: int | None = None  # how many of those in `steps` are, evenly spread; None: all; likewise

    @abstractmethod
    def loss(self, look: Look) -> Tensor:
        """How far the model is from what is asked: a scalar through which gradients flow to
        `look.latents`."""

    def window(self, count: int) -> tuple[int, int]:
        """The first of so many steps in which it counts, and that behind the last one: its share of them, and
        at least one before which latents can be changed, which they cannot before the first (0)."""
        first = min(round(self.steps[0] * count), count - 1)
        return first, max(min(round(self.steps[1] * count), count), max(first, 1) + 1)

    def due(self, index: int, count: int, guided_steps: int | None = None) -> bool:
        """Whether it counts at a step of so many; guided_steps: in place of its own."""
        first, end = self.window(count)
        most, able = guided_steps or self.guided_steps, max(first, 1)  # before which latents can be changed
        if most is None or most >= end - able:
            return first <= index < end
        return index in [able + i * (end - able) // most for i in range(most)]


Objectives = Callable[
    ["ClipSize"], Sequence[Objective]
]  # the objectives of a run, laid over a clip of a size


@dataclass(frozen=True)
class Follow(Objective):
    """MOFT inside the region should be that of the target (Eq. 3, or a loss of means)."""

    target: Target
    kind: str = "quadrants"  # a name in `moft.feature.losses.LOSSES`

    def loss(self, look: Look) -> Tensor:
        seen, channels = look.features, self.target.channels
        if int(channels.max()) >= seen.shape[2]:
            raise RequestError(
                f"expected motion channels of {self.layer!r}, which has {seen.shape[2]}, got "
                f"{int(channels.max())}: they are another model's; find its own with `moft channels`"
            )
        feature = motion_feature(seen, channels)
        goal = self.target.at(feature, look.size).to(feature)
        scale = self.target.scale
        return LOSSES[self.kind](feature / scale, goal / scale, self.counting(feature))

    def counting(self, feature: Tensor) -> Tensor | None:
        """How much each place of a feature (b f k h w) counts, (f h w) in 0…1; None: all as much."""
        region = None if self.region is None else at_cells(self.region, cells_of(feature)).to(feature)
        if not isinstance(self.target, OfField):
            return region
        sure = self.target.weight(feature).to(feature)
        return sure if region is None else sure * region


@dataclass(frozen=True)
class FollowCourse(Follow):
    """The same, and so should be the course that the layer's curves show at each place
    (`moft.feature.courses`)."""

    target: OfField | Synthesised

    def loss(self, look: Look) -> Tensor:
        courses = self.target.statistics.courses
        assert courses is not None
        shown = course_of(ccr(look.features), courses)
        wanted = self.target.course(cells_of(shown), look.size).to(shown)
        return super().loss(look) + blocks_loss(shown / _COURSE, wanted / _COURSE, self.counting(shown))


def follow(
    target: Target,
    region: Any,
    *,
    alone: bool,
    loss: str | None = None,
    steps: Any = None,
    noise: bool = True,
) -> Follow:
    """The objective of a target, with the loss and the steps that suit it.

    alone: whether it is the only request of its run. loss: a name, whatever suits. steps: those of requests
    that say nothing themselves; None is what suits. noise: whether the run begins from noise, which can go
    along, and not from a clip.

    The spread of latents is kept for a motion of the whole frame, which leaves more of the picture; objects,
    and motions of one run that go against each other, are followed less often with it. Where words say how
    something goes, its noise does half of the work, and gradients may be gentle (docs/lab/rules.md).
    """
    whole = region is None and alone
    if isinstance(target, Synthesised) and not whole:
        target = replace(target, about=(0.0, 0.0))  # until it is `laid`
    kind, places = loss or _suiting(target, whole), target.by_places
    still = _is_still(target)
    steady = isinstance(target, Synthesised) and target.motion.steady
    gently = noise and not places and (steady or still)
    few = gently and (steady or whole)  # beside what moves stillness takes all of its steps
    by_course = kind == "blocks" and places and _has_courses(target)
    made: type[Follow] = FollowCourse if by_course else Follow
    return made(
        target.layer,
        target.timestep,
        region=region,
        strength=target.strength,
        steps=target.steps or steps or _suiting_steps(target, by_course or gently),
        request=target.motion if isinstance(target, Synthesised) else target,
        target=target,
        kind=kind,
        keep_spread=places or (whole and not still),
        updates=1 if by_course or gently else UPDATES,
        step_size=STEP / (6 if still and whole else 2) if gently else STEP,
        warp_noise=FURTHER if noise and steady and whole else float(noise and (gently or places)),
        guided_steps=(FEW if whole else MORE) if few and not (target.steps or steps) else None,
    )


def check_targets(objectives: Sequence[Objective]) -> None:
    """Raise RequestError for motion channels without a range, which cannot say anything."""
    for objective in objectives:
        if isinstance(objective, Follow) and not objective.target.scale > 0:
            raise RequestError(
                f"expected motion channels of a scale > 0, got {objective.target.scale:g}; find them anew "
                "with `moft channels`"
            )


def _suiting_steps(target: Target, longer: bool) -> tuple[float, float]:
    """Courses, and what is asked gently, longer than other motion, by one gradient a step; stillness without
    its noise in most of the steps, since details that are drawn late flicker by themselves."""
    if longer:
        return LATER
    return MOST if _is_still(target) else EARLY


def _is_still(target: Target) -> bool:
    return isinstance(target, Synthesised) and target.motion.direction == "still"


def _has_courses(target: Target) -> bool:
    """Whether what it asks can be asked as the layer's course, too (`moft.feature.courses`)."""
    return isinstance(target, OfField | Synthesised) and target.statistics.courses is not None


def _suiting(target: Target, whole: bool) -> str:
    """Which loss: "position" (Eq. 3) where every place has a target of its own, or none may move; else
    "quadrants", which says where things go on the whole and leaves their details free. In a region "region",
    whose pieces a cut by the quarters of the frame would make too small to say where they go. "blocks" where
    each part goes its own way."""
    if target.by_places:
        return "blocks"
    if _is_still(target) or (isinstance(target, FromClip) and target.per_position):
        return "position"
    return "quadrants" if whole else "region"


def laid(objective: Objective, mask: Mask | None, size: ClipSize) -> Objective:
    """The same with its region as it lies in a clip of this size, (h w) or (f h w) in 0…1; None: the whole
    frame."""
    where = None if mask is None else torch.as_tensor(mask)
    found = replace(objective, region=where)
    if where is None or not isinstance(found, Follow) or not isinstance(found.target, Synthesised):
        return found
    about = middle(objective.region, mask, size)
    return replace(found, target=replace(found.target, about=about))


def inside(objectives: Sequence[Objective], size: Sequence[int]) -> Tensor | None:
    """The union of the regions, (h w) or (f h w) in 0…1, at this size (f, h, w); None if one is the whole
    frame. Cells that two regions share are theirs by the sum of their parts."""
    regions = [objective.region for objective in objectives if objective.region is not None]
    if len(regions) < len(objectives):
        return None
    return reduce(torch.add, [at_cells(region, size) for region in regions]).clamp(max=1)
