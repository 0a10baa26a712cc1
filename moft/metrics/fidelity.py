"""How alike two clips move: the figures that papers on motion transfer report, and all of them at once.

Tracks and clips in, numbers out. Everything is defined for clips that stand still: nothing here is ever NaN,
but for what `compat="dmt"` reproduces. Speeds are in shorter sides of the picture per frame, so that sizes
compare.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from moft.errors import RequestError
from moft.metrics.agreement import Agreement, agreement
from moft.metrics.flow import dense_flow
from moft.metrics.quality import (
    SHARPNESS,
    THUMBNAILS,
    Encoder,
    Judge,
    camera_motion,
    consistency,
    dynamic_degree,
    imaging_quality,
    temporal_flickering,
)
from moft.metrics.tracks import Tracker, Tracks, flow_tracks
from moft.optional import needs

if TYPE_CHECKING:
    from moft.types import Flags, Floats, Video

# Shorter sides per frame: the speed at which moving and standing still are half a right angle apart.
EPSILON = 0.002
SEEN = 0.5  # share of the steps for which a track, or both of a pair, must be seen to count
_ROWS = 512  # tracks compared at a time, which bounds memory


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
    """Whether the output's tracks go as the reference's, wherever they are (Eq. 5, 6, averaged, not added).

    Eq. 5 is the mean over frames of the cosine between two tracks' steps. Each step (x, y) is taken as
    (x, y, EPSILON), so that it is defined where a track stands still: two that stand still agree (1), one
    that stands still and one that moves have nothing to do with each other (about 0), and noise far below
    EPSILON has no direction. Only steps that both tracks are seen in count, and pairs that share half of the
    steps or more; a track without such a partner correlates 0 with all. Tracks seen for less than half of the
    steps are left out.

    compat="dmt": `fidelity` and `output` are what the script of Yatim et al. (Diffusion Motion Transfer, CVPR
    2024) gives, and others after it: from output to reference alone, all tracks taken as seen, 1 taken off
    the correlation of the i-th with the i-th track, no epsilon, so NaN if any track stands still for a step.
    Needs equal counts.

    Raises RequestError for clips of different lengths, without tracks, or an unknown compat.
    """
    _check_pair(reference, output)
    if compat not in (None, "dmt"):
        raise RequestError(
            f'expected compat "dmt" or None; received {compat!r}; leave it out for Eq. 5 and 6'
        )
    usable = [tracks.known.mean(axis=1) >= SEEN for tracks in (reference, output)]
    (a, known_a), (b, known_b) = (
        (_unit(tracks.steps[kept]), tracks.known[kept])
        for kept, tracks in zip(usable, (reference, output), strict=True)
    )
    forth, back = _best(a, known_a, b, known_b), _best(b, known_b, a, known_a)
    fidelity = Fidelity(
        fidelity=(forth + back) / 2,
        reference=forth,
        output=back,
        speed_ratio=_speed(output) / _speed(reference),
        tracked=(float(usable[0].mean()), float(usable[1].mean())),
    )
    if compat is None:
        return fidelity
    number = _dmt(reference.steps, output.steps)
    return replace(fidelity, fidelity=number, reference=None, output=number)


def _check_pair(reference: Tracks, output: Tracks) -> None:
    """Raise RequestError unless both have tracks, through the same number of frames."""
    lengths = {tracks.points.shape[1] for tracks in (reference, output)}
    if not (len(reference.points) and len(output.points)) or len(lengths) > 1:
        shapes = " and ".join(str(tracks.points.shape) for tracks in (reference, output))
        raise RequestError(
            f"expected tracks through the same number of frames; received (tracks, frames, 2) {shapes}; "
            "resample the longer clip"
        )


def _unit(steps: Floats) -> Floats:
    """Steps (n, t, 2) with the third coordinate EPSILON, at length 1: (n, t, 3)."""
    lifted = np.pad(steps, ((0, 0), (0, 0), (0, 1)), constant_values=EPSILON)
    return lifted / np.linalg.norm(lifted, axis=-1, keepdims=True)


def _best(of: Floats, known: Flags, among: Floats, known_among: Flags) -> float:
    """Mean over the tracks `of` (n, t, 3) of the best correlation with one `among` (m, t, 3); 0 where either
    is empty."""
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
    """The number of the script of Yatim et al. for steps (n, t, 2), the i-th beside the i-th."""
    if len(reference) != len(output):
        raise RequestError(
            'expected as many tracks in both clips for compat "dmt"; '
            f"received {len(reference)} and {len(output)}; track both on one grid"
        )
    with np.errstate(invalid="ignore"):
        a, b = (steps / np.linalg.norm(steps, axis=-1, keepdims=True) for steps in (output, reference))
    similarity = a.reshape(len(a), -1) @ b.reshape(len(b), -1).T / a.shape[1]
    return float((similarity - np.eye(len(a))).max(axis=1).mean())


def _speed(tracks: Tracks) -> float:
    """Mean length of the steps that are seen, at least EPSILON, in which a clip that stands still is told
    from one that moves."""
    lengths = np.linalg.norm(tracks.steps, axis=-1)[tracks.known]
    return float(np.hypot(lengths.mean() if lengths.size else 0.0, EPSILON))


def _mean_steps(tracks: Tracks) -> Floats:
    """(t, 2) mean over the tracks that are seen in each step; 0 where none is."""
    counted = np.maximum(tracks.known.sum(axis=0), 1)[:, None]
    return (tracks.steps * tracks.known[..., None]).sum(axis=0) / counted


def direction_error(measured: Floats, asked: Floats) -> float:
    """Mean angle in degrees, 0…180, between steps (f, 2) measured and asked, weighted by the asked lengths.

    A step that stands still where one was asked has no direction, neither right nor wrong: 90. 0 where none
    was asked.
    Raises RequestError for shapes that differ.
    """
    measured, asked = _pair(measured, asked)
    length = np.linalg.norm(asked, axis=-1)
    turned = (
        measured[..., 0] * asked[..., 1] - measured[..., 1] * asked[..., 0],
        (measured * asked).sum(axis=-1),
    )
    angle = np.where(np.linalg.norm(measured, axis=-1) > 0, np.degrees(np.abs(np.arctan2(*turned))), 90.0)
    return float((angle * length).sum() / length.sum()) if length.any() else 0.0


def speed_error(measured: Floats, asked: Floats) -> float:
    """Mean difference, >= 0, between the lengths of steps (f, 2) measured and asked, in their unit per frame.

    Raises RequestError for shapes that differ.
    """
    measured, asked = _pair(measured, asked)
    return float(np.abs(np.linalg.norm(measured, axis=-1) - np.linalg.norm(asked, axis=-1)).mean())


def drag_distance(measured: Floats, asked: Floats, unit: float | None = None) -> float:
    """Mean distance between a tracked point and where it should be (the paper's Table 2), 0 the best.

    measured, asked: (f >= 2, 2) or (n, f, 2) px. The first frame is left out, where both are given.
    unit: px in which it is given. None: each in lengths of its asked path: a point that stays behind on a
        straight one then has a little over 0.5. The paper says "normalised", not by what; its figures (0.437
        for points that barely follow) fit the path, not the picture.
    Raises RequestError for shapes that differ, a unit that is not positive, and an asked path without length.
    """
    measured, asked = _pair(measured, asked)
    if measured.ndim < 2 or measured.shape[-2] < 2:
        raise RequestError(f"expected paths of 2 frames or more; received {measured.shape}; pass (frames, 2)")
    units = np.linalg.norm(np.diff(asked, axis=-2), axis=-1).sum(axis=-1) if unit is None else np.array(unit)
    if not (units > 0).all():
        raise RequestError(
            f"expected a unit > 0; received {unit or 'a path that stays'}; pass the shorter side, say"
        )
    return float((np.linalg.norm(measured - asked, axis=-1)[..., 1:].mean(axis=-1) / units).mean())


def _pair(measured: Floats, asked: Floats) -> tuple[Floats, Floats]:
    """Both as float64. Raises RequestError for shapes that differ."""
    measured, asked = np.asarray(measured, np.float64), np.asarray(asked, np.float64)
    if measured.shape != asked.shape or measured.ndim < 1 or measured.shape[-1] != 2 or not measured.size:
        raise RequestError(
            "expected two arrays (..., frames, 2) of one shape; "
            f"received {measured.shape} and {asked.shape}; bring both to the same frames"
        )
    return measured, asked


@dataclass(frozen=True)
class Score:
    """Everything `score` says of an output beside its reference; clip figures come as (reference, output)."""

    motion: Fidelity
    field: Agreement  # over places and frames, by dense flow; in px of the output
    direction_error: float  # degrees between the mean motions' steps, where the reference's exceed EPSILON
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
    """Compare the motion of two clips, uint8 (f >= 2, h >= 16, w >= 16, 3) of one length; sizes may differ.

    Mean motions are those of the tracks that are seen. Frame times are unknown here, so `dynamic` takes 8
    frames a second.
    Raises RequestError for other clips, MoftError without the extras `flow` and `photos`.
    """
    if judge is SHARPNESS:
        needs("cv2", "skimage")  # before the long work
    for video in (reference, output):
        dense_flow(video[:2])  # refuses what is no clip before the long work
    if len(reference) != len(output):
        raise RequestError(
            f"expected clips of one length; received {len(reference)} and {len(output)} frames; "
            "resample the longer one"
        )
    clips = (reference, output)
    tracks = [tracker(video) for video in clips]
    of_reference, of_output = map(_mean_steps, tracks)
    # Noise has no direction to ask for.
    moves = np.linalg.norm(of_reference, axis=-1, keepdims=True) >= EPSILON
    return Score(
        motion=motion_fidelity(*tracks),
        field=agreement(output, dense_flow(reference) * (_side(output) / _side(reference))),
        direction_error=direction_error(of_output, of_reference * moves),
        speed_error=speed_error(of_output, of_reference),
        camera=(camera_motion(tracks[0]), camera_motion(tracks[1])),
        dynamic=(dynamic_degree(reference), dynamic_degree(output)),
        flickering=(temporal_flickering(reference), temporal_flickering(output)),
        consistency=(consistency(reference, encoder), consistency(output, encoder)),
        encoder=encoder.name,
        imaging=(imaging_quality(reference, judge), imaging_quality(output, judge)),
        judge=judge.name,
        tracker=getattr(tracker, "__name__", type(tracker).__name__),
    )


def _side(video: Video) -> int:
    return min(video.shape[1:3])
