"""Steering: while a pipeline samples, move its latents so that MOFT follows the wanted motion (paper, Alg. 1)."""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moft.errors import RequestError
from moft.feature.definition import motion_feature
from moft.feature.losses import LOSSES
from moft.feature.regions import at_cells
from moft.feature.statistics import Statistics, find_statistics
from moft.feature.target import FromClip, Reference, synthesise
from moft.media.mask import check_agreement, check_region, read_regions
from moft.models.attach import Between, between_steps
from moft.models.hooks import frozen
from moft.models.tap import Call, Tap, serves
from moft.request.motion import Motion
from moft.steering.carry import carried
from moft.steering.recording import Recording
from moft.steering.settings import Settings
from moft.types import ClipSize


@dataclass
class Report:
    """What happened in a steered run."""

    steps: list[dict[str, Any]] = field(default_factory=list)  # step, timestep, losses before each update
    skipped: int = 0  # updates left out because their gradient was not finite
    guidance_seconds: float = 0.0
    seconds: float = 0.0  # from entering to leaving the `with` block

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


@dataclass(frozen=True)
class Target:
    """One request made ready: what the feature should be, where, and how much it counts."""

    reference: Reference
    region: Any  # (h w) or, for each frame, (f h w) in 0…1 at any resolution; None: the whole frame. A text until placed
    strength: float
    loss: str  # a name in LOSSES
    steps: tuple[float, float]  # guided share of the denoising steps
    wanted: Any = None  # the request as it was given

    def due(self, index: int, count: int) -> bool:
        """Whether it counts at a step of so many."""
        return round(self.steps[0] * count) <= index < min(round(self.steps[1] * count), count)


class Steering(Between):
    """A pipeline being steered; made by `steer`. `report` tells what happened.

    Usually the latents between two steps are moved `gradient_steps` times, each by a gradient of its own at these very
    latents. With `Settings.fused`, the call that predicts the noise also yields the gradient, at the latents before the
    step; it moves those behind it, once, as far as all the updates together. That costs only the backward pass.
    """

    def __init__(
        self,
        tap: Tap,
        targets: Sequence[Target],
        settings: Settings,
        plain: Recording | None,
    ) -> None:
        super().__init__(tap, plain.keys if plain and settings.keep_keys else None, settings.keep_keys)
        self.targets, self.settings, self.plain = targets, settings, plain
        self.report = Report()
        self._placed = False  # are regions laid over the clip? Its size is known only when the pipeline runs
        self._due = targets  # those that count at the guided step at hand
        self._scale = settings.loss_scale
        self._adam: torch.optim.Adam | None = None  # that rule's moments, over the updates of one step
        self._ahead: tuple[int, torch.Size] | None = None  # fused: the step to come and its latents' shape
        self._ridden: tuple[float, Tensor | None] | None = None  # fused: its loss and gradient

    @contextmanager
    def attached(self, by_callback: bool) -> Iterator[Steering]:
        """Listen to the denoiser and, unless a callback does it, guide what `scheduler.step` returns."""
        started = time.perf_counter()
        fused, saving = self.settings.fused, self.settings.save_memory
        with (
            between_steps(self, by_callback),
            self.tap.riding(self._rides, self._ride, saving) if fused else nullcontext(),
            self.keys.replaying() if self.keys else nullcontext(),
        ):
            try:
                yield self
            finally:
                self.report.seconds = time.perf_counter() - started

    # ------------------------------------------------------------ the loop body

    def next(self, latents: Tensor, index: int, calls: list[Call]) -> Tensor:
        """Guide the latents, if it is time, and put back what surrounds the regions."""
        scheduler, found = self.tap.pipe.scheduler, latents
        count = len(scheduler.timesteps)
        self._place(latents)
        self._adam = None
        if self.plain and self.keys:
            self.plain.at(index, latents)  # or say that it is of another kind
        if self.settings.fused:
            found = self._moved(latents, index)
            self._ahead = (index, latents.shape)
        elif self._is_due(index):
            started = time.perf_counter()
            with torch.inference_mode(False):
                call = self.tap.conditional(calls, len(latents))
                found = self.guide(latents.detach().clone(), scheduler.timesteps[index].clone(), call, index)
            self.report.guidance_seconds += time.perf_counter() - started
        if self.settings.carry and self._wanted() and index == round(self.settings.carry * count):
            found = self._carried(found, index)
        inside, first = (
            _inside(self.targets, latents.shape[-3:]),
            min(round(t.steps[0] * count) for t in self.targets),
        )
        if (
            self.plain
            and inside is not None
            and first <= index <= self.settings.keep * count
            and self._wanted()
        ):
            found = torch.lerp(self.plain.at(index, latents).to(found), found, inside.to(found))
        if found is not latents and getattr(scheduler, "last_sample", None) is not None:
            scheduler.last_sample = None  # UniPC's corrector would restore the unguided latents
        return found.to(latents.dtype)

    def _place(self, latents: Tensor) -> None:
        if not self._placed:
            self._due = self.targets = _placed(self.targets, self.tap.clip_size(latents))
            self._placed = True

    def _is_due(self, index: int) -> bool:
        """Whether the latents at this step are guided; notes by which requests."""
        timesteps = self.tap.pipe.scheduler.timesteps
        due = [
            target for target in self.targets if target.due(index, len(timesteps)) and not self.settings.carry
        ]
        self._due = due or self._due
        return bool(due) and self.tap.works_at(timesteps[index]) and self._wanted()

    def _wanted(self) -> bool:
        return self.settings.step_size > 0 and any(target.strength > 0 for target in self.targets)

    def _carried(self, latents: Tensor, index: int) -> Tensor:
        """In each region, (b c f h w), the plain run's first frame at this step, where the request takes it."""
        assert self.plain is not None
        first, clip = self.plain.at(index, latents)[:, :, :1].to(latents), self.tap.clip_size(latents)
        frames, height, width = latents.shape[2:]
        for target in self.targets:
            path = target.wanted.displacement(clip.frames, clip.height, clip.width)
            places = [path[i] for i in np.linspace(0, clip.frames - 1, frames).round().astype(int)]
            moved = carried(first, [(x * width / clip.width, y * height / clip.height) for x, y in places])
            region = (
                None if target.region is None else at_cells(target.region, latents.shape[-3:]).to(latents)
            )
            latents = moved if region is None else torch.lerp(latents, moved, region)
        return latents

    def guide(self, latents: Tensor, timestep: Tensor, call: Call, index: int) -> Tensor:
        """The updates of one step: latents (b c f h w) at `timestep`, moved down the gradient (Alg. 1)."""
        self._place(latents)
        x, losses = latents.float(), []
        unit = self.tap.scaled(x.new_ones(()), timestep)  # < 1 where noise adds to the latents' size (Euler)
        self.tell_keys(index, 0)  # the conditional part, which is in the first call
        saving = self.tap.checkpointed() if self.settings.save_memory else nullcontext()
        with frozen(self.tap.denoiser), saving:
            for _ in range(self.settings.gradient_steps):
                loss, gradient = self.gradient(x, timestep, call)
                losses.append(loss)
                if gradient is None:
                    self.report.skipped += 1
                    continue
                x = x - self._update(gradient / unit) / unit  # a step of what the denoiser takes
        self.report.steps.append({"step": index, "timestep": float(timestep), "losses": losses})
        return x

    def gradient(self, latents: Tensor, timestep: Tensor, call: Call) -> tuple[float, Tensor | None]:
        """(loss, ∂loss/∂latents); the gradient is None, with a warning, if it is not finite."""
        with torch.enable_grad():
            x = latents.detach().requires_grad_(True)
            return self._gradient(self.tap.features(x, timestep, call), x)

    def _gradient(self, features: Tensor, x: Tensor) -> tuple[float, Tensor | None]:
        """The same for features that were computed from x, (b c f h w)."""
        scale = self._scale if self.tap.denoiser.dtype == torch.float16 else 1.0
        losses = self._losses(features, self.tap.clip_size(x))
        gradient = torch.zeros_like(x)
        for target, loss in zip(self._due, losses, strict=True):
            # Each request moves its own region: what it asks of the others' would work against them.
            (own,) = torch.autograd.grad(loss * scale, x, retain_graph=loss is not losses[-1])
            gradient += own if target.region is None else own * at_cells(target.region, x.shape[-3:]).to(own)
        gradient, total = gradient / scale, sum(loss.item() for loss in losses)
        if gradient.isfinite().all():
            return total, gradient
        self._scale /= 2
        warnings.warn("a gradient is not finite; its update is skipped", RuntimeWarning, stacklevel=2)
        return total, None

    # ------------------------------------------------------------ fused: from the pipeline's own calls

    def _rides(self) -> torch.Size | None:
        """The shape of the latents if the call at hand should yield the gradient: the first one of a guided step."""
        if self._ahead is None or self._ridden is not None or not self._is_due(self._ahead[0]):
            return None
        return self._ahead[1]

    def _ride(self, features: Tensor, inputs: Tensor) -> None:
        started = time.perf_counter()
        self._ridden = self._gradient(features, inputs)
        self.report.guidance_seconds += time.perf_counter() - started

    def _moved(self, latents: Tensor, index: int) -> Tensor:
        """Latents (b c f h w) behind a step, moved by the gradient that its call yielded."""
        if self._ridden is None or self._ahead is None:
            return latents
        (loss, gradient), self._ridden = self._ridden, None
        step, timesteps = self._ahead[0], self.tap.pipe.scheduler.timesteps
        self.report.steps.append({"step": step, "timestep": float(timesteps[step]), "losses": [loss]})
        if gradient is None:
            self.report.skipped += 1
            return latents
        x = latents.float()
        unit = self.tap.scaled(x.new_ones(()), timesteps[min(index, len(timesteps) - 1)])
        return x - self.settings.gradient_steps * self._update(gradient) / unit

    def loss(self, features: Tensor, clip: ClipSize) -> Tensor:
        """Sum over the requests of strength · loss of MOFT against its reference."""
        return torch.stack(self._losses(features, clip)).sum()

    def _losses(self, features: Tensor, clip: ClipSize) -> list[Tensor]:
        """strength · loss of each request that is due."""
        losses = []
        for target in self._due:
            found = motion_feature(features, target.reference.channels)
            wanted = target.reference.target(found, clip).to(found)
            size = (found.shape[1], *found.shape[-2:])
            region = None if target.region is None else at_cells(target.region, size).to(found)
            scale = target.reference.scale
            losses.append(target.strength * LOSSES[target.loss](found / scale, wanted / scale, region))
        return losses

    def _update(self, gradient: Tensor) -> Tensor:
        """By how much the latents go against the gradient, by the rule."""
        shaped = self._shaped(gradient)
        return self.settings.step_size * (self._by_adam(shaped) if self.settings.rule == "adam" else shaped)

    def _by_adam(self, gradient: Tensor) -> Tensor:
        """Minus the move of Adam at a learning rate of 1."""
        self._adam = self._adam or torch.optim.Adam([torch.zeros_like(gradient)], lr=1.0)
        (moved,) = self._adam.param_groups[0]["params"]
        moved.zero_()
        moved.grad = gradient
        self._adam.step()
        return -moved

    def _shaped(self, gradient: Tensor) -> Tensor:
        """The gradient inside the regions and on the first frames only (Eq. 8), of unit rms unless plain."""
        keep = torch.ones_like(gradient[:1, :1])
        inside = _inside(self._due, gradient.shape[-3:])
        if inside is not None:
            keep = keep * inside.to(gradient)
        if self.settings.clip_frames is not None:
            keep[:, :, self.settings.clip_frames :] = 0
        gradient = gradient * keep
        if self.settings.rule == "plain":
            return gradient
        sums = gradient.square().sum(
            (1, 2, 3, 4), keepdim=True
        )  # per clip, so a batch does not couple its clips
        return gradient / (sums / (keep.sum() * gradient.shape[1])).sqrt().clamp_min(1e-20)


def _inside(targets: Sequence[Target], size: Sequence[int]) -> Tensor | None:
    """The union of the regions, (h w) or (f h w) in 0…1, at this size (f, h, w); None if a request is for the whole frame.
    Cells that two regions share are theirs by the sum of their parts."""
    regions = [target.region for target in targets if target.region is not None]
    if len(regions) < len(targets):
        return None
    return functools.reduce(torch.add, [at_cells(region, size) for region in regions]).clamp(max=1)


def _placed(targets: Sequence[Target], size: ClipSize) -> list[Target]:
    """The same with their regions laid over a clip of this size. Raises RequestError if they contradict each other."""
    regions = read_regions([target.region for target in targets], size.frames, size.height, size.width)
    check_agreement([target.wanted for target in targets], regions)
    return [
        replace(target, region=None if region is None else torch.as_tensor(region))
        for target, region in zip(targets, regions, strict=True)
    ]


@contextmanager
def steer(
    pipe: Any,
    *wanted: Motion | Reference,
    statistics: Statistics | None = None,
    regions: Sequence[Any] | None = None,
    settings: Settings | None = None,
    plain: Recording | None = None,
    by_callback: bool = False,
) -> Iterator[Steering]:
    """Steer whatever `pipe` samples inside the block; afterwards the pipeline is as it was.

        with moft.steer(pipe, moft.Motion("left")) as run:
            frames = pipe("a red ball over blue cells").frames[0]
        print(run.report)

    Args:
        pipe: a diffusers video pipeline of a known family (`moft.models.families.FAMILIES`).
        wanted: one or more requests: a `Motion` (its target is synthesised), or a `Reference` taken from a clip.
        statistics: motion channels of this model; None takes those shipped with or computed for it.
        regions: one for each request: a mask, (h w) or for each frame (f h w), in 0…1 at any resolution, a text as
            of `Motion.region`, or None, which is the whole frame for a single request and beside others what they
            leave. None here takes those named by the requests.
        settings: see `Settings`.
        plain: the plain run of the same seed, made under `record`: what surrounds the regions then stays as in it for
            `Settings.keep` of the steps (as in blended diffusion). Without it, motion spreads out of a region. If its keys
            were recorded too, `Settings.keep_keys` puts them in place of the run's own, in its gradients as well.
        by_callback: guide only through `pipe(…, callback_on_step_end=run.callback)`; the default needs no such
            argument.
    Raises:
        RequestError: contradictory requests, or no statistics known for this model; for what depends on the clip's
            size, such as different motions of one place, in the pipeline's first step.
        BackboneError: unknown pipeline, or a scheduler that cannot keep a change made between its steps.
    """
    if not wanted:
        raise RequestError('expected at least one request, got none; try moft.Motion("left")')
    serves(pipe)  # or say first of all why not
    if regions is not None and len(regions) != len(wanted):
        raise RequestError(f"expected one region (or None) per request, got {len(regions)} for {len(wanted)}")
    given = [w for w in wanted if not isinstance(w, Motion)]
    if len(given) < len(wanted):
        statistics = statistics or find_statistics(pipe)
    if len(wanted) > 1 and not any(isinstance(w, Motion) and w.direction == "still" for w in wanted):
        # The gain was found on whole frames. Where all parts move, it would turn them aside (docs/steering.md).
        statistics = statistics and replace(statistics, gain=1.0)
        wanted = tuple(replace(w, gain=1.0) if isinstance(w, FromClip) else w for w in wanted)
    if settings is not None and settings.carry:
        if plain is None:
            raise RequestError(
                "expected a plain run to carry from, got none; record it with moft.record, or make it with moft.invert"
            )
        if not all(isinstance(w, Motion) and not str(w.direction).startswith("zoom") for w in wanted):
            raise RequestError(
                "expected motions that go somewhere to carry along, got a zoom or a clip to follow; leave carry out"
            )
    source = given[0] if given or statistics is None else statistics
    tap = Tap(pipe, source.layer, source.timestep)
    settings = settings or Settings()
    if settings.keep_keys and (plain is None or plain.keys is None):
        raise RequestError(
            "expected a plain run with its keys for keep_keys, got none; record it with moft.record(pipe, keys=True)"
        )
    places = regions or [request.region if isinstance(request, Motion) else None for request in wanted]
    targets = [
        _prepared(request, statistics, tap, region, settings, alone=len(wanted) == 1)
        for request, region in zip(wanted, places, strict=True)
    ]
    with Steering(tap, targets, settings, plain).attached(by_callback) as run:
        yield run


def _prepared(
    request: Motion | Reference,
    statistics: Statistics | None,
    tap: Tap,
    region: Any,
    settings: Settings,
    alone: bool,
) -> Target:
    if isinstance(request, Motion):
        assert statistics is not None
        reference: Reference = synthesise(request, statistics)
    else:
        reference = request
    if reference.layer != tap.layer:
        raise RequestError(f"expected all requests on one layer, got {reference.layer!r} and {tap.layer!r}")
    if region is not None:
        check_region(region)
    loss = settings.loss or (reference.loss if region is None and alone else reference.region_loss)
    steps = reference.steps or settings.steps or reference.usual_steps
    return Target(reference, region, reference.strength, loss, steps, request)
