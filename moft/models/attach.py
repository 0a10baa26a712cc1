"""Seeing and changing the latents between the denoising steps of a pipeline, and recording them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from moft.models.calls import Call
from moft.models.hooks import SharedKV
from moft.models.tap import Tap


class Between:
    """Sees, and may change, the latents between the denoising steps of a pipeline."""

    def __init__(self, tap: Tap, keys: SharedKV | None = None, share: float = 1.0) -> None:
        self.tap = tap
        self.keys, self.share = keys, share  # recorded or replayed in this share of the steps, from the first
        self.calls: list[Call] = []  # of the denoiser in the step at hand, by the pipeline
        self._aside = False

    def note(self, call: Call) -> None:
        """How the pipeline calls its denoiser; calls that are made between two steps are not its own."""
        if not self._aside:
            self.calls.append(call)
            self.tell_keys(self.tap.step_of(call), len(self.calls) - 1)

    def tell_keys(self, step: int, number: int) -> None:
        """Tell the keys at which step the denoiser is about to be called, the how many-th time in it."""
        if self.keys is not None:
            due = step < round(self.share * len(self.tap.timesteps))
            self.keys.moment = (step, number) if due else None

    def next(self, latents: Tensor, index: int, calls: list[Call]) -> Tensor:
        """What becomes of the latents (b c f h w) that the denoiser will see at step `index`; the last index
        is behind it. `calls` are those of the step before."""
        raise NotImplementedError

    def callback(self, _pipe: Any, _index: int, timestep: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        """For `pipe(…, callback_on_step_end=run.callback)`: the same through diffusers' own door."""
        kwargs["latents"] = self.change(kwargs["latents"], timestep)
        return kwargs

    def change(self, held: Tensor, timestep: Any) -> Tensor:
        """`next` for latents in the pipeline's own layout. Counted on the scheduler's whole schedule, of
        which a pipeline that starts from a video runs only the end."""
        calls, self.calls[:] = list(self.calls), []
        index = int((self.tap.timesteps == timestep).nonzero()[0]) + 1
        latents = self.tap.layout.enter(held, calls[0])
        self._aside = True
        try:
            found = self.next(latents, index, calls)
        finally:
            self._aside = False
        return held if found is latents else self.tap.layout.leave(found, held)


@contextmanager
def between_steps(what: Between, by_callback: bool) -> Iterator[None]:
    """Show `what` the denoiser's calls and, unless a callback does it, the latents that each step hands on.

    Raises BackboneError if the host has no callback."""
    with what.tap.watched(what.note), what.tap.host.between_steps(what.change, by_callback):
        yield
