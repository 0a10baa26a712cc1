"""A job of dragged points: sampled plain and dragged, tracked and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from moft.media.frames import side_by_side
from moft.metrics.fidelity import drag_distance
from moft.metrics.tracks import Tracks, follow
from moft.request.drag import Drag
from moft.runs.running import Attempt, Trial
from moft.runs.sample import sample
from moft.steering.dragging import trajectories
from moft.steering.entry import steer

if TYPE_CHECKING:
    from moft.runs.job import Scene
    from moft.steering.settings import Settings
    from moft.types import ClipSize, Flags, Video

    Paths = npt.NDArray[np.float64]  # (… f 2) px

DRAWN = 256  # px, at least, of the shorter side of the picture that points are drawn on
# lengths of its way: a point that was closer than this to where it should be, on average over the frames
ARRIVED = 0.3
STAYED = 0.05  # shorter sides: the same for a point that must not move
WANTED, TRACKED, LOST = (255, 220, 0), (255, 255, 255), (255, 0, 0)


@dataclass(frozen=True)
class Tracked:
    """Where one point went in one clip."""

    track: Paths  # (f 2) px
    seen: Flags  # (f,) until it was lost
    distance: float | None  # lengths of its way that it was off on average; None if it had none to go
    distance_px: float  # the same in px

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        seen = float(self.seen.mean())  # share of the frames
        off = {"distance": self.distance, "distance_px": self.distance_px}
        return {"track": self.track.tolist(), "seen": seen, **off}


@dataclass(frozen=True)
class Arrival:
    """What came of one dragged point."""

    path: Paths  # (f 2) px, where it should be
    length_px: float  # of its way
    arrived: bool
    plain: Tracked
    dragged: Tracked

    @property
    def followed(self) -> bool:
        """Whether it arrived: what is asked of a point."""
        return self.arrived

    def to_json(self) -> dict[str, Any]:
        """As in a record."""
        told = {"wanted": self.path.tolist(), "length_px": self.length_px, "arrived": self.arrived}
        return {**told, "plain": self.plain.to_json(), "dragged": self.dragged.to_json()}


class Dragged(Trial):
    """Drags the same points under several seeds."""

    @property
    def drag(self) -> Drag:
        """The one request."""
        (drag,) = self.job.requests
        assert isinstance(drag, Drag)
        return drag

    @property
    def size(self) -> ClipSize:
        assert self.job.scene.size is not None  # `moft.run` has seen to it
        return self.job.scene.size

    def attempt(self, scene: Scene, settings: Settings, change: str | None = None) -> Attempt:
        """A plain and a dragged run, their points tracked."""
        paths, pipe = trajectories(self.drag, self.size), self.model.pipe
        with steer(pipe, self.drag, statistics=self.model.statistics, settings=settings) as steering:
            steering.tell = self.notes.append
            dragged = sample(pipe, scene, "dragged", watch=self.watch)  # first: it may refuse
        plain, _ = self.before.of(
            self.model, scene, lambda: (sample(pipe, scene, "plain", watch=self.watch), None)
        )
        before, after = (follow(one.video, paths[:, 0]) for one in (plain, dragged))
        outcome = arrivals(paths, before, after, self.size.side)
        return Attempt(change, scene, settings, plain, dragged, steering.report, outcome)

    def standing(self, attempt: Attempt) -> tuple[int, float]:
        """Points that arrived, then px off on average."""
        arrivals = attempt.outcome
        return sum(one.arrived for one in arrivals), -sum(one.dragged.distance_px for one in arrivals)

    def comparison(self, attempt: Attempt) -> Video:
        """Plain and dragged, from left to right, each `drawn`."""
        paths = np.stack([one.path for one in attempt.outcome])
        height, width = attempt.plain.video.shape[1:3]

        def shown(video: Video, points: Sequence[Tracked]) -> Video:
            track, seen = (np.stack([getattr(one, name) for one in points]) for name in ("track", "seen"))
            return drawn(video, paths, Tracks(track, seen, height, width))

        return side_by_side(
            shown(attempt.plain.video, [one.plain for one in attempt.outcome]),
            shown(attempt.steered.video, [one.dragged for one in attempt.outcome]),
        )

    def told(self, attempts: Sequence[Attempt], kept: int) -> dict[str, Any]:
        """Where each point came to, times, and all that was tried."""
        best = attempts[kept]
        moving = [one for one in best.outcome if one.length_px > 0]
        return {
            "asked": str(self.drag),
            "arrived": best.followed is True,
            "points": [one.to_json() for one in best.outcome],
            "distance": {
                name: _mean([getattr(one, name).distance for one in moving]) for name in ("plain", "dragged")
            },
            "plain": best.plain.to_json(),
            "dragged": best.steered.to_json(),
            "tries": [_tried(attempt) for attempt in attempts],
        }


def arrivals(paths: Paths, plain: Tracks, dragged: Tracks, side: int) -> tuple[Arrival, ...]:
    """What came of each of n points that should go along paths (n f 2) px, in clips whose shorter side is
    `side` px."""
    return tuple(_arrival(path, plain, dragged, number, side) for number, path in enumerate(paths))


def _arrival(path: Paths, plain: Tracks, dragged: Tracks, number: int, side: int) -> Arrival:
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=-1).sum())
    before, after = (_tracked(tracks, number, path, length) for tracks in (plain, dragged))
    bound = ARRIVED * length if length else STAYED * side
    return Arrival(path, length, after.distance_px <= bound, before, after)


def _tried(attempt: Attempt) -> dict[str, Any]:
    points = [{"arrived": one.arrived, **one.dragged.to_json()} for one in attempt.outcome]
    arrived = sum(one.arrived for one in attempt.outcome)
    settings = asdict(attempt.settings)
    return {"seed": attempt.scene.seed, "settings": settings, "arrived": arrived, "points": points}


def _tracked(tracks: Tracks, number: int, path: Paths, length: float) -> Tracked:
    track = tracks.points[number]
    distance = drag_distance(track, path) if length else None
    return Tracked(track, tracks.seen[number], distance, drag_distance(track, path, 1))


def _mean(distances: list[float]) -> float | None:
    return sum(distances) / len(distances) if distances else None


def drawn(video: Video, paths: Paths, tracks: Tracks) -> Video:
    """The clip, enlarged if it is small, with each point's wanted way as a yellow line, where it should be as
    a yellow ring, and where it was tracked as a dot: white, or red from where it was lost.

    video: uint8 (f h w 3). paths: (n f 2) px. Returns uint8 of the same frames.
    """
    scale = max(1, DRAWN // min(video.shape[1:3]))
    dot = 3 + min(video.shape[1:3]) * scale // 256

    def box(at: Paths, radius: int) -> tuple[float, float, float, float]:
        x, y = (at + 0.5) * scale
        return x - radius, y - radius, x + radius, y + radius

    pictures = []
    for i, frame in enumerate(video):
        picture = Image.fromarray(frame).resize(
            (frame.shape[1] * scale, frame.shape[0] * scale), Image.Resampling.BICUBIC
        )
        draw = ImageDraw.Draw(picture)
        for n, path in enumerate(paths):
            draw.line([tuple((at + 0.5) * scale) for at in path], WANTED, 2)
            draw.ellipse(box(path[i], 2 * dot), outline=WANTED, width=2)
            draw.ellipse(box(tracks.points[n, i], dot), TRACKED if tracks.seen[n, i] else LOST, "black")
        pictures.append(np.asarray(picture))
    return np.stack(pictures)
