"""Guidance by gradients: latents go down the loss of what is asked (paper, Alg. 1), in steps of their own or
in passing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from moft.models.hooks import frozen, is_aside
from moft.steering.descent import Descent, Gradients
from moft.steering.ladder import BY_CLIPS, SAVING, ByClips, Ladder
from moft.steering.loop import Change, Moment
from moft.steering.objective import Look, Objective, Objectives
from moft.steering.told import Report

if TYPE_CHECKING:
    from moft.models.calls import Call
    from moft.models.tap import Tap
    from moft.steering.settings import Settings


class Guide(Change):
    """`gradient_steps` times in each guided step the latents move, each time by a gradient at these very
    latents."""

    behind = 0  # steps between the one that is due and that before which its change is made

    def __init__(self, tap: Tap, objectives: Objectives, settings: Settings, report: Report) -> None:
        self.tap, self.objectives, self.settings, self.report = tap, objectives, settings, report
        self.gradients, self.descent = Gradients(settings.loss_scale, report), Descent(settings)
        self.ladder = Ladder(settings.save_memory, report)
        self._given = 0  # frames, from the first, that stay as they are

    def begin(self) -> None:
        self.gradients.begin()
        self.ladder.begin()

    def apply(self, latents: Tensor, moment: Moment) -> Tensor:
        self.descent.start()
        due = self.due(moment)
        if not due:
            return latents
        started, self._given = time.perf_counter(), moment.given
        call = self.tap.conditional(moment.calls, len(latents))
        moment.tell_keys(moment.index, 0)  # the conditional part, which is in the first call
        guided = self.guided(latents.detach().clone(), call, moment.index, due)
        self.report.guidance_seconds += time.perf_counter() - started
        return guided

    def due(self, moment: Moment) -> list[Objective]:
        """Those that count at the step to come; none if the denoiser that is read here is not the one at work
        then, if a change would be lost there, or if nothing is asked with any strength."""
        objectives = self.objectives(moment.size)
        made, count, most = moment.made, moment.count, self.settings.guided_steps
        due = [objective for objective in objectives if objective.due(made, count, most)]
        if moment.made >= moment.count or not due or not any(o.strength > 0 for o in objectives):
            return []
        if not self.tap.host.carries(moment.made + self.behind):
            return []
        return due if self.tap.works_at(self.tap.timesteps[moment.index]) else []

    def updates(self, due: Sequence[Objective]) -> int:
        """Of the latents in a step in which these are due."""
        return self.settings.gradient_steps or max(objective.updates for objective in due)

    def guided(self, latents: Tensor, call: Call, index: int, due: Sequence[Objective]) -> Tensor:
        """Latents (b c f h w) after the updates of one step, float32."""
        timestep = self.tap.timesteps[index].clone()
        x, losses = latents.float(), []
        unit = self.tap.scaled(x.new_ones(()), timestep)  # < 1 where noise adds to the latents' size (Euler)
        with frozen(self.tap.denoiser):
            for _ in range(self.updates(due)):
                loss, gradient = self.gradient(x, timestep, call, due)
                losses.append(loss)
                if gradient is None:
                    self.report.skipped += 1
                    continue
                gradient[:, :, : self._given] = 0
                x = self.descent.moved(x, gradient / unit, due, unit)  # by a step of what the denoiser takes
        self.report.steps.append({"step": index, "timestep": float(timestep), "losses": losses})
        return x

    def gradient(
        self, latents: Tensor, timestep: Tensor, call: Call, due: Sequence[Objective]
    ) -> tuple[float, Tensor | None]:
        """(loss, ∂loss/∂latents (b c f h w)); the gradient is None, with a warning, if it is not finite.

        Raises BackboneError where memory ends on every rung of the ladder."""

        def attempt(rung: int) -> tuple[float, Tensor | None]:
            with self.ladder.saving(self.tap, rung), torch.enable_grad():
                x = latents.detach().requires_grad_(True)
                look = (ByClips if rung == BY_CLIPS else Look)(self.tap, x, timestep, call)
                return self.gradients.of(due, look)

        apart = len(latents) > 1 and not self.settings.keep_keys  # which are those of a whole batch
        return self._taken(attempt, BY_CLIPS if apart else SAVING)

    def _taken(self, attempt: Callable[[int], Any], last: int) -> Any:
        """What an attempt gives at last: on a rung that memory is enough for, at a scale that does not
        overflow."""
        found = self.ladder.take(attempt, last)
        while self.gradients.again:
            found = self.ladder.take(attempt, last)
        return found


class Fused(Guide):
    """The call that predicts the noise also yields the gradient, at the latents before the step; it moves
    those behind it, once, as far as all the updates together. That costs only the backward pass."""

    behind = 1

    def __init__(self, tap: Tap, objectives: Objectives, settings: Settings, report: Report) -> None:
        super().__init__(tap, objectives, settings, report)
        self._ahead: tuple[Moment, torch.Size] | None = None  # the step to come and its latents' shape
        self._passed: tuple[float, Tensor | None, list[Objective]] | None = (
            None  # its loss and gradient, of what
        )
        self._thread = 0  # that the step to come is in; others may share the denoiser

    def begin(self) -> None:
        super().begin()
        self._ahead = self._passed = None

    def attached(self) -> AbstractContextManager[None]:
        return self.tap.riding(self._shape_due, self._note, self._taken_in_passing)

    def _taken_in_passing(self, attempt: Callable[[bool], Any]) -> Any:
        return self._taken(lambda rung: attempt(rung >= SAVING), SAVING)

    def apply(self, latents: Tensor, moment: Moment) -> Tensor:
        self.descent.start()
        self._given = moment.given
        moved = self._moved(latents, moment.index)
        self._ahead, self._thread = (moment, latents.shape), threading.get_ident()
        return moved

    def _due_ahead(self) -> list[Objective]:
        if self._ahead is None:
            return []
        return self.due(self._ahead[0])

    def _shape_due(self) -> torch.Size | None:
        """The latents' shape if the call at hand should yield the gradient: the first one of a guided
        step."""
        if self._ahead is None or self._passed is not None:
            return None
        if is_aside() or threading.get_ident() != self._thread or not self._due_ahead():
            return None
        return self._ahead[1]

    def _note(self, features: Tensor, inputs: Tensor) -> None:
        started = time.perf_counter()
        due = self._due_ahead()
        assert self._ahead is not None
        timestep = self.tap.timesteps[self._ahead[0].index]
        self._passed = (*self.gradients.of(due, Look(self.tap, inputs, timestep, {}, features)), due)
        self.report.guidance_seconds += time.perf_counter() - started

    def _moved(self, latents: Tensor, index: int) -> Tensor:
        """Latents (b c f h w) behind a step, moved by the gradient that its call yielded."""
        if self._passed is None or self._ahead is None:
            return latents
        (loss, gradient, due), self._passed = self._passed, None
        step, timesteps = self._ahead[0].index, self.tap.timesteps
        self.report.steps.append({"step": step, "timestep": float(timesteps[step]), "losses": [loss]})
        if gradient is None:
            self.report.skipped += 1
            return latents
        x = latents.float()
        gradient[:, :, : self._given] = 0
        unit = self.tap.scaled(x.new_ones(()), timesteps[min(index, len(timesteps) - 1)])
        return self.descent.moved(x, gradient, due, unit, self.updates(due))
