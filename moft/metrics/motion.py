"""How a clip moves: dense optical flow, its means, and whether a wanted motion was followed.

Everywhere (x, y) is the motion of the PICTURE CONTENT in px per frame, x right, y down.
Camera right = picture left. Arrays in, numbers out; no files.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.metrics.flow import dense_flow, refuse
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.request.motion import Motion
    from moft.types import Floats, Video

Vector = tuple[float, float]

STILL_SPEED = 0.005  # fraction of the shorter side per frame below which a clip counts as still
MIN_SHARE = 0.3  # of the asked speed, zoom rate or path amplitude that counts as followed
MIN_CORRELATION = 0.7  # between the asked and the measured path
MAX_ANGLE = 45.0  # degrees between the asked and the measured direction


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
    """

    inside: Vector
    outside: Vector | None
    per_frame: tuple[Vector, ...]
    speed: float
    mean_speed: float
    zoom: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values under the field names; vectors become lists."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data


@dataclass(frozen=True)
class Verdict:
    """What came of a request: whether it was followed, and by how much it was missed.

    share: of what was asked: the speed along the asked direction, the zoom rate, or the path's amplitude
        along the path; 1 is all, below 0 goes against it. For stillness: the speed that still counts as still
        over the measured one, at most 1.
    angle: degrees between the asked and the measured direction, or for a path the arc cosine of their
        correlation; None for zooms and stillness, and where nothing moves.
    """

    followed: bool
    share: float
    angle: float | None


def measure(video: Video, mask: Floats | None = None) -> MeasuredMotion:
    """The motion of a clip, as plain means of `dense_flow` weighted by the mask.

    video: uint8 (frames >= 2, h, w, 3).
    mask: float (any h, any w) in [0, 1], or one a frame (frames, any h, any w), 1 inside the region, brought
        to the clip's size by nearest neighbour; None for the whole frame.
    A border of 1/16 of the shorter side (4 px at 64) is left out: there content enters and leaves the frame,
    so it has no counterpart to match. Raises RequestError for other shapes, dtypes and ranges, and for a mask
    with nothing inside that border.
    """
    flow = dense_flow(video).astype(np.float64)
    steps, height, width = flow.shape[:3]
    margin = min(height, width) // 16
    inner = np.zeros((steps, height, width))
    inner[:, margin : height - margin, margin : width - margin] = 1
    region = inner if mask is None else inner * _resized(mask, ClipSize.of(video))
    if region.sum() == 0:
        refuse(f"a mask with some region {margin} px or more from the edge", "none", "enlarge the region")
    rest = inner - region
    per_step = _mean(flow, region)
    inside = _vector(per_step.mean(axis=0))
    return MeasuredMotion(
        inside=inside,
        outside=_vector(_mean(flow, rest).mean(axis=0)) if rest.sum() > 0 else None,
        per_frame=tuple(_vector(step) for step in per_step),
        speed=math.hypot(*inside),
        mean_speed=float(_mean(np.linalg.norm(flow, axis=-1), region).mean()),
        zoom=_zoom(flow, region),
    )


def followed(measured: MeasuredMotion, motion: Motion, size: ClipSize) -> bool:
    """Whether a clip of this size did what was asked, by its motion inside the region.

    Directions: within 45 degrees, and at least 0.3 of the asked speed along the asked direction. Zooms: the
    right sign and at least 0.3 of the asked rate. Paths, and directions with an ease or a span: the
    cumulative motion correlates with the asked one by at least 0.7 and has at least 0.3 of its amplitude.
    "still", and any request that amounts to it: `mean_speed` below 0.5 % of the shorter side per frame.
    Raises RequestError if the size is not of as many frames as the measured clip.
    """
    return judged(measured, motion, size).followed


def judged(measured: MeasuredMotion, motion: Motion, size: ClipSize) -> Verdict:
    """`followed`, and by how much it was missed. Raises RequestError as `followed` does."""
    if len(measured.per_frame) != size.frames - 1:
        refuse(f"{len(measured.per_frame) + 1} frames, as measured", size.frames, "pass the clip's own size")
    asked = np.array(motion.displacement(size))
    grown = motion.scale(size)[-1]
    if grown != 1:
        rate = grown ** (1 / (size.frames - 1)) - 1
        share = measured.zoom / rate
        return Verdict(bool(share >= MIN_SHARE), share, None)
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


def _mean(values: Floats, weight: Floats) -> Floats:
    """Weighted mean over pixels: (steps, h, w, ...) and (steps, h, w) -> (steps, ...); steps without weight
    take the mean of the others."""
    sums = weight.sum(axis=(1, 2))
    means: Floats = np.einsum("shw,shw...->s...", weight, values)
    seen = sums > 0
    means[seen] /= sums[seen].reshape(-1, *[1] * (means.ndim - 1))
    means[~seen] = means[seen].mean(axis=0)
    return means


def _vector(xy: Floats) -> Vector:
    return float(xy[0]), float(xy[1])


def _zoom(flow: Floats, weight: Floats) -> float:
    """Scale per frame minus 1 in the least-squares similarity (shift, turn, scale) that explains the flow.

    With the shift free the scale does not depend on the centre chosen; the region's own makes the normal
    equations diagonal, and only this one is left to solve.
    """
    grid = np.stack(np.meshgrid(*(np.arange(float(n)) for n in flow.shape[2:0:-1])), axis=-1)
    where = np.broadcast_to(grid, flow.shape)
    where = where - _mean(where, weight)[:, None, None]
    spread = float(_mean((where**2).sum(axis=-1), weight).mean())
    return float(_mean((flow * where).sum(axis=-1), weight).mean()) / spread if spread > 0 else 0.0


def _resized(mask: Floats, size: ClipSize) -> Floats:
    """The checked mask (f - 1 h w) at the clip's size, each pixel from the one under its centre. A step
    starts from a frame's own region, so that of the last frame is not used."""
    shaped = isinstance(mask, np.ndarray) and mask.ndim in (2, 3) and mask.size > 0
    if not shaped or mask.dtype.kind not in "fb":
        expected = "mask as a float array (h, w) or (frames, h, w) in [0, 1]"
        refuse(expected, mask, "drop channels and divide by 255")
    if not (mask.min() >= 0 and mask.max() <= 1):  # refuses NaN too
        refuse("mask in [0, 1]", f"{mask.min()} to {mask.max()}", "divide by the maximum")
    if mask.ndim == 3 and len(mask) != size.frames:
        refuse(f"one mask, or one for each of {size.frames} frames", mask, "leave some out or repeat some")
    rows, columns = (
        (np.arange(n) + 0.5) * m / n for n, m in zip((size.height, size.width), mask.shape[-2:], strict=True)
    )
    some = mask[None] if mask.ndim == 2 else mask[:-1]
    sized = some[:, rows.astype(int)[:, None], columns.astype(int)]
    return np.broadcast_to(sized, (size.frames - 1, size.height, size.width)).astype(np.float64)
