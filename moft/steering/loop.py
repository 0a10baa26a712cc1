"""The loop: between two steps of a pipeline its latents pass through changes, one after the other.

A change is one idea (guide by gradients, carry a frame along, keep what surrounds a region) and a file of its
own.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor

from moft.models.attach import Between, between_steps

if TYPE_CHECKING:
    from moft.models.calls import Call
    from moft.models.tap import Tap
    from moft.steering.objective import Objective, Objectives
    from moft.steering.recording import Recording
    from moft.types import ClipSize


@dataclass
class Report:
    """What happened in a steered run."""

    steps: list[dict[str, Any]] = field(default_factory=list)  # step, timestep, losses before each update
    skipped: int = 0  # updates left out because their gradient was not finite
    guidance_seconds: float = 0.0
    seconds: float = 0.0  # from entering to leaving the `with` block

    def to_json(self) -> dict[str, Any]:
        """Its fields as plain JSON values."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Moment:
    """Between two steps: what a change may have to know."""

    index: int  # of the step to come; the last one is behind the schedule
    count: int  # steps of the schedule
    size: ClipSize  # of the clip that the latents decode to
    calls: list[Call]  # of the denoiser, by the pipeline, in the step before
    tell_keys: Callable[
        [int, int], None
    ]  # that the denoiser is about to be called: at which step, the how many-th time


class Change:
    """Something done to the latents between two steps; a subclass says what."""

    def attached(self) -> AbstractContextManager[None]:
        """What must be in place while the pipeline runs; nothing unless a subclass says so."""
        return nullcontext()

    def apply(self, latents: Tensor, moment: Moment) -> Tensor:
        """The latents (b c f h w) that the step to come should see: the same object if nothing is changed."""
        raise NotImplementedError


class Steering(Between):
    """A pipeline being steered; made by `steer`. `report` tells what happened."""

    def __init__(
        self,
        tap: Tap,
        objectives: Objectives,
        changes: Sequence[Change],
        report: Report,
        plain: Recording | None = None,
        keys: float = 0.0,
    ) -> None:
        """keys: the share of the steps, from the first, that take keys and values over from `plain`."""
        super().__init__(tap, plain.keys if plain and keys else None, keys)
        self._objectives, self.changes, self.report, self.plain = objectives, changes, report, plain

    @contextmanager
    def attached(self, by_callback: bool = False) -> Iterator[Steering]:
        """Listen to the denoiser and, unless a callback does it, change what `scheduler.step` returns."""
        started = time.perf_counter()
        with ExitStack() as stack:
            stack.enter_context(between_steps(self, by_callback))
            for change in self.changes:
                stack.enter_context(change.attached())
            if self.keys:
                stack.enter_context(self.keys.replaying())
            try:
                yield self
            finally:
                self.report.seconds = time.perf_counter() - started

    def objectives(self, size: ClipSize) -> Sequence[Objective]:
        """What is asked of a clip of this size, regions laid over it.

        Raises RequestError for requests that contradict each other, or that such a clip has no room for."""
        return self._objectives(size)

    def next(self, latents: Tensor, index: int, calls: list[Call]) -> Tensor:
        """The latents (b c f h w) after all changes."""
        moment = Moment(index, len(self.tap.timesteps), self.tap.clip_size(latents), calls, self.tell_keys)
        self.objectives(moment.size)  # or say what is wrong with them, in the first step
        if self.plain and index == 1:
            self.plain.check_begin(latents, calls, warnings.warn)
        if self.plain and self.keys:
            self.plain.at(index, latents)  # or say that it is of another kind
        changed = latents
        for change in self.changes:
            changed = change.apply(changed, moment)
        if changed is not latents:
            self.tap.forget_last_sample()
        return changed.to(latents.dtype)
