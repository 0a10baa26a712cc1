"""The door: requests in, a steered pipeline out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from moft.errors import RequestError, SteeringWarning
from moft.feature.reference import FromClip, from_like
from moft.feature.statistics import Statistics, find_statistics
from moft.feature.target import OfField, Synthesised, Target
from moft.field.field import Field
from moft.field.given import read_shown
from moft.media.mask import check_agreement, check_region, read_regions
from moft.models.pipeline import host_of
from moft.models.size import clip_size
from moft.models.tap import Tap
from moft.request.along import Along
from moft.request.drag import Drag
from moft.request.like import Like
from moft.request.motion import Motion
from moft.steering.carry import Carry, Keep, check_carried
from moft.steering.dragging import dragging
from moft.steering.guide import Fused, Guide
from moft.steering.loop import Change, Steering
from moft.steering.noise import Anew, WarpNoise
from moft.steering.objective import Objective, Objectives, check_targets, follow, laid
from moft.steering.settings import Settings
from moft.steering.told import Report, stretched

if TYPE_CHECKING:
    from moft.steering.recording import Recording
    from moft.types import ClipSize

Steerable = Motion | Like | Along | Drag | Field | FromClip | OfField | Objective  # what `steer` takes


@contextmanager
def steer(
    pipe: Any,
    *requests: Steerable,
    statistics: Statistics | None = None,
    regions: Sequence[Any] | None = None,
    settings: Settings | None = None,
    plain: Recording | None = None,
    size: ClipSize | None = None,
    by_callback: bool = False,
) -> Iterator[Steering]:
    """Steer whatever `pipe` samples inside the block; afterwards the pipeline is as it was.

        with moft.steer(pipe, moft.Motion("left")) as run:
            frames = pipe("a red ball over blue cells").frames[0]
        print(run.report)

    Args:
        pipe: a diffusers video pipeline of a known family (`moft models`).
        requests: one or more: `Motion`, `Like`, `Along`, `Field`, `FromClip`, or an `Objective`; or one
            `Drag`.
        statistics: motion channels of this model; None takes those shipped with or computed for it.
        regions: one for each request: a mask, (h w) or for each frame (f h w), in 0…1 at any resolution, a
            text as of `Motion.region`, or None for that named by the request itself. Where neither names
            one it is the whole frame for a single request, and beside others what they leave.
        settings: see `Settings`; a drag decides some of them itself (`dragging`).
        plain: the plain run of the same seed, made under `record`: what surrounds the regions then stays as
            in it for `Settings.keep` of the steps. Without it, motion spreads out of a region. If its keys
            were recorded too, `Settings.keep_keys` puts them in place of the run's own.
        size: of what will be sampled, for a `Like` or an `Along`; None is that of its statistics, else
            the model's own.
        by_callback: change latents only through `pipe(…, callback_on_step_end=run.callback)`.
    Raises:
        RequestError: contradictory requests, or no statistics known for this model; for what depends on the
            clip's size, such as different motions of one place, in the pipeline's first step.
        MediaError: a clip or mask that cannot be read.
        BackboneError: unknown pipeline, one that is being steered already, or a scheduler that cannot keep a
            change made between its steps.

    Warns (`SteeringWarning`) when a block is left in which nothing was guided, or fewer than three steps.
    """
    host_of(pipe)  # or say first of all why not
    settings = settings or Settings()
    steering = _steering(pipe, requests, statistics, regions, settings, plain, size)
    with steering.attached(by_callback) as run:
        yield run


@torch.inference_mode(False)
@torch.no_grad()
def _steering(
    pipe: Any,
    requests: Sequence[Steerable],
    statistics: Statistics | None,
    regions: Sequence[Any] | None,
    settings: Settings,
    plain: Recording | None,
    size: ClipSize | None,
) -> Steering:
    """Whatever mode the caller is in: what is made here is compared where gradients are taken."""
    if any(isinstance(request, Drag) for request in requests):
        drag = _alone(requests, regions)
        return dragging(pipe, drag, statistics=statistics, settings=settings, plain=plain)
    targets = _targets(pipe, requests, statistics, regions, size)
    noise = plain is None or not plain.inverted
    return guided(pipe, _objectives(targets, requests, regions, settings, noise), settings, plain)


def guided(
    pipe: Any,
    objectives: Sequence[Objective],
    settings: Settings,
    plain: Recording | None = None,
    guide: type[Guide] | None = None,
) -> Steering:
    """A steering by objectives of one layer, not yet attached. guide: how it goes down their gradients; None:
    as the settings say.

    Raises RequestError for settings that need another plain run than was given, or other requests."""
    check_targets(objectives)
    first = objectives[0]
    tap, report = Tap(pipe, first.layer, first.timestep), Report()
    for objective in objectives:
        if objective.layer != tap.layer:
            raise RequestError(
                f"expected all requests on one layer, got {objective.layer!r} and {tap.layer!r}"
            )
    if settings.carry:
        if plain is None:
            raise RequestError(
                "expected a plain run to carry from, got none; "
                "record it with moft.record, or make it with moft.invert"
            )
        check_carried([objective.request for objective in objectives])
    if settings.keep_keys and (plain is None or plain.keys is None):
        raise RequestError(
            "expected a plain run with its keys for keep_keys, got none; "
            "record it with moft.record(pipe, keys=True)"
        )
    placed = _placing(objectives)
    changes = _changes(tap, placed, settings, plain, guide or (Fused if settings.fused else Guide), report)
    steering = Steering(tap, placed, changes, report, plain, settings.keep_keys)
    steering.guides, steering.warps = settings.step_size != 0, bool(settings.warp_noise)
    steering.carries, steering.redraws = settings.carry > 0, settings.anew is not None
    return steering


def _changes(
    tap: Tap,
    placed: Objectives,
    settings: Settings,
    plain: Recording | None,
    guide: type[Guide],
    report: Report,
) -> list[Change]:
    """What is done between two steps, in this order."""
    changes = list[Change]()
    if settings.anew is not None:
        changes.append(Anew(placed, settings.anew))
    guides = settings.step_size != 0
    if settings.warp_noise or (settings.warp_noise is None and guides and not settings.carry):
        changes.append(WarpNoise(tap, placed, settings.warp_noise, report))
    if guides:
        if settings.carry and plain:
            changes.append(Carry(placed, plain, settings.carry, report))
        else:
            changes.append(guide(tap, placed, settings, report))
        if plain:
            changes.append(Keep(placed, plain, settings.keep))
    return changes


def _placing(objectives: Sequence[Objective]) -> Objectives:
    """Their regions laid over a clip, once its size is known; each size by itself."""

    @cache
    def placed(size: ClipSize) -> Sequence[Objective]:
        regions = read_regions([objective.region for objective in objectives], size)
        check_agreement([objective.request for objective in objectives], regions)
        for note in stretched(objectives, size):
            warnings.warn(note, SteeringWarning, stacklevel=2)
        return [laid(objective, region, size) for objective, region in zip(objectives, regions, strict=True)]

    return placed


def _alone(requests: Sequence[Steerable], regions: Sequence[Any] | None) -> Drag:
    if regions is not None:
        raise RequestError("expected a Drag without regions, got some; its radius says what goes along")
    (first, *others) = requests
    if others or not isinstance(first, Drag):
        raise RequestError(
            f"expected a Drag by itself, got {len(requests)} requests; "
            "give all its points to one Drag, and leave the others out"
        )
    return first


def _targets(
    pipe: Any,
    requests: Sequence[Steerable],
    statistics: Statistics | None,
    regions: Sequence[Any] | None,
    size: ClipSize | None,
) -> list[Target | Objective]:
    """What each request asks of the feature; an objective is its own."""
    if not requests:
        raise RequestError('expected at least one request, got none; try moft.Motion("left")')
    if regions is not None and len(regions) != len(requests):
        raise RequestError(
            f"expected one region (or None) per request, got {len(regions)} for {len(requests)}"
        )
    if statistics is None and any(isinstance(request, Motion | Like | Along | Field) for request in requests):
        statistics = find_statistics(pipe)
    if any(isinstance(request, Like | Along) for request in requests):
        assert statistics is not None
        size = size or clip_size(pipe, None, None, None, statistics.made)
        requests = _clips_read(pipe, requests, statistics, size, regions)
    targets: list[Target | Objective] = []
    for request in requests:
        if isinstance(request, Motion):
            assert statistics is not None
            targets.append(Synthesised(request, statistics))
        elif isinstance(request, Field):
            assert statistics is not None
            targets.append(OfField(request, statistics))
        elif isinstance(request, FromClip | OfField | Objective):
            targets.append(request)
        else:
            kind = type(request).__name__
            raise RequestError(
                f"expected a Motion, Like, Along, Drag, Field, FromClip or Objective, got {kind}"
            )
    return targets


def _clips_read(
    pipe: Any,
    requests: Sequence[Steerable],
    statistics: Statistics,
    size: ClipSize,
    regions: Sequence[Any] | None,
) -> list[Steerable]:
    """The requests, those that name a clip or a field read at this size."""
    masks = read_regions(_places(requests, regions), size)
    return [
        from_like(pipe, request, read_shown(request, size), statistics, onto=mask)
        if isinstance(request, Like | Along)
        else request
        for request, mask in zip(requests, masks, strict=True)
    ]


def _places(requests: Sequence[Steerable], regions: Sequence[Any] | None) -> Sequence[Any]:
    """Where each counts: as given, else as the request says itself."""
    own = [getattr(request, "region", None) for request in requests]
    return own if regions is None else [o if r is None else r for r, o in zip(regions, own, strict=True)]


def _objectives(
    targets: Sequence[Target | Objective],
    requests: Sequence[Steerable],
    regions: Sequence[Any] | None,
    settings: Settings,
    noise: bool,
) -> list[Objective]:
    objectives: list[Objective] = []
    for target, region in zip(targets, _places(requests, regions), strict=True):
        if region is not None:
            check_region(region)
        if isinstance(target, Objective):
            objectives.append(replace(target, region=region))
        else:
            suiting = dict(alone=len(targets) == 1, noise=noise)
            objectives.append(follow(target, region, loss=settings.loss, steps=settings.steps, **suiting))
    return objectives
