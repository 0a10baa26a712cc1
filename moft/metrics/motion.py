"""How a clip moves: dense optical flow, its means, and whether a wanted motion was followed.

Everywhere (x, y) is the motion of the PICTURE CONTENT in px per frame, x right, y down.
Camera right = picture left. Arrays in, numbers out; no files.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from moft.metrics.flow import check_video, refuse
from moft.metrics.step import Step, stacked, step_of, sure_flows
from moft.request.motion import DIRECTIONS
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.request.motion import Motion
    from moft.types import Floats, Video

Vector = tuple[float, float]

STILL_SPEED = 0.005  # fraction of the shorter side per frame below which a clip counts as still
MIN_SHARE = 0.3  # of the asked speed, zoom rate or path amplitude that counts as followed
MIN_CORRELATION = 0.7  # between the asked and the measured path
MAX_ANGLE = 45.0  # degrees between the asked and the measured direction
MIN_MOVING = 0.2  # of a region that must move for its mean to be its motion
MIN_FOUND = 0.2  # of a region that must be found again in the next frame for a verdict on it
SOME, PART = 0.01, 0.3  # of a region: where less moves, nothing does, or a part of it
NAMED = 0.25  # of the squared flow that a shift, a zoom or a turn must explain to be named


@dataclass(frozen=True)
class MeasuredMotion:
    """What `measure` found; vectors are (x, y) px per frame, camera right = picture left.

    inside: mean motion of the region, or of the whole frame without one.
    outside: mean motion of the rest; None when there is no rest.
    per_frame: mean motion inside the region for each of the frames - 1 steps; where a moving region is empty,
        the mean of the other steps.
    speed: length of `inside`; motions that reverse or zoom cancel out here.
    mean_speed: mean length of the flow inside, over pixels and frames; nothing cancels out.
    zoom: scale factor per frame minus 1 inside the region; above 0 is zooming in.
    turn: degrees per frame inside the region; above 0 is clockwise, as seen.
    named: the motion in words: directions, "zoom in", "zoom out", "turning clockwise" or "counterclockwise",
        several at once with commas; "still"; "there and back"; "apart" where no shift, zoom and turn of the
        whole explains half of it; "part" where most is still; "unknown" where little was found again.
    moving: share 0…1 of the region that is not still, over pixels and frames.
    mover: mean motion of what is not still; None where nothing moves.
    where: (x, y, width, height) px that hold nine tenths of what is not still; None where nothing moves.
    quarters: mean motion of the region's part in each quarter of the picture: top left, top right, bottom
        left, bottom right; None for a quarter without any.
    found: share 0…1 of the region that is found again in the next frame: the flow back leads to where it came
        from. Low at cuts, in noise, in blank pictures, and where motion is too fast to follow.
    lost: steps (0 is from the first frame to the second) of which less than a fifth was found again.
    """

    inside: Vector
    outside: Vector | None
    per_frame: tuple[Vector, ...]
    speed: float
    mean_speed: float
    zoom: float
    turn: float = 0.0
    named: str = ""
    moving: float = 1.0
    mover: Vector | None = None
    where: tuple[float, float, float, float] | None = None
    quarters: tuple[Vector | None, ...] = ()
    found: float = 1.0
    lost: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values under the field names; vectors become lists."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data


@dataclass(frozen=True)
class Verdict:
    """What came of a request: whether it was followed, and by how much it was missed.

    share: of what was asked: the speed along the asked direction, the rate of a zoom or turn, or the path's
        amplitude along the path; 1 is all, below 0 goes against it. For stillness: the speed that still
        counts as still over the measured one, at most 1.
    angle: degrees between the asked and the measured direction, or for a path the arc cosine of their
        correlation; None for zooms, turns and stillness, and where nothing moves.
    reason: why it does not count as followed although share and angle would do; else None.
    """

    followed: bool
    share: float
    angle: float | None
    reason: str | None = None


def measure(video: Video, mask: Floats | None = None) -> MeasuredMotion:
    """The motion of a clip, as plain means of `dense_flow` weighted by the mask.

    video: uint8 (frames >= 2, h, w, 3). Taken pair by pair, so memory does not grow with the frames.
    mask: float (any h, any w) in [0, 1], or one a frame (frames, any h, any w), 1 inside the region, brought
        to the clip's size by nearest neighbour; None for the whole frame.
    A border of 1/16 of the shorter side (4 px at 64) is left out, and what leaves the picture: there content
    has no counterpart to match. Up to half of the shorter side a frame the speed of pans is right to a tenth.
    Raises RequestError for other shapes, dtypes and ranges, and for a mask with nothing inside that border.
    """
    check_video(video)
    size = ClipSize.of(video)
    still = STILL_SPEED * size.side
    inner = _inner(size)
    masks = None if mask is None else _checked(mask, size)
    inside, rest, places = list[Step](), list[Step](), np.zeros((size.height, size.width))
    some = left = 0.0
    for i, (flow, sure) in enumerate(sure_flows(video)):
        region = inner if masks is None else inner * _resized(masks[i % len(masks)], size)
        inside.append(step_of(flow, region, sure, still))
        rest.append(step_of(flow, inner - region, sure, still))
        places += region * (np.linalg.norm(flow, axis=-1) >= still)
        some, left = some + region.sum(), left + (inner - region).sum()
    if some == 0:
        _refuse_edge(size)
    outside = stacked(rest).mean.mean(0) if left > 0 else None
    return _measured(stacked(inside), outside, places, still)


def check_mask(mask: Floats, size: ClipSize) -> None:
    """Raise RequestError for a mask, as of `measure`, in which nothing of a clip of this size could be
    measured: before that clip is made."""
    inner = _inner(size)
    if not any((inner * _resized(one, size)).any() for one in _checked(mask, size)):
        _refuse_edge(size)


def _refuse_edge(size: ClipSize) -> NoReturn:
    margin = size.side // 16
    refuse(f"a mask with some region {margin} px or more from the edge", "none", "enlarge the region")


def _inner(size: ClipSize) -> Floats:
    """1 (h w) but for the border."""
    margin, inner = size.side // 16, np.zeros((size.height, size.width))
    inner[margin : size.height - margin, margin : size.width - margin] = 1
    return inner


def _measured(step: Step, outside: Floats | None, places: Floats, still: float) -> MeasuredMotion:
    """What all steps together say; places: (h w) how often each is not still."""
    inside, spread = step.mean.mean(0), step.spread.mean()
    grown, turned = (float(s.mean() / spread) if spread > 0 else 0.0 for s in (step.along, step.across))
    moving, found = float(step.moving.mean()), float(step.found.mean())
    quarters = [quarter[~np.isnan(quarter).any(-1)] for quarter in step.quarters.swapaxes(0, 1)]
    return MeasuredMotion(
        inside=_vector(inside),
        outside=None if outside is None else _vector(outside),
        per_frame=tuple(_vector(mean) for mean in step.mean),
        speed=math.hypot(*inside),
        mean_speed=float(step.length.mean()),
        zoom=math.hypot(1 + grown, turned) - 1,
        turn=math.degrees(math.atan2(turned, 1 + grown)),
        named=_named(step, (grown, turned), still),
        moving=moving,
        mover=_vector(step.moved.mean(0) / moving) if moving else None,
        where=_box(places) if places.any() else None,
        quarters=tuple(_vector(quarter.mean(0)) if len(quarter) else None for quarter in quarters),
        found=found,
        lost=tuple(int(i) for i in np.flatnonzero(step.found < MIN_FOUND)),
    )


def _named(step: Step, similar: Vector, still: float) -> str:
    """`MeasuredMotion.named`, by how much of the squared flow each kind of motion explains."""
    if step.found.mean() < MIN_FOUND:
        return "unknown"
    moving = float(step.moving.mean())
    if moving < PART:
        mover = math.hypot(*step.moved.mean(0)) / max(moving, 1e-12)
        return "part" if moving >= SOME and mover >= still else "still"
    if step.length.mean() < still:
        return "still"
    inside, spread = step.mean.mean(0), np.maximum(step.spread, 1e-12)
    shift = float((step.mean**2).sum(-1).mean())
    zoom, turn = (float((s**2 / spread).mean()) for s in (step.along, step.across))
    steady = float((inside**2).sum()) > shift / 4
    names = {
        direction_of(*inside) if steady else "there and back": shift,
        f"zoom {'in' if similar[0] > 0 else 'out'}": zoom,
        f"turning {'' if similar[1] > 0 else 'counter'}clockwise": turn,
    }
    whole = float(step.square.mean())
    if shift + zoom + turn < whole / 2:
        names = {name: part for name, part in names.items() if part == shift}
    found = [name for name, part in names.items() if part >= NAMED * whole]
    return ", ".join(found) or "apart"


def direction_of(x: float, y: float) -> str:
    """The nearest of the eight directions, in words."""
    degrees = math.degrees(math.atan2(y, x))
    return min(DIRECTIONS, key=lambda name: abs((DIRECTIONS[name] - degrees + 180) % 360 - 180))


def _box(places: Floats) -> tuple[float, float, float, float]:
    """(x, y, width, height) px that hold nine tenths of a weight (h w) along each axis."""
    ends = []
    for axis in (0, 1):
        sums = np.cumsum(places.sum(axis)) / places.sum()
        ends.append([int((sums < 0.05).sum()), int((sums < 0.95).sum()) + 1])
    (left, right), (top, bottom) = ends
    return float(left), float(top), float(right - left), float(bottom - top)


def followed(measured: MeasuredMotion, motion: Motion, size: ClipSize) -> bool:
    """Whether a clip of this size did what was asked, by its motion inside the region.

    Directions: within 45 degrees, and at least 0.3 of the asked speed along the asked direction. Zooms and
    turns: the right sign and at least 0.3 of the asked rate. Paths, and directions with an ease or a span:
    the cumulative motion correlates with the asked one by at least 0.7 and has at least 0.3 of its amplitude.
    "still", and any request that amounts to it: `mean_speed` below 0.5 % of the shorter side per frame.
    Raises RequestError if the size is not of as many frames as the measured clip.
    """
    return judged(measured, motion, size).followed


def judged(measured: MeasuredMotion, motion: Motion, size: ClipSize) -> Verdict:
    """`followed`, and by how much it was missed. Raises RequestError as `followed` does.

    Not followed either way: what could not be found again from frame to frame (`found` below 0.2); and a
    direction or a path whose region is still but for a part (`moving` below 0.2)."""
    verdict = _judged(measured, motion, size)
    reason = _doubt(measured, motion, size) if verdict.followed else None
    return verdict if reason is None else replace(verdict, followed=False, reason=reason)


def _doubt(measured: MeasuredMotion, motion: Motion, size: ClipSize) -> str | None:
    """Why a mean says nothing of the region; None if it does."""
    if measured.found < MIN_FOUND:
        return f"only {measured.found:.0%} of it was found again from frame to frame"
    if np.any(motion.displacement(size)) and measured.moving < MIN_MOVING:
        return f"only {measured.moving:.0%} of it moves"
    return None


def _judged(measured: MeasuredMotion, motion: Motion, size: ClipSize) -> Verdict:
    if len(measured.per_frame) != size.frames - 1:
        refuse(f"{len(measured.per_frame) + 1} frames, as measured", size.frames, "pass the clip's own size")
    asked = np.array(motion.displacement(size))
    grown = motion.scale(size)[-1]
    if grown != 1:
        rate = grown ** (1 / (size.frames - 1)) - 1
        share = measured.zoom / rate
        return Verdict(bool(share >= MIN_SHARE), share, None)
    turned = math.degrees(motion.angle(size)[-1]) / (size.frames - 1)
    if turned:
        return Verdict(bool(measured.turn / turned >= MIN_SHARE), measured.turn / turned, None)
    if not asked.any():
        limit = STILL_SPEED * size.side
        still = measured.mean_speed < limit
        return Verdict(still, 1.0 if still else limit / measured.mean_speed, None)
    if motion.path is not None or motion.timed:
        return _along_path(np.cumsum([(0.0, 0.0), *measured.per_frame], axis=0), asked)
    velocity = motion.velocity(size)
    speed = math.hypot(*velocity)
    along = float(np.dot(measured.inside, velocity)) / speed
    fine = along >= MIN_SHARE * speed and along >= math.cos(math.radians(MAX_ANGLE)) * measured.speed
    return Verdict(fine, along / speed, _degrees(along, measured.speed))


def _along_path(measured: Floats, asked: Floats) -> Verdict:
    """Compare two (frames, 2) paths by correlation and by amplitude, wherever they start."""
    measured, asked = measured - measured.mean(axis=0), asked - asked.mean(axis=0)
    product, power = float((measured * asked).sum()), float((asked**2).sum())
    length = math.sqrt(power * float((measured**2).sum()))
    fine = product >= MIN_CORRELATION * length and product >= MIN_SHARE * power
    return Verdict(fine, product / power, _degrees(product, length))


def _degrees(along: float, length: float) -> float | None:
    return math.degrees(math.acos(min(max(along / length, -1.0), 1.0))) if length > 0 else None


def _vector(xy: Floats) -> Vector:
    return float(xy[0]), float(xy[1])


def _checked(mask: Floats, size: ClipSize) -> Floats:
    """The mask as (1 or frames - 1, any h, any w). A step starts from a frame's own region, so that of the
    last frame is not used."""
    shaped = isinstance(mask, np.ndarray) and mask.ndim in (2, 3) and mask.size > 0
    if not shaped or mask.dtype.kind not in "fb":
        expected = "mask as a float array (h, w) or (frames, h, w) in [0, 1]"
        refuse(expected, mask, "drop channels and divide by 255")
    if not (mask.min() >= 0 and mask.max() <= 1):  # refuses NaN too
        refuse("mask in [0, 1]", f"{mask.min()} to {mask.max()}", "divide by the maximum")
    if mask.ndim == 3 and len(mask) != size.frames:
        refuse(f"one mask, or one for each of {size.frames} frames", mask, "leave some out or repeat some")
    return mask[None] if mask.ndim == 2 else mask[:-1]


def _resized(mask: Floats, size: ClipSize) -> Floats:
    """A mask (any h, any w) at the clip's size (h w), each pixel from the one under its centre."""
    rows, columns = (
        (np.arange(n) + 0.5) * m / n for n, m in zip((size.height, size.width), mask.shape, strict=True)
    )
    return mask[rows.astype(int)[:, None], columns.astype(int)].astype(np.float64)
