"""How alike two clips move, and how steady one is: the figures that papers on motion transfer report.

Tracks and clips in, numbers out. Everything is defined for clips that stand still: nothing here is ever NaN,
but for what `compat="dmt"` reproduces. Speeds are in shorter sides of the picture per frame, so that sizes compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import RequestError
from .metrics import dense_flow
from .tracks import Tracker, Tracks, flow_tracks

__all__ = [
    "SHARPNESS",
    "THUMBNAILS",
    "Encoder",
    "Fidelity",
    "Judge",
    "Score",
    "camera_motion",
    "consistency",
    "direction_error",
    "drag_distance",
    "dynamic_degree",
    "imaging_quality",
    "motion_fidelity",
    "score",
    "speed_error",
    "temporal_flickering",
]

Video = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating[Any]]

EPSILON = 0.002  # shorter sides per frame: the speed at which moving and standing still are half a right angle apart
SEEN = 0.5  # share of the steps for which a track, or both of a pair, must be seen to count
STATIC = 0.005  # shorter sides from first to last frame, VBench's bound of a camera that stands still
_ROWS = 512  # tracks compared at a time, which bounds memory


# ---------------------------------------------------------------- two clips


@dataclass(frozen=True)
class Fidelity:
    """What `motion_fidelity` found.

    fidelity: mean of the two below, -1…1, 1 the same motion.
    reference: mean over reference tracks of the best correlation among output tracks: what of it was kept.
    output: mean over output tracks of the best correlation among reference tracks: what was not added.
    speed_ratio: output's mean speed by the reference's, > 0; 1 where both stand still.
    tracked: share of the reference's and of the output's tracks that could be followed, 0…1. Low shares
        mean that the other numbers rest on little.
    """

    fidelity: float
    reference: float | None  # None in a script's number that does not look there
    output: float
    speed_ratio: float
    tracked: tuple[float, float]


def motion_fidelity(reference: Tracks, output: Tracks, *, compat: Literal["dmt"] | None = None) -> Fidelity:
    """Whether the output's tracks go as the reference's, wherever they are (Eq. 5 and 6, averaged instead of added).

    Eq. 5 is the mean over frames of the cosine between two tracks' steps. Each step (x, y) is taken as
    (x, y, EPSILON), so that it is defined where a track stands still: two that stand still agree (1), one that stands
    still and one that moves have nothing to do with each other (about 0), and noise far below EPSILON has no direction.
    Only steps that both tracks are seen in count, and pairs that share half of the steps or more; a track
    without such a partner correlates 0 with all. Tracks seen for less than half of the steps are left out.

    compat="dmt": `fidelity` and `output` are what the script of Yatim et al. (Diffusion Motion Transfer, CVPR 2024)
    gives, and others after it: from output to reference alone, all tracks taken as seen, 1 taken off the correlation of the i-th
    with the i-th track, no epsilon, so NaN if any track stands still for a step. Needs equal counts.

    Raises RequestError for clips of different lengths, without tracks, or an unknown compat.
    """
    ours = [reference.steps, output.steps]
    if min(map(len, ours)) == 0 or ours[0].shape[1] != ours[1].shape[1]:
        shapes = " and ".join(str(tracks.points.shape) for tracks in (reference, output))
        raise RequestError(
            f"expected tracks through the same number of frames; received (tracks, frames, 2) {shapes}; "
            "resample the longer clip"
        )
    if compat not in (None, "dmt"):
        raise RequestError(
            f'expected compat "dmt" or None; received {compat!r}; leave it out for Eq. 5 and 6'
        )
    usable = [tracks.known.mean(axis=1) >= SEEN for tracks in (reference, output)]
    (a, known_a), (b, known_b) = (
        (_unit(steps[kept]), tracks.known[kept])
        for steps, kept, tracks in zip(ours, usable, (reference, output), strict=True)
    )
    forth, back = _best(a, known_a, b, known_b), _best(b, known_b, a, known_a)
    found = Fidelity(
        fidelity=(forth + back) / 2,
        reference=forth,
        output=back,
        speed_ratio=_speed(output) / _speed(reference),
        tracked=(float(usable[0].mean()), float(usable[1].mean())),
    )
    if compat is None:
        return found
    number = _dmt(ours[0], ours[1])
    return replace(found, fidelity=number, reference=None, output=number)


def _unit(steps: Floats) -> Floats:
    """Steps (n, t, 2) with the third coordinate EPSILON, at length 1: (n, t, 3)."""
    lifted = np.pad(steps, ((0, 0), (0, 0), (0, 1)), constant_values=EPSILON)
    return lifted / np.linalg.norm(lifted, axis=-1, keepdims=True)


def _best(
    of: Floats, known: npt.NDArray[np.bool_], among: Floats, known_among: npt.NDArray[np.bool_]
) -> float:
    """Mean over the tracks `of` (n, t, 3) of the best correlation with one `among` (m, t, 3); 0 where either is empty."""
    if not len(of) or not len(among):
        return 0.0
    others = (among * known_among[..., None]).reshape(len(among), -1).T
    best = []
    for start in range(0, len(of), _ROWS):
        rows = slice(start, start + _ROWS)
        shared = known[rows].astype(float) @ known_among.T
        summed = (of[rows] * known[rows][..., None]).reshape(len(shared), -1) @ others
        enough = shared >= SEEN * known.shape[1]
        best.append(np.where(enough, summed / np.maximum(shared, 1), 0).max(axis=1))
    return float(np.clip(np.concatenate(best).mean(), -1, 1))  # rounding alone leads outside


def _dmt(reference: Floats, output: Floats) -> float:
    if len(reference) != len(output):
        raise RequestError(
            f'expected as many tracks in both clips for compat "dmt"; received {len(reference)} and {len(output)}; '
            "track both on one grid"
        )
    with np.errstate(invalid="ignore"):
        a, b = (steps / np.linalg.norm(steps, axis=-1, keepdims=True) for steps in (output, reference))
    similarity = a.reshape(len(a), -1) @ b.reshape(len(b), -1).T / a.shape[1]
    return float((similarity - np.eye(len(a))).max(axis=1).mean())


def _speed(tracks: Tracks) -> float:
    """Mean length of the steps that are seen, at least EPSILON, in which a clip that stands still is told from one that moves."""
    lengths = np.linalg.norm(tracks.steps, axis=-1)[tracks.known]
    return float(np.hypot(lengths.mean() if lengths.size else 0.0, EPSILON))


def _mean_steps(tracks: Tracks) -> Floats:
    """(t, 2) mean over the tracks that are seen in each step; 0 where none is."""
    counted = np.maximum(tracks.known.sum(axis=0), 1)[:, None]
    return (tracks.steps * tracks.known[..., None]).sum(axis=0) / counted


def direction_error(found: Floats, wanted: Floats) -> float:
    """Mean angle in degrees, 0…180, between steps (f, 2) found and wanted, each weighted by the wanted length.

    A step that stands still where one was wanted has no direction, neither right nor wrong: 90. 0 where none was wanted.
    Raises RequestError for shapes that differ.
    """
    found, wanted = _pair(found, wanted)
    length = np.linalg.norm(wanted, axis=-1)
    turned = (found[..., 0] * wanted[..., 1] - found[..., 1] * wanted[..., 0], (found * wanted).sum(axis=-1))
    angle = np.where(np.linalg.norm(found, axis=-1) > 0, np.degrees(np.abs(np.arctan2(*turned))), 90.0)
    return float((angle * length).sum() / length.sum()) if length.any() else 0.0


def speed_error(found: Floats, wanted: Floats) -> float:
    """Mean difference, >= 0, between the lengths of steps (f, 2) found and wanted, in their unit per frame.

    Raises RequestError for shapes that differ.
    """
    found, wanted = _pair(found, wanted)
    return float(np.abs(np.linalg.norm(found, axis=-1) - np.linalg.norm(wanted, axis=-1)).mean())


def drag_distance(found: Floats, wanted: Floats, unit: float | None = None) -> float:
    """Mean distance between a tracked point and where it should be (the paper's Table 2), 0 the best.

    found, wanted: (f >= 2, 2) or (n, f, 2) px. The first frame is left out, where both are given. In `unit` px, or, without,
    each in lengths of its wanted path: a point that stays behind on a straight one then has a little over 0.5. The paper says
    "normalised", not by what; its figures (0.437 for points that barely follow) fit the path, not the picture.
    Raises RequestError for shapes that differ, a unit that is not positive, and a wanted path without length.
    """
    found, wanted = _pair(found, wanted)
    if found.ndim < 2 or found.shape[-2] < 2:
        raise RequestError(f"expected paths of 2 frames or more; received {found.shape}; pass (frames, 2)")
    units = np.linalg.norm(np.diff(wanted, axis=-2), axis=-1).sum(axis=-1) if unit is None else np.array(unit)
    if not (units > 0).all():
        raise RequestError(
            f"expected a unit > 0; received {unit or 'a path that stays'}; pass the shorter side, say"
        )
    return float((np.linalg.norm(found - wanted, axis=-1)[..., 1:].mean(axis=-1) / units).mean())


def _pair(found: Floats, wanted: Floats) -> tuple[Floats, Floats]:
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    if found.shape != wanted.shape or found.ndim < 1 or found.shape[-1] != 2 or not found.size:
        raise RequestError(
            f"expected two arrays (..., frames, 2) of one shape; received {found.shape} and {wanted.shape}; "
            "bring both to the same frames"
        )
    return found, wanted


# ---------------------------------------------------------------- one clip: VBench's dimensions without weights


def temporal_flickering(video: Video) -> float:
    """How little neighbouring frames differ, 0…1, 1 none: (255 - mean absolute difference) / 255 (VBench, of that name).

    video: uint8 (f >= 1, h, w, 3). It tells flicker only in clips that stand still: any motion lowers it. 1 for one frame.
    """
    steps = [
        float(np.abs(after.astype(np.int16) - before).mean())
        for before, after in zip(video, video[1:], strict=False)
    ]
    return 1 - float(np.mean(steps)) / 255 if steps else 1.0


def dynamic_degree(video: Video, fps: float = 8) -> bool:
    """Whether a clip moves at all (VBench's rule, on DIS flow instead of RAFT's).

    At 8 frames a second, the mean of the largest 5 % of the flow exceeds 6 px, in a picture of 256 px, in a quarter of the frames.
    video: uint8 (f >= 2, h >= 16, w >= 16, 3). fps: its frames per second, > 0; faster clips are thinned out to 8, for
    slower ones the bound grows. At least one step must exceed it: VBench's own rounding lets clips of up to 2 frames move always.
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
    return (
        sum(float(np.sort(one)[-max(1, int(0.05 * one.size)) :].mean()) > bound for one in lengths) >= needed
    )


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
    """What the CAMERA does, so opposite to the picture: pan_left, pan_right, tilt_up, tilt_down, zoom_in, zoom_out, static.

    VBench's label rule: the tracks nearest to the middles of the four edges, from first to last frame, each axis
    static below 0.5 % of the shorter side; top and bottom must agree, or left and right; static gives way to anything else.
    Sorted; several for a diagonal; none where nothing agrees. Unlike VBench's, positions are not cut to whole pixels.
    Raises RequestError without tracks.
    """
    if not len(tracks.points):
        raise RequestError("expected at least one track; received none; track a grid of points")
    right, bottom = tracks.width - 1, tracks.height - 1
    middles = np.array([(right / 2, 0), (right / 2, bottom), (0, bottom / 2), (right, bottom / 2)])
    nearest = np.linalg.norm(tracks.points[None, :, 0] - middles[:, None], axis=-1).argmin(axis=1)
    moved = tracks.points[nearest, -1] - tracks.points[nearest, 0]
    top, down, left, far = (_words(x, y, STATIC * min(tracks.height, tracks.width)) for x, y in moved)
    found = {_UPRIGHT.get((a, b)) for a in top for b in down} | {
        _LEVEL.get((a, b)) for a in left for b in far
    }
    named = sorted(label for label in found if label)
    return tuple(label for label in named if label != "static" or len(named) == 1)


def _words(x: float, y: float, bound: float) -> list[str]:
    axes = ((x, "left", "right"), (y, "up", "down"))
    return [less if value < 0 else more for value, less, more in axes if abs(value) > bound] or ["static"]


class Encoder(NamedTuple):
    """What makes numbers of frames; its name goes into every record, since scores of different encoders do not compare.

    `moft.encoders.vision` makes one of a DINO or CLIP that lies on disk.
    """

    name: str
    encode: Callable[[Video], Floats]  # (f h w 3) uint8 -> (f, d)


def _thumbnails(video: Video) -> Floats:
    import cv2  # here, so that importing moft does not need OpenCV

    small = [
        cv2.resize(frame, (16, 16), interpolation=cv2.INTER_AREA) for frame in np.ascontiguousarray(video)
    ]
    return np.stack(small).reshape(len(video), -1).astype(np.float64)


THUMBNAILS = Encoder("thumbnails 16x16, no weights", _thumbnails)


def consistency(video: Video, encoder: Encoder = THUMBNAILS) -> float:
    """How alike a clip's frames stay, 0…1, by VBench's formula for subject (DINO) and background consistency (CLIP).

    Mean over frames of (max(0, cos to the frame before) + max(0, cos to the first)) / 2; a frame encoded as zeros is like
    another such one alone. VBench's numbers need its encoders; `THUMBNAILS` is what works without weights, and sees layout and
    colour only. Raises RequestError unless there are two frames or more, one vector of finite numbers each.
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
    """What rates single frames; its name goes into every record, too. `moft.encoders.musiq` makes VBench's."""

    name: str
    rate: Callable[[Video], Floats]  # (f h w 3) uint8 -> (f,), 0…1, 1 best


def _sharpness(video: Video) -> Floats:
    from skimage.measure import blur_effect  # here, so that importing moft does not need scikit-image

    return 1 - np.array([blur_effect(frame, channel_axis=-1) for frame in video], np.float64)


SHARPNESS = Judge("sharpness, no weights", _sharpness)


def imaging_quality(video: Video, judge: Judge = SHARPNESS) -> float:
    """How good a clip's frames look, each by itself, 0…1: their mean rating, by VBench's formula (its judge: MUSIQ of SPAQ).

    VBench's numbers need its judge; `SHARPNESS` is what works without weights: 1 − the perceptual blur of Crete et al. (2007),
    0 for one plain colour, and higher the more of the detail would go with another blur. It takes noise for detail.
    Raises RequestError unless there is one finite rating a frame.
    """
    ratings = np.asarray(judge.rate(video), np.float64)
    if not len(video) or ratings.shape != (len(video),) or not np.isfinite(ratings).all():
        raise RequestError(
            f"expected one finite rating for each of 1 frame or more; received {ratings.shape} for {len(video)} frames "
            f"from {judge.name}; return (frames,)"
        )
    return float(ratings.mean())


# ---------------------------------------------------------------- all of it


@dataclass(frozen=True)
class Score:
    """Everything `score` says of an output beside its reference; clip figures come as (reference, output)."""

    motion: Fidelity
    direction_error: (
        float  # degrees between the mean motions, step by step where the reference's exceeds EPSILON
    )
    speed_error: float  # shorter sides per frame between the mean motions, step by step
    camera: tuple[tuple[str, ...], tuple[str, ...]]
    dynamic: tuple[bool, bool]
    flickering: tuple[float, float]  # 1 = none
    consistency: tuple[float, float]
    encoder: str  # of consistency
    imaging: tuple[float, float]
    judge: str  # of imaging
    tracker: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values under the field names."""
        import json

        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data


def score(
    reference: Video,
    output: Video,
    tracker: Tracker = flow_tracks,
    encoder: Encoder = THUMBNAILS,
    judge: Judge = SHARPNESS,
) -> Score:
    """Compare the motion of two clips, uint8 (f >= 2, h >= 16, w >= 16, 3) of the same length; sizes may differ.

    Mean motions are those of the tracks that are seen. Frame times are unknown here, so `dynamic` takes 8 frames a second.
    Raises RequestError for other clips.
    """
    for video in (reference, output):
        dense_flow(video[:2])  # refuses what is no clip before the long work
    if len(reference) != len(output):
        raise RequestError(
            f"expected clips of one length; received {len(reference)} and {len(output)} frames; resample the longer one"
        )
    clips = (reference, output)
    tracks = [tracker(video) for video in clips]
    wanted, found = map(_mean_steps, tracks)
    moves = np.linalg.norm(wanted, axis=-1, keepdims=True) >= EPSILON  # noise has no direction to ask for
    return Score(
        motion=motion_fidelity(*tracks),
        direction_error=direction_error(found, wanted * moves),
        speed_error=speed_error(found, wanted),
        camera=(camera_motion(tracks[0]), camera_motion(tracks[1])),
        dynamic=(dynamic_degree(reference), dynamic_degree(output)),
        flickering=(temporal_flickering(reference), temporal_flickering(output)),
        consistency=(consistency(reference, encoder), consistency(output, encoder)),
        encoder=encoder.name,
        imaging=(imaging_quality(reference, judge), imaging_quality(output, judge)),
        judge=judge.name,
        tracker=getattr(tracker, "__name__", type(tracker).__name__),
    )
