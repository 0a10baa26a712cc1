"""What older recipes meant: the settings and requests by which a run does what it did then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from moft.request.like import Like
from moft.request.motion import Motion
from moft.request.parse import AnyRequest
from moft.steering.objective import EARLY, MOST, STEP, UPDATES
from moft.steering.settings import Settings

# 1 held one request, "request", whose clip was followed in as many frames as were made; 2 knew no drags;
# 3 no rate; 4 followed clips by MOFT alone, and knew no fields; 5 did not keep the spread of a motion alone;
# 6 left the first noise where it was, and pushed a motion of the whole frame harder; 7 others, and
# without the gain where several moved; 8 took a gradient in each of the guided steps
FORMAT = 9
ALL = 1000  # guided steps, more than any run has

_Requests = tuple[AnyRequest, ...]


def as_then(settings: Settings, wanted: _Requests, since: int) -> tuple[Settings, _Requests]:
    """What settings and requests of format `since` meant, said as now."""
    if since < 5:
        wanted = tuple(replace(one, by="moft") if isinstance(one, Like) else one for one in wanted)
    if since < 6 and len(wanted) == 1:
        settings = _keeping(settings, wanted[0])
    if since < 8:
        settings, wanted = _as_hard(settings, wanted, since)
    if since < 9 and settings.steps is None and any(_steps_then(one) for one in wanted):
        settings = _unless_said(settings, guided_steps=ALL)
        if len(wanted) == 1 and _steps_then(wanted[0]) == MOST:
            settings = _unless_said(settings, step_size=STEP / 2)
    return settings, wanted


def _keeping(settings: Settings, request: AnyRequest) -> Settings:
    """The settings of a format up to 5, by which the spread of a motion alone was not kept; but that of what
    goes place by place or bends was."""
    by_places = not isinstance(request, Like) or request.by_flow  # fields; a drag's is not either way
    kept = not request.steady if isinstance(request, Motion) else by_places
    return settings if kept else _unless_said(settings, keep_spread=False)


def _unless_said(settings: Settings, **then: Any) -> Settings:
    """The same with these where nothing else was said."""
    return replace(settings, **{k: value for k, value in then.items() if getattr(settings, k) is None})


def _as_hard(settings: Settings, wanted: _Requests, since: int) -> tuple[Settings, _Requests]:
    """Settings and requests of format `since`, up to 7: what words say was pushed as hard as in the release,
    and no noise went along; in 7 but for a motion of the whole frame."""
    if since < 7:
        settings = _unless_said(settings, step_size=STEP, warp_noise=0.0)
    elif len(wanted) == 1 and isinstance(wanted[0], Motion) and wanted[0].steady and not wanted[0].region:
        return settings, wanted
    steps = [_steps_then(one) for one in wanted]
    if not any(steps):
        return settings, wanted
    settings = _unless_said(settings, step_size=STEP, gradient_steps=UPDATES)
    if all(steps):
        settings = _unless_said(settings, warp_noise=0.0)
    if len({*steps}) == 1:
        settings = _unless_said(settings, steps=steps[0])
    elif settings.steps is None:
        wanted = tuple(
            replace(one, steps=one.steps or then) if isinstance(one, Motion) else one
            for one, then in zip(wanted, steps, strict=True)
        )
    return settings, wanted


def _steps_then(request: AnyRequest) -> tuple[float, float] | None:
    """In which a request that is asked gently now was asked up to format 7; None for any other."""
    if not isinstance(request, Motion) or not (request.steady or request.direction == "still"):
        return None
    return EARLY if request.steady else MOST
