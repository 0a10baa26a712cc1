"""Seeing and changing the latents between the denoising steps of a pipeline, and recording them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from moft.errors import BackboneError
from moft.models.calls import Call, timestep_of
from moft.models.hooks import SharedKV, aside, is_aside
from moft.models.tap import Tap

_TAKEN_UP = 0.5  # of a change: what is found of it in the next call; a given frame may put back its part


class Between:
    """Sees, and may change, the latents between the denoising steps of a pipeline: in all runs that it makes.
    Each begins with nothing of the one before."""

    def __init__(self, tap: Tap, keys: SharedKV | None = None, share: float = 1.0) -> None:
        self.tap = tap
        self.keys, self.share = keys, share  # recorded or replayed in this share of the steps, from the first
        self.calls: list[Call] = []  # of the denoiser in the step at hand, by the pipeline
        self.first: int | None = None  # step of the schedule that the run at hand began with
        self.unseen = 0  # steps of the run at hand of which only the denoiser's calls were seen
        self.given = 0  # frames, from the first, that the pipeline gives in the step at hand
        self.by_callback = False  # whether the user hands `callback` to the pipeline
        self._done: int | None = None  # step that was made last
        self._over = False  # whether that was the last one
        self._handed: tuple[Tensor, Tensor, int] | None = None  # latents before and after a change; the step
        self._thread = threading.get_ident()  # that the run at hand is in; others may share the denoiser

    def begin(self) -> None:
        """A run begins. A subclass forgets here what it knows of the one before."""

    def lost(self) -> None:
        """The pipeline did not take up what was changed behind its last step."""

    def started(self) -> None:
        """For the host to call where a run begins."""
        if not is_aside():
            self.tap.host.check()
            self._thread = threading.get_ident()
            self._start_anew()

    def _start_anew(self) -> None:
        self.calls.clear()
        self.first, self._done, self._over = None, None, False
        if self.keys is not None:
            self.keys.moment = None
        self.begin()
        self.unseen, self._handed = 0, None

    def note(self, call: Call) -> None:
        """How the pipeline calls its denoiser; calls that moft makes, and other threads, are not its own."""
        if is_aside() or threading.get_ident() != self._thread:
            return
        self.tap.host.check()
        if self._over:  # a host that does not say when a run begins
            self._start_anew()
        family = self.tap.family
        if self.calls and timestep_of(self.calls[-1], family) != timestep_of(call, family):
            self.calls.clear()  # of a run that ended in the midst of a step, or whose steps are not seen
            self.unseen += 1
        self.calls.append(call)
        if self._handed is not None and not self._is_taken_up(*self._handed, call):
            self.lost()
        self._handed = None
        step = self.tap.step_of(call)
        if self._done is not None and self._done + 1 < len(self.tap.timesteps):
            ahead = self._done + 1  # of two steps at one timestep it is the later one
            step = ahead if self.tap.timesteps[ahead] == self.tap.timesteps[step] else step
        self.first = step if self.first is None else self.first
        self.tell_keys(step, len(self.calls) - 1)

    def tell_keys(self, step: int, number: int) -> None:
        """Tell the keys at which step the denoiser is about to be called, the how many-th time in it."""
        if self.keys is not None:
            first = self.first or 0
            due = step - first < round(self.share * (len(self.tap.timesteps) - first))
            self.keys.moment = (step, number) if due else None

    def next(self, latents: Tensor, index: int, calls: list[Call]) -> Tensor:
        """What becomes of the latents (b c f h w) that the denoiser will see at step `index` of the schedule,
        of which a run that starts from a video makes only the end (`first`…); the last index is behind it.
        `calls` are those of the step before."""
        raise NotImplementedError

    def callback(self, _pipe: Any, _index: int, timestep: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        """For `pipe(…, callback_on_step_end=run.callback)`: the same through diffusers' own door.

        Raises BackboneError in a block that changes what `scheduler.step` returns, or without latents."""
        if not self.by_callback:
            raise BackboneError(
                "expected by_callback=True for a pipeline that is handed run.callback, got a block that "
                "changes what scheduler.step returns; enter the block with by_callback=True, or leave "
                "callback_on_step_end out"
            )
        if "latents" not in kwargs:
            raise BackboneError(
                f"expected latents among what the pipeline hands to run.callback, got {sorted(kwargs)}; add "
                '"latents" to callback_on_step_end_tensor_inputs'
            )
        kwargs["latents"] = self.change(kwargs["latents"], timestep)
        return kwargs

    def change(self, held: Tensor, timestep: Any) -> Tensor:
        """`next` for latents in the pipeline's own layout.

        Raises BackboneError if the denoiser was not seen to be called in the step."""
        calls, self.calls[:] = list(self.calls), []
        if not calls:
            raise BackboneError(
                f"expected {type(self.tap.denoiser).__name__} to be called in each step, got none: another "
                "program runs in its place, or the pipeline runs in another thread than the block; undo "
                "the one, or enter the block where it runs"
            )
        index = self._made(timestep) + 1
        latents = self.tap.layout.enter(held, calls[0])
        self.given = self.tap.layout.given_frames(held, calls[0])
        with aside():
            found = self.next(latents, index, calls)
        if found is latents:
            return held
        left = self.tap.layout.leave(found, held)
        if index < len(self.tap.timesteps):
            self._handed = latents, self.tap.layout.enter(left, calls[0]), index
        return left

    def _is_taken_up(self, before: Tensor, after: Tensor, index: int, call: Call) -> bool:
        """Whether the denoiser is given, in the first call of a step, anything but what the latents were
        before they were changed. Another's callback may change them further."""
        given = self.tap.inputs(call)[-len(before) :, : before.shape[1]].float()
        if given.shape != before.shape:
            return True
        timestep = self.tap.timesteps[index]
        change = self.tap.scaled(after - before, timestep).float()
        found = given - self.tap.scaled(before, timestep).float()
        return bool(found.norm() >= _TAKEN_UP * change.norm())

    def _made(self, timestep: Any) -> int:
        """Which step of the schedule was made at this timestep: the next one of it, since it may hold one
        twice."""
        alike = (self.tap.timesteps == timestep).nonzero().flatten().tolist()
        if not alike:
            alike = [int((self.tap.timesteps - timestep).abs().argmin())]
        later = [step for step in alike if self._done is None or step > self._done]
        if not later:  # it did not say so, and the run before was not finished
            self._start_anew()
        self._done = min(later or alike)
        self.first = self._done if self.first is None else self.first
        self._over = self._done + 1 == len(self.tap.timesteps)
        return self._done


@contextmanager
def between_steps(what: Between, by_callback: bool) -> Iterator[None]:
    """Show `what` the denoiser's calls and, unless a callback does it, the latents that each step hands on.

    Raises BackboneError if the host has no callback."""
    host, what.by_callback = what.tap.host, by_callback
    with (
        what.tap.watched(what.note),
        host.starts(what.started),
        host.between_steps(what.change, by_callback),
    ):
        yield
