"""A plain and a dragged run from one seed: tracked, drawn, and written side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from moft.compare import needs, sample, write_all
from moft.drag import Trajectory, drag, trajectories
from moft.errors import RequestError
from moft.fidelity import drag_distance
from moft.recipe import Scene, command, versions
from moft.tracks import Tracks, follow

if TYPE_CHECKING:
    from moft.guidance import Settings
    from moft.reference import Statistics

Video = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

DRAWN = 256  # px, at least, of the shorter side of the picture that points are drawn on
WANTED, TRACKED, LOST = (255, 220, 0), (255, 255, 255), (255, 0, 0)


def points_of(texts: Sequence[str]) -> Sequence[Trajectory]:
    """Texts such as "12,30:40,30" → trajectories such as [(12, 30), (40, 30)]. Raises RequestError for other texts."""
    found = []
    for text in texts:
        try:
            path = [(float(x), float(y)) for x, y in (at.split(",") for at in text.split(":"))]
        except ValueError:
            raise RequestError(
                f"expected a point as x,y:x,y (start:end), x,y:x,y:x,y (bent) or x,y (must not move), in px; received {text!r:.200}; "
                "write 12,30:40,30"
            ) from None
        found.append(path)
    return found


def compare_drag(
    pipe: Any,
    scene: Scene,
    points: Sequence[Trajectory],
    radius: float | None,
    settings: Settings,
    statistics: Statistics,
    out: Path,
    model: str,
) -> dict[str, Any]:
    """Sample plain and dragged, track the points in both, write three clips and the record at `out`; returns the record.

    The comparison shows plain and dragged, from left to right, each `drawn`. Raises MoftError, and leaves no files, if anything is wrong.
    """
    from moft.video import side_by_side

    needs("cv2")
    wanted = trajectories(points, scene.size)
    with drag(pipe, *points, radius=radius, statistics=statistics, settings=settings) as run:  # first: it may refuse
        dragged = sample(pipe, scene, "dragged")
    plain = sample(pipe, scene, "plain")
    tracks = {"plain": follow(plain.video, wanted[:, 0]), "dragged": follow(dragged.video, wanted[:, 0])}
    found = [_told(i, wanted, tracks) for i in range(len(wanted))]
    moving = [point for point in found if point["length_px"] > 0]
    clips = {"": dragged.video, ".plain": plain.video}
    clips[".compare"] = side_by_side(*(
        drawn(one.video, wanted, tracks[name]) for name, one in (("plain", plain), ("dragged", dragged))))  # fmt: skip
    record = {
        "points": found,
        "distance": {name: _mean([point[name]["distance"] for point in moving]) for name in tracks},
        "radius": radius,
        "seconds": {"plain": plain.seconds, "dragged": dragged.seconds},
        "guidance_seconds": run.report.guidance_seconds,
        "losses": run.report.steps,
        "skipped_updates": run.report.skipped,
        **asdict(scene),
        "settings": asdict(settings),
        "model": model,
        "statistics": statistics.made,
        "versions": versions(),
        "command": command(),
    }
    return write_all(out, clips, record)


def _told(number: int, wanted: Floats, tracks: dict[str, Tracks]) -> dict[str, Any]:
    """One point of n: its wanted way (n f 2), and of each run where it was tracked and how far off that is on average."""
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

    return {"wanted": path.tolist(), "length_px": length, **{name: run(found) for name, found in tracks.items()}}


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
        picture = Image.fromarray(frame).resize((frame.shape[1] * scale, frame.shape[0] * scale), Image.Resampling.BICUBIC)
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
        rows[f"point {number}"] = f"{way}; came to {x:.1f},{y:.1f}; off by {off['dragged']} on average, plain by {off['plain']}"
    for name, distance in record["distance"].items():
        if distance is not None:
            rows[name] = f"{distance:.3f} of the wanted way off on average"
    rows["time"] = f"{record['seconds']['dragged']:.1f} s, {record['guidance_seconds']:.1f} s of it dragging"
    rows["files"] = ", ".join(record["files"].values())
    return "\n".join(f"{name + ':':<11}{text}" for name, text in rows.items())


__all__ = ["compare_drag", "drawn", "points_of", "summary"]
