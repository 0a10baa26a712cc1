"""What is told of a steered block when it is left: that nothing, or little, was guided in it, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moft.steering.objective import Objective
    from moft.types import ClipSize

FEW = 3  # guided steps; with fewer, little follows


@dataclass
class Report:
    """What happened in a steered block, or in one run of it."""

    steps: list[dict[str, Any]] = field(default_factory=list)  # step, timestep, losses before each update
    skipped: int = 0  # updates left out because their gradient was not finite
    overflows: int = 0  # float16 gradients that were taken again with half the loss scale
    loss_scale: float | None = None  # at last; None if it was never lowered
    memory: str | None = None  # how gradients were taken at last, where memory ended (`steering.ladder`)
    guidance_seconds: float = 0.0
    seconds: float = 0.0  # from entering to leaving the `with` block
    made: int = 0  # steps that the pipeline made
    carried: int = 0  # behind how many of them a first frame was carried along
    warped: int = 0  # of how many requests the first noise was led along
    moved: int = 0  # behind how many of them latents were changed
    lost: int = 0  # behind how many of these the pipeline went on from other latents
    notes: list[str] = field(default_factory=list)  # what was told when the block was left

    def to_json(self) -> dict[str, Any]:
        """Its fields as plain JSON values."""
        return dict(self.__dict__)

    def since(self, before: Report) -> Report:
        """What was added to an earlier state of this report."""
        steps, numbers = (
            self.steps[len(before.steps) :],
            ("skipped", "overflows", "guidance_seconds", "made", "carried", "warped", "moved", "lost"),
        )
        return Report(steps, **{name: getattr(self, name) - getattr(before, name) for name in numbers})


@dataclass(frozen=True)
class Asked:
    """What of a block decides on what can have gone wrong in it."""

    objectives: Sequence[Objective]  # of the last run
    by_callback: bool
    carries: bool  # a first frame, instead of guiding
    guides: bool  # by gradients; not with a step size of 0
    warps: bool  # leads the first noise along
    changes: bool  # whether there is anything that changes latents


def told_of(run: Report, asked: Asked) -> str | None:
    """What to tell of one run; None if it was guided in some steps."""
    guided, led = len(run.steps), run.warped > 0
    alone = led and not asked.guides  # the noise, as was asked
    if not run.made:
        return f"nothing was guided: {_no_step(asked)}"
    if guided and run.skipped and not run.moved:
        return (
            f"nothing was guided: no gradient of {guided} steps was a finite number; load the model in "
            "bfloat16 or float32, or choose other motion channels"
        )
    if guided > led and run.moved <= led:
        return (
            f"nothing was guided: latents stayed as they were, bit for bit, in all of {guided} guided steps: "
            "the gradient is zero or the step size too small; raise step_size, or choose another layer"
        )
    does = guided or asked.carries or alone  # what surrounds a region may have been put back
    if not (run.moved and does):
        return f"nothing was guided: {_not_due(run, asked)}"
    if run.lost:
        return (
            f"{'nothing was guided: ' if run.lost == run.moved else ''}the pipeline did not take up what was "
            f"changed behind {run.lost} of {run.moved} steps: a callback_on_step_end put other latents in "
            "its place, or dropped it; let it return what run.callback returns, or leave latents as they are"
        )
    if asked.carries and not run.carried:
        return f"nothing was carried: {_not_due(run, asked)}"
    if not asked.carries and not alone and guided < FEW:
        return (
            f"only {guided} of {run.made} steps guided, so little may follow; run more steps, or ask for "
            "more of them with steps=(0, 1)"
        )
    return f"no noise went along: {_UNLED}" if asked.warps and not led else None


_UNLED = (
    "the request does not say how far things go, the run begins from a clip, or the scheduler would drop the "
    "change; leave warp_noise out"
)


def _no_step(asked: Asked) -> str:
    if asked.by_callback:
        return (
            "no step was handed to run.callback; call the pipeline inside the block, with "
            "callback_on_step_end=run.callback"
        )
    return (
        "the pipeline made no step of its scheduler inside the block; call it there, and steer one that "
        "steps by its own scheduler, not by a copy"
    )


def _not_due(run: Report, asked: Asked) -> str:
    if run.made < 2:
        return "a run of one step has nothing between two steps; run 4 steps or more"
    if not asked.changes:
        return "the step size is 0"
    if not any(objective.strength > 0 for objective in asked.objectives):
        return "every request has strength 0"
    if not asked.guides:
        return f"the step size is 0, and no noise went along: {_UNLED}"
    if asked.carries:
        return f"no frame was carried in {run.made} steps; choose another share to carry at"
    shares = ", ".join(sorted({"{:g}…{:g}".format(*objective.steps) for objective in asked.objectives}))
    return (
        f"none of {run.made} steps was one to guide (asked in shares {shares}): another denoiser is at work "
        "there, or the scheduler would drop the change; ask for other steps=, or use another scheduler"
    )


def stretched(objectives: Sequence[Objective], size: ClipSize) -> list[str]:
    """What to tell of clips and fields to follow that were read in another number of frames than is
    sampled."""
    read = [getattr(getattr(objective, "target", None), "frames", None) for objective in objectives]
    return [
        f"a clip or field was read in {frames} frames, and {size.frames} are sampled: its motion is followed "
        f"in the same time, {(frames - 1) / max(size.frames - 1, 1):.2g} times as fast a frame; read it in "
        "as many (size=moft.ClipSize(…) for a Like or an Along), or give a Field that is stretched to it"
        for frames in dict.fromkeys(read)
        if frames is not None and frames != size.frames
    ]
