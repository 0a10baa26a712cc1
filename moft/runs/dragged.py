"""A plain and a dragged run from one seed: tracked, drawn, and written side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from moft.errors import RequestError
from moft.metrics.fidelity import drag_distance
from moft.metrics.tracks import Tracks, follow
from moft.models.load import model_folder
from moft.optional import needs
from moft.provenance import command
from moft.request.checks import Point
from moft.request.drag import Drag
from moft.runs.digests import frames_digest
from moft.runs.job import Scene
from moft.runs.recipe import Recipe
from moft.runs.remedies import remedies
from moft.runs.sample import Run, sample
from moft.runs.save import check_output, write_all
from moft.runs.words import advice
from moft.steering.dragging import trajectories
from moft.steering.entry import steer

if TYPE_CHECKING:
    from moft.feature.statistics import Statistics
    from moft.steering.loop import Report
    from moft.steering.settings import Settings
    from moft.types import Floats, Video


DRAWN = 256  # px, at least, of the shorter side of the picture that points are drawn on
ARRIVED = 0.3  # lengths of its way: a point that was closer than this to where it should be, on average over the frames
STAYED = 0.05  # shorter sides: the same for a point that must not move
WANTED, TRACKED, LOST = (255, 220, 0), (255, 255, 255), (255, 0, 0)


def points_of(texts: Sequence[str]) -> tuple[tuple[Point, ...], ...]:
    """Texts such as "12,30:40,30" → trajectories such as ((12, 30), (40, 30)). Raises RequestError for other texts."""
    found = []
    for text in texts:
        try:
            path = tuple((float(x), float(y)) for x, y in (at.split(",") for at in text.split(":")))
        except ValueError:
            raise RequestError(
                f"expected a point as x,y:x,y (start:end), x,y:x,y:x,y (bent) or x,y (must not move), in px; received {text!r:.200}; "
                "write 12,30:40,30"
            ) from None
        found.append(path)
    return tuple(found)


@dataclass(frozen=True)
class _Try:
    """One dragged run of several beside its plain one, and how each point fared."""

    scene: Scene
    settings: Settings
    clips: dict[str, Run]  # plain, dragged
    tracks: dict[str, Tracks]
    points: list[dict[str, Any]]
    report: Report

    def to_json(self) -> dict[str, Any]:
        told = [{"arrived": point["arrived"], **point["dragged"]} for point in self.points]
        return {
            "seed": self.scene.seed,
            "settings": asdict(self.settings),
            "arrived": self.arrived,
            "points": told,
        }

    @property
    def arrived(self) -> int:
        """How many points did."""
        return sum(point["arrived"] for point in self.points)

    @property
    def standing(self) -> tuple[int, float]:
        """By which of several runs the best is chosen: points that arrived, then px off on average."""
        return self.arrived, -sum(point["dragged"]["distance_px"] for point in self.points)


def compare_drag(
    pipe: Any,
    scene: Scene,
    requests: Sequence[Drag],
    settings: Settings,
    statistics: Statistics,
    out: Path,
    model: str,
    *,
    retries: int = 0,
    channels: str | None = None,
    commit: str | None = None,
) -> dict[str, Any]:
    """Sample plain and dragged, track the points in both, write three clips and the record at `out`; returns the record.

    requests: one. If a point did not arrive, up to `retries` more dragged runs try what `remedies` says; the best is
    kept, and the record lists all. `model`, `channels` and `commit` go into the recipe, as in `compare`. The comparison shows
    plain and dragged, from left to right, each `drawn`. Raises MoftError, and leaves no files, if anything is wrong.
    """
    from moft.media.frames import side_by_side

    needs("cv2")
    (request,) = requests
    folder = model_folder(model, commit)
    check_output(out, Recipe.of(scene, requests, settings, model, folder, statistics, channels).files)
    tries = [_tried(pipe, scene, request, settings, statistics)]
    for remedy in islice(remedies(settings, scene.seed, requests), retries):
        if tries[-1].arrived == len(request.points):
            break
        tries.append(_tried(pipe, replace(scene, seed=remedy.seed), request, remedy.settings, statistics))
    best = max(range(len(tries)), key=lambda i: tries[i].standing)
    kept = tries[best]
    videos, moving = (
        {name: run.video for name, run in kept.clips.items()},
        [p for p in kept.points if p["length_px"] > 0],
    )
    wanted = trajectories(request, scene.size)
    beside = side_by_side(*(drawn(video, wanted, kept.tracks[name]) for name, video in videos.items()))
    recipe = Recipe.of(kept.scene, requests, kept.settings, model, folder, statistics, channels)
    record = {
        "asked": str(request),
        "arrived": kept.arrived == len(request.points),
        "points": kept.points,
        "distance": {name: _mean([point[name]["distance"] for point in moving]) for name in videos},
        **{name: run.to_json() for name, run in kept.clips.items()},
        "tries": [one.to_json() for one in tries],
        "kept": best,
        "guidance_seconds": kept.report.guidance_seconds,
        "losses": kept.report.steps,
        "skipped_updates": kept.report.skipped,
        **replace(recipe, frames_digest=frames_digest(videos["dragged"])).to_json(),
        "statistics": statistics.made,
        "command": command(),
    }
    return write_all(out, {"": videos["dragged"], ".plain": videos["plain"], ".compare": beside}, record)


def _tried(pipe: Any, scene: Scene, request: Drag, settings: Settings, statistics: Statistics) -> _Try:
    wanted = trajectories(request, scene.size)
    with steer(pipe, request, statistics=statistics, settings=settings) as run:  # first: it may refuse
        dragged = sample(pipe, scene, "dragged")
    clips = {"plain": sample(pipe, scene, "plain"), "dragged": dragged}
    tracks = {name: follow(clip.video, wanted[:, 0]) for name, clip in clips.items()}
    points = [_told(i, wanted, tracks, scene.size.side) for i in range(len(wanted))]
    return _Try(scene, settings, clips, tracks, points, run.report)


def _told(number: int, wanted: Floats, tracks: dict[str, Tracks], side: int) -> dict[str, Any]:
    """One point of n: its wanted way (n f 2), whether it arrived, and of each run where it was tracked and how far off on average."""
    path = wanted[number]
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=-1).sum())

    def run(found: Tracks) -> dict[str, Any]:
        track = found.points[number]
        return {
            "track": track.tolist(),
            "seen": float(found.seen[number].mean()),  # share of the frames until it was lost
            "distance": drag_distance(track, path) if length else None,
            "distance_px": drag_distance(track, path, 1),
        }

    runs = {name: run(found) for name, found in tracks.items()}
    arrived = runs["dragged"]["distance_px"] <= (ARRIVED * length if length else STAYED * side)
    return {"wanted": path.tolist(), "length_px": length, "arrived": arrived, **runs}


def _mean(distances: list[float]) -> float | None:
    return sum(distances) / len(distances) if distances else None


def drawn(video: Video, wanted: Floats, tracks: Tracks) -> Video:
    """The clip, enlarged if it is small, with each point's wanted way as a yellow line, where it should be as a yellow ring,
    and where it was tracked as a dot: white, or red from where it was lost.

    video: uint8 (f h w 3). wanted: (n f 2) px. Returns uint8 of the same frames.
    """
    scale = max(1, DRAWN // min(video.shape[1:3]))
    dot = 3 + min(video.shape[1:3]) * scale // 256

    def box(at: Floats, radius: int) -> tuple[float, float, float, float]:
        x, y = (at + 0.5) * scale
        return x - radius, y - radius, x + radius, y + radius

    pictures = []
    for i, frame in enumerate(video):
        picture = Image.fromarray(frame).resize(
            (frame.shape[1] * scale, frame.shape[0] * scale), Image.Resampling.BICUBIC
        )
        draw = ImageDraw.Draw(picture)
        for n, path in enumerate(wanted):
            draw.line([tuple((at + 0.5) * scale) for at in path], WANTED, 2)
            draw.ellipse(box(path[i], 2 * dot), outline=WANTED, width=2)
            draw.ellipse(box(tracks.points[n, i], dot), TRACKED if tracks.seen[n, i] else LOST, "black")
        pictures.append(np.asarray(picture))
    return np.stack(pictures)


def summary(record: dict[str, Any]) -> str:
    """What a person wants to know of a dragged run."""
    rows = {}
    for number, point in enumerate(record["points"], 1):
        (x0, y0), (x1, y1), (x, y) = point["wanted"][0], point["wanted"][-1], point["dragged"]["track"][-1]
        way = f"{x0:g},{y0:g} to {x1:g},{y1:g}" if point["length_px"] else f"{x0:g},{y0:g} to stay"
        off = {name: f"{point[name]['distance_px']:.1f} px" for name in ("dragged", "plain")}
        far = f"off by {off['dragged']} on average, plain by {off['plain']}; arrived: {'yes' if point['arrived'] else 'no'}"
        rows[f"point {number}"] = f"{way}; came to {x:.1f},{y:.1f}; {far}"
    for name, distance in record["distance"].items():
        if distance is not None:
            rows[name] = f"{distance:.3f} of the wanted way off on average"
    if not record["arrived"]:
        rows["try"] = advice(record)
    if len(record["tries"]) > 1:
        runs = [
            f"seed {one['seed']}: {one['arrived']} of {len(one['points'])} arrived" for one in record["tries"]
        ]
        rows["tries"] = f"{'; '.join(runs)}. Kept: {record['kept'] + 1} of {len(runs)}"
    rows["time"] = f"{record['dragged']['seconds']:.1f} s, {record['guidance_seconds']:.1f} s of it dragging"
    rows["files"] = ", ".join(record["files"].values())
    return "\n".join(f"{name + ':':<11}{text}" for name, text in rows.items())
