"""How one clip looks: how steady, how sharp, how its camera moves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from moft.errors import RequestError
from moft.metrics.flow import dense_flow
from moft.metrics.tracks import Tracks
from moft.optional import needs

if TYPE_CHECKING:
    from moft.types import Floats, Video

STATIC = 0.005  # shorter sides from first to last frame, VBench's bound of a camera that stands still


def temporal_flickering(video: Video) -> float:
    """How little neighbouring frames differ, 0…1, 1 none: (255 - mean absolute difference) / 255 (VBench).

    video: uint8 (f >= 1, h, w, 3). It tells flicker only in clips that stand still: any motion lowers it. 1
        for one frame.
    """
    steps = [
        float(np.abs(after.astype(np.int16) - before).mean())
        for before, after in zip(video, video[1:], strict=False)
    ]
    return 1 - float(np.mean(steps)) / 255 if steps else 1.0


def dynamic_degree(video: Video, fps: float = 8) -> bool:
    """Whether a clip moves at all (VBench's rule, on DIS flow instead of RAFT's).

    At 8 frames a second, the mean of the largest 5 % of the flow exceeds 6 px, in a picture of 256 px, in a
    quarter of the frames. At least one step must: VBench's own rounding lets clips of up to 2 frames move
    always.
    video: uint8 (f >= 2, h >= 16, w >= 16, 3).
    fps: its frames per second, > 0; faster clips are thinned out to 8, for slower ones the bound grows.
    Raises RequestError for other videos and for too few frames at 8 a second.
    """
    if not fps > 0:
        raise RequestError(f"expected fps > 0; received {fps}; 8 is VBench's own")
    thinned = video[:: max(1, round(fps / 8))]
    bound = max(1.0, 8 / fps) * 6 * min(video.shape[1:3]) / 256
    needed = max(1, round(len(thinned) / 4))
    lengths = (
        np.linalg.norm(dense_flow(thinned[i : i + 2])[0], axis=-1).ravel()
        for i in range(max(1, len(thinned) - 1))
    )
    fastest = (float(np.sort(one)[-max(1, int(0.05 * one.size)) :].mean()) for one in lengths)
    return sum(speed > bound for speed in fastest) >= needed


# What the camera does by where two opposite edges go: top and bottom, or left and right.
_AXES = {
    ("left", "left"): "pan_right",
    ("right", "right"): "pan_left",
    ("down", "down"): "tilt_up",
    ("up", "up"): "tilt_down",
    ("static", "static"): "static",
}
_UPRIGHT = _AXES | {("up", "down"): "zoom_in", ("down", "up"): "zoom_out"}
_LEVEL = _AXES | {("left", "right"): "zoom_in", ("right", "left"): "zoom_out"}


def camera_motion(tracks: Tracks) -> tuple[str, ...]:
    """What the CAMERA does, so opposite to the picture: pan_left, pan_right, tilt_up, tilt_down, zoom_in,
    zoom_out, static.

    VBench's label rule: the tracks nearest to the middles of the four edges, from first to last frame, each
    axis static below 0.5 % of the shorter side; top and bottom must agree, or left and right; static gives
    way to anything else. Sorted; several for a diagonal; none where nothing agrees. Unlike VBench's,
    positions are not cut to whole pixels.
    Raises RequestError without tracks.
    """
    if not len(tracks.points):
        raise RequestError("expected at least one track; received none; track a grid of points")
    right, bottom = tracks.width - 1, tracks.height - 1
    middles = np.array([(right / 2, 0), (right / 2, bottom), (0, bottom / 2), (right, bottom / 2)])
    nearest = np.linalg.norm(tracks.points[None, :, 0] - middles[:, None], axis=-1).argmin(axis=1)
    moved = tracks.points[nearest, -1] - tracks.points[nearest, 0]
    top, down, left, far = (_words(x, y, STATIC * min(tracks.height, tracks.width)) for x, y in moved)
    labels = {_UPRIGHT.get((a, b)) for a in top for b in down}
    labels |= {_LEVEL.get((a, b)) for a in left for b in far}
    named = sorted(label for label in labels if label)
    return tuple(label for label in named if label != "static" or len(named) == 1)


def _words(x: float, y: float, bound: float) -> list[str]:
    axes = ((x, "left", "right"), (y, "up", "down"))
    return [less if value < 0 else more for value, less, more in axes if abs(value) > bound] or ["static"]


class Encoder(NamedTuple):
    """What makes numbers of frames; its name goes into every record, since scores of different encoders do
    not compare.

    `moft.metrics.networks.vision` makes one of a DINO or CLIP that lies on disk.
    """

    name: str
    encode: Callable[[Video], Floats]  # (f h w 3) uint8 -> (f, d)


def _thumbnails(video: Video) -> Floats:
    needs("cv2")
    import cv2  # here, so that importing moft does not need OpenCV

    small = [
        cv2.resize(frame, (16, 16), interpolation=cv2.INTER_AREA) for frame in np.ascontiguousarray(video)
    ]
    return np.stack(small).reshape(len(video), -1).astype(np.float64)


THUMBNAILS = Encoder("thumbnails 16x16, no weights", _thumbnails)


def consistency(video: Video, encoder: Encoder = THUMBNAILS) -> float:
    """How alike a clip's frames stay, 0…1, by VBench's formula for subject (DINO) and background consistency
    (CLIP).

    Mean over frames of (max(0, cos to the frame before) + max(0, cos to the first)) / 2; a frame encoded as
    zeros is like another such one alone. VBench's numbers need its encoders; `THUMBNAILS` is what works
    without weights, and sees layout and colour only. Raises RequestError unless there are two frames or more,
    one vector of finite numbers each.
    """
    codes = np.asarray(encoder.encode(video), np.float64)
    if codes.ndim != 2 or len(codes) != len(video) or len(video) < 2 or not np.isfinite(codes).all():
        raise RequestError(
            f"expected one vector of finite numbers for each of 2 frames or more; received {codes.shape} for "
            f"{len(video)} frames from {encoder.name}; return (frames, numbers)"
        )
    length = np.linalg.norm(codes, axis=1)
    units = codes / np.where(length > 0, length, 1)[:, None]
    blank = length == 0

    def alike(a: slice, b: slice) -> Floats:
        return np.maximum((units[a] * units[b]).sum(axis=1), blank[a] & blank[b])

    later = slice(1, None)
    return float(np.clip((alike(later, slice(-1)) + alike(later, slice(1))).mean() / 2, 0, 1))


class Judge(NamedTuple):
    """What rates single frames; its name goes into every record, too. `moft.metrics.networks.musiq` makes
    VBench's."""

    name: str
    rate: Callable[[Video], Floats]  # (f h w 3) uint8 -> (f,), 0…1, 1 best


def _sharpness(video: Video) -> Floats:
    needs("skimage")
    from skimage.measure import blur_effect  # here, so that importing moft does not need scikit-image

    return 1 - np.array([blur_effect(frame, channel_axis=-1) for frame in video], np.float64)


SHARPNESS = Judge("sharpness, no weights", _sharpness)


def imaging_quality(video: Video, judge: Judge = SHARPNESS) -> float:
    """How good a clip's frames look, each by itself, 0…1: their mean rating, by VBench's formula (its judge:
    MUSIQ of SPAQ).

    VBench's numbers need its judge; `SHARPNESS` is what works without weights: 1 − the perceptual blur of
    Crete et al. (2007), 0 for one plain colour, and higher the more of the detail would go with another blur.
    It takes noise for detail.
    Raises RequestError unless there is one finite rating a frame.
    """
    ratings = np.asarray(judge.rate(video), np.float64)
    if not len(video) or ratings.shape != (len(video),) or not np.isfinite(ratings).all():
        raise RequestError(
            f"expected one finite rating for each of 1 frame or more; received {ratings.shape} for "
            f"{len(video)} frames from {judge.name}; return (frames,)"
        )
    return float(ratings.mean())


def psnr(a: Video, b: Video) -> float:
    """Peak signal to noise ratio of two clips uint8 (f h w 3) of one shape, in dB; infinite if they are the
    same.

    Raises ValueError of numpy's for shapes that do not go together.
    """
    error = float(np.square(a.astype(float) - b).mean())
    return 10 * math.log10(255**2 / error) if error else math.inf
