"""The loop: between two steps of a pipeline its latents pass through changes, one after the other.

A change is one idea (guide by gradients, carry a frame along, keep what surrounds a region) and a file of its
own.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from moft.errors import BackboneError, RequestError, SteeringWarning
from moft.feature.regions import at_cells
from moft.finite import check_finite
from moft.models.attach import Between, between_steps
from moft.steering.told import Asked, Report, told_of

if TYPE_CHECKING:
    from moft.models.calls import Call
    from moft.models.tap import Tap
    from moft.steering.objective import Objective, Objectives
    from moft.steering.recording import Recording
    from moft.types import ClipSize

_steered: dict[int, object] = {}  # by identity, what no two runs may share and some is steered with
_entering = threading.Lock()


@dataclass(frozen=True)
class Moment:
    """Between two steps: what a change may have to know."""

    index: int  # of the step to come in the schedule; the last one is behind it
    count: int  # steps that the run makes: of a schedule that it joins late, only the end
    size: ClipSize  # of the clip that the latents decode to
    calls: list[Call]  # of the denoiser, by the pipeline, in the step before
    tell_keys: Callable[
        [int, int], None
    ]  # that the denoiser is about to be called: at which step, the how many-th time
    first: int = 0  # step of the schedule that the run began with
    given: int = 0  # frames, from the first, that the pipeline gives, whatever is done to them

    @property
    def made(self) -> int:
        """How many steps the run has made: 1…count."""
        return self.index - self.first


class Change:
    """Something done to the latents between two steps; a subclass says what."""

    def attached(self) -> AbstractContextManager[None]:
        """What must be in place while the pipeline runs; nothing unless a subclass says so."""
        return nullcontext()

    def begin(self) -> None:
        """A run begins: nothing of the one before may count in it."""

    def apply(self, latents: Tensor, moment: Moment) -> Tensor:
        """The latents (b c f h w) that the step to come should see: the same object if nothing is changed."""
        raise NotImplementedError


class Steering(Between):
    """A pipeline being steered; made by `steer`. `report` tells what happened in the block, `reports` what in
    each of its runs."""

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
        self.reports: list[Report] = []
        self.tell: Callable[[str], object] = _warn  # how it is told that nothing, or little, was guided
        self.carries = False  # whether a frame is carried instead of guiding; for what is told
        self.guides, self.warps = True, False  # whether gradients are taken, and noise led along; likewise
        self.redraws = False  # whether what is inside is drawn anew, and may be by other words
        self._asked: list[Objective] = []  # of the last run
        self._before, self._finished = Report(), list[Report]()
        self._passed_by = False  # whether a run went by of which no step was seen

    @contextmanager
    def attached(self, by_callback: bool = False) -> Iterator[Steering]:
        """Listen to the denoiser and, unless a callback does it, change what `scheduler.step` returns.

        Raises BackboneError if the pipeline is being steered already."""
        started = time.perf_counter()
        with ExitStack() as stack:
            stack.enter_context(_alone(self.tap.host.own))
            stack.enter_context(between_steps(self, by_callback))
            for change in self.changes:
                stack.enter_context(change.attached())
            if self.keys:
                stack.enter_context(self.keys.replaying())
            try:
                yield self
                self._close()
                asked = Asked(
                    self._asked, by_callback, self.carries, self.guides, self.warps, bool(self.changes)
                )
                runs = self._finished or self.reports or [Report()]
                runs = [*runs, Report()] if self._passed_by else runs
                told = dict.fromkeys(told_of(run, asked) for run in runs)
                self.report.notes += [note for note in told if note]
            finally:
                self.report.seconds = time.perf_counter() - started
        for note in self.report.notes:
            self.tell(note)

    def begin(self) -> None:
        self._close()
        for change in self.changes:
            change.begin()

    def lost(self) -> None:
        self.report.lost += 1

    def _close(self) -> None:
        """The run at hand is over: what happened in it becomes a report of its own."""
        run = self.report.since(self._before)
        self._passed_by |= not run.made and self.unseen > 0
        if run.made:
            self.reports.append(run)
            self._before = replace(self.report, steps=list(self.report.steps))

    def objectives(self, size: ClipSize) -> Sequence[Objective]:
        """What is asked of a clip of this size, regions laid over it.

        Raises RequestError for requests that contradict each other, or that such a clip has no room for."""
        return self._objectives(size)

    @torch.inference_mode(False)
    @torch.no_grad()
    def next(self, latents: Tensor, index: int, calls: list[Call]) -> Tensor:
        """The latents (b c f h w) after all changes."""
        check_finite(latents, f"the latents before step {index}", self.tap.pipe)
        count, first = len(self.tap.timesteps), self.first or 0
        size = self.tap.clip_size(latents)
        moment = Moment(index, count - first, size, calls, self.tell_keys, first, self.given)
        self._asked = list(self.objectives(size))  # or say what is wrong with them, in the first step
        if moment.made == 1:
            _check_frames(latents, size)
            _check_places(self._asked, latents)
            if self.plain:
                tell = _unsaid if self.redraws else warnings.warn
                self.plain.check_begin(latents, index, calls, tell)
        if self.plain and self.keys:
            self.plain.at(index, latents)  # or say that it is of another kind
        changed = latents
        for change in self.changes:
            changed = change.apply(changed, moment)
        if changed is not latents:
            self.tap.forget_last_sample()
        changed = changed.to(latents.dtype)
        check_finite(changed, f"the latents that steering moved before step {index}")
        self.report.made += 1
        self.report.moved += changed is not latents and not torch.equal(changed, latents)
        if moment.made == moment.count:
            self._close()
            self._finished.append(self.reports[-1])
        return changed


def _warn(note: str) -> None:
    warnings.warn(note, SteeringWarning, stacklevel=6)  # the line of the `with`


def _unsaid(note: str) -> None:
    """Of a run that is another one on purpose."""


@contextmanager
def _alone(own: object) -> Iterator[None]:
    """Raises BackboneError if something is steered with that already: one would see what the other does."""
    with _entering:
        if id(own) in _steered:
            raise BackboneError(
                f"expected a pipeline that is not being steered already, got one whose {type(own).__name__} "
                "is in another block; leave that first, give all requests to one block, or give each thread "
                "a pipeline with a scheduler of its own (the weights may be shared)"
            )
        _steered[id(own)] = own
    try:
        yield
    finally:
        del _steered[id(own)]


def _check_frames(latents: Tensor, size: ClipSize) -> None:
    """Raise RequestError for latents (b c f h w) of one frame."""
    if latents.shape[2] < 2:
        raise RequestError(
            f"expected a clip of two latent frames or more, got one, for {size.frames} frames; what has no "
            "second frame has no motion: sample more frames"
        )


def _check_places(objectives: Sequence[Objective], latents: Tensor) -> None:
    """Raise RequestError for a region that weighs nothing in any cell of the latents (b c f h w)."""
    for objective in objectives:
        region = objective.region
        if region is not None and not at_cells(region, latents.shape[-3:]).any():
            raise RequestError(
                f"expected a region in some cell of the latents {tuple(latents.shape[-3:])}, got one that "
                "weighs nothing there; enlarge it"
            )
