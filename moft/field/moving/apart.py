"""Where a clip moves otherwise than its camera: evidence of each place and frame.

A place is compared with the next frame and with the last one, where the camera's motion leads and where its
own flow does. What the camera's motion explains in either of them is ground, also where it is covered in the
other. What is summed along the flow over the frames tells more than any frame does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from moft.field.moving.camera import Plane, Similarity, camera_of
from moft.field.shown import LEAST_FOUND
from moft.metrics.flow import flow_between
from moft.metrics.leaps import outside
from moft.metrics.step import BLANK, leads_back

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moft.types import Flags, Floats, Flow, Picture, Video

_FLOW_SIDE, _SIDE = 256, 128  # px of the shorter side at which flow is found, and is looked at, at most
NEAR = 0.003  # of the shorter side: what is as near to the camera's motion follows it,
_SLACK = 0.1  # and this share of that motion beside
_PLAIN = 3.0  # levels: standard deviation around a place below which nothing can be followed there
_NOISE = 6.0  # levels by which frames differ anyway
_CLEARER = 3.0  # how much more a difference of misfits counts: a flow that halves them is clearly right
_DOUBT = 0.3  # by so much flow is better than the camera's motion where that is a little off
_FEW = 0.1  # views that are sure of a place, below which its motion is not known
_NOWHERE = 1e6  # px
_MEMORY = 0.85  # of what a frame shows counts in the next


@dataclass(frozen=True, eq=False)
class View:
    """A frame and another one beside it in time, all (h w).

    frame, other: (h w 3). flow: where what is seen goes in the other, x + i y px. camera: where it would go
    with the camera's motion. sure: where the flow is to be trusted. off, astray: levels by which both frames
    differ along the flow, and along the camera's motion; infinite where that leads out of the picture.
    """

    frame: Picture
    other: Picture
    flow: Plane
    camera: Plane
    sure: Flags
    off: Floats
    astray: Floats

    @property
    def apart(self) -> Plane:
        """How the flow differs from the camera's motion, px."""
        found: Plane = self.flow - self.camera
        return found

    @property
    def near(self) -> Flags:
        """Where it does not."""
        bound = NEAR * min(self.flow.shape) + _SLACK * np.abs(self.camera)
        return np.asarray(np.abs(self.apart) < bound)


@dataclass(frozen=True, eq=False)
class Step:
    """From a frame to the next one, seen from either, how the camera moved what it shows, and the share 0…1
    of what is not plain that is found again."""

    forth: View
    back: View
    camera: Similarity
    found: float


def steps_of(video: Video) -> list[Step]:
    """Each step of a clip uint8 (f h w 3) that `check_video` admits, at a shorter side of 128 px at most."""
    pictures = (_small(frame, _FLOW_SIDE) for frame in video)
    before, steps = next(pictures), []
    for after in pictures:
        steps.append(_step(before, after))
        before = after
    return steps


def evidence(steps: Sequence[Step]) -> tuple[Floats, Plane]:
    """Of each frame (f h w): from −1, ground, over 0, not known, to 1, moves otherwise; and how otherwise,
    x + i y px a frame, NaN where that is not known."""
    own = [_seen(*views) for views in views_of(steps)]
    flows = [(step.forth.flow, step.back.flow) for step in steps]
    score, x, y, count, frames = np.moveaxis(gathered(own, flows), -1, 0)
    return score / frames, np.where(count > _FEW, (x + 1j * y) / np.maximum(count, _FEW), np.nan)


def gathered(own: Sequence[Floats], flows: Sequence[tuple[Plane, Plane]]) -> Floats:
    """What frames show (h w k) each, with what the others do, led there along the flow of each step, forth
    and back: (f h w k)."""
    ahead, behind = [own[0]], [own[-1]]
    for (_, back), seen in zip(flows, own[1:], strict=True):
        ahead.append(seen + _MEMORY * led(ahead[-1], back))
    for (forth, _), seen in zip(reversed(flows), own[-2::-1], strict=True):
        behind.append(seen + _MEMORY * led(behind[-1], forth))
    found: Floats = np.stack(ahead) + np.stack(behind[::-1]) - np.stack(own)
    return found


def views_of(steps: Sequence[Step]) -> Iterator[tuple[View | None, View | None]]:
    """Of each frame: to the next, and to the last."""
    yield from zip(
        [*(step.forth for step in steps), None], [None, *(step.back for step in steps)], strict=True
    )


def _seen(forth: View | None, back: View | None) -> Floats:
    """What a frame shows by itself (h w 5): evidence, how otherwise it moves in the views that are sure, x
    and y, how many these are, and 1."""
    views = [(view, sign) for view, sign in ((forth, 1), (back, -1)) if view]
    off, astray = (np.min([getattr(view, name) for view, _ in views], 0) for name in ("off", "astray"))
    known = np.isfinite(off) & np.isfinite(astray)
    off, astray = (np.where(known, value, 0) for value in (off, astray))
    clear = better(off, astray) - _DOUBT
    ground = np.where(np.any([view.sure for view, _ in views], 0), -1, 0)
    near = np.all([view.near for view, _ in views], 0)
    score = np.where(near, ground, np.where(known, clear.clip(-1, 1), 0))
    apart = np.sum([np.where(view.sure, sign * view.apart, 0) for view, sign in views], 0)
    count = np.sum([view.sure for view, _ in views], 0)
    return np.stack([score, apart.real, apart.imag, count, np.ones_like(score)], -1)


def better(off: Floats, astray: Floats) -> Floats:
    """How much better one motion, which is off by so many levels, explains a place than another that is
    astray by so many: 1 and more is clearly."""
    found: Floats = _CLEARER * (astray - off) / (astray + off + _NOISE)
    return found


def led(value: Floats | Picture, flow: Plane) -> Floats:
    """What (h w …) is where a flow (h w) px leads; 0 outside."""
    import cv2

    y, x = np.indices(flow.shape)
    across, down = (x + flow.real).astype(np.float32), (y + flow.imag).astype(np.float32)
    return np.asarray(cv2.remap(value.astype(np.float32), across, down, cv2.INTER_LINEAR))


def _step(before: Picture, after: Picture) -> Step:
    flow, back = (_planar(flow_between(*pair)) for pair in ((before, after), (after, before)))
    height, width = flow.shape
    small = [_small(frame, min(height, width)) for frame in (before, after)]
    told = [_textured(frame) & bool(min(one.std() for one in small) >= BLANK) for frame in small]
    there, here = (
        some & leads_back(_flow(one), _flow(other)) & ~outside(_flow(one))
        for one, other, some in ((flow, back, told[0]), (back, flow, told[1]))
    )
    found = float(there.sum() / max(told[0].sum(), 1))
    if found < LEAST_FOUND:  # a cut: it leads nowhere
        flow, back = np.full_like(flow, _NOWHERE), np.full_like(back, _NOWHERE)
        there, here = there & False, here & False
    camera = camera_of(flow, there.astype(float), 2 * NEAR * min(height, width))
    by_camera = [motion.flow(height, width) for motion in (camera, camera.back)]
    return Step(
        _view(small[0], small[1], flow, by_camera[0], there),
        _view(small[1], small[0], back, by_camera[1], here),
        camera,
        found,
    )


def _view(frame: Picture, other: Picture, flow: Plane, camera: Plane, sure: Flags) -> View:
    return View(
        frame, other, flow, camera, sure, misfit_of(frame, other, flow), misfit_of(frame, other, camera)
    )


def misfit_of(frame: Picture, other: Picture, flow: Plane) -> Floats:
    """By how many levels two frames (h w 3) differ along a flow (h w), around each place."""
    import cv2

    apart = np.abs(led(other, flow) - frame).max(-1)
    around = cv2.GaussianBlur(apart, (0, 0), min(flow.shape) / 64)
    return np.where(outside(_flow(flow)), np.inf, around)


def _textured(frame: Picture) -> Flags:
    """Where something can be followed in a frame (h w 3): (h w)."""
    import cv2

    grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean, square = (cv2.GaussianBlur(value, (0, 0), min(grey.shape) / 48) for value in (grey, grey**2))
    return np.asarray(square - mean**2 > _PLAIN**2)


def _small(frame: Picture, side: int) -> Picture:
    """A picture of this shorter side in px, or itself if it is smaller."""
    return np.asarray(_reduced(frame, side), np.uint8)


def _reduced(values: Picture | Flow, side: int) -> npt.NDArray[Any]:
    """Means (h w k) over the px of a shorter side of so many, or the values themselves if there are fewer."""
    import cv2

    height, width = values.shape[:2]
    factor = min(height, width) / side
    size = (round(width / factor), round(height / factor))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA)) if factor > 1 else values


def _planar(flow: Flow) -> Plane:
    """A flow (h w 2) as x + i y, at a shorter side of `_SIDE` at most, in px of that."""
    small = _reduced(flow, _SIDE)
    scale = np.array(small.shape[1::-1]) / np.array(flow.shape[1::-1])
    found: Plane = small[..., 0] * scale[0] + 1j * small[..., 1] * scale[1]
    return found


def _flow(plane: Plane) -> Flow:
    """The inverse of `_planar`, but for the size."""
    return np.stack([plane.real, plane.imag], -1).astype(np.float32)
