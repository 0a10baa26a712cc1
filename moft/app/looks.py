"""Looks into a model: where clips are alike, how each place moves, how directions part. What was read once is
kept in the folder, and what is asked often in memory, so that a click needs neither model nor disk."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from moft.app.asked.kinds import Looked, OfModel
from moft.app.desk import Desk
from moft.app.folder import no_such, read_json
from moft.app.inside import Inside, alike, from_own, in_bytes, in_floats
from moft.app.shelf import Kept
from moft.errors import RequestError
from moft.request.checks import number
from moft.types import ClipSize

MOST_OTHERS = 4
_MOST_KEPT = 2**29  # bytes of features in memory


@dataclass(frozen=True)
class Click:
    """What the page asks of a clip at a point.

    Raises RequestError for a point that is none, and for too many other clips."""

    media: str
    others: tuple[str, ...] = ()
    layer: str | None = None
    timestep: int | None = None
    point: tuple[float, float] | None = None  # px; None: nothing yet, only that the clip be read
    frame: int = 0
    design: str = "moft"
    seen: bool = False  # whether point and frame are of the clip as the model saw it, not of its own size

    def __post_init__(self) -> None:
        if len(self.others) > MOST_OTHERS:
            raise RequestError(
                f"expected at most {MOST_OTHERS} other clips, got {len(self.others)}; choose fewer"
            )
        if self.point is not None and any(number(value) != value for value in self.point):
            raise RequestError(f"expected a point (x, y) in px, got {self.point!r:.100}; click into the clip")


class Looks:
    """The looks of one desk; threads may share one."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._kept = Kept(_MOST_KEPT)

    def clicked(self, click: Click) -> dict[str, Any]:
        """Where clips are like a point of the first, frame by frame; or that they are being read.

        Raises RequestError for a point outside the clip, Refused where a clip could not be read."""
        content = click.design == "dift"
        names = (click.media, *click.others)
        places = [self.desk.place(name, click.layer, click.timestep, content) for name in names]
        clips = [self._inside(place) for place in places]
        missing = [place for place, clip in zip(places, clips, strict=True) if clip is None]
        if missing:
            return self._being_read("look", missing)
        found = [clip for clip in clips if clip is not None]
        told = {
            "status": "ready",
            "layer": places[0].layer,
            "timestep": places[0].timestep,
            "cell": None,
            "maps": [],
        }
        told["size"] = asdict(found[0].size)
        if click.point is None:
            return told
        design = "vanilla" if content else click.design
        cell, maps = alike(found, self._point(click, found[0].size), design)
        told["cell"] = list(cell)
        told["maps"] = [
            {
                "media": name,
                "frames": value.shape[0],
                "rows": value.shape[1],
                "columns": value.shape[2],
                "values": in_bytes(value),
                "note": clip.note or None,
            }
            for name, value, clip in zip(names, maps, found, strict=True)
        ]
        return told

    def motion(self, media: str, layer: str | None, timestep: int | None) -> dict[str, Any]:
        """How each place of a clip moves, by what the model holds of it; or that it is being read."""
        place = self.desk.place(media, layer, timestep)
        clip = self._inside(place)
        if clip is None:
            return self._being_read("look", [place])
        steps, rows, columns = clip.flow.shape[:3]
        shape = {"steps": steps, "rows": rows, "columns": columns}
        return {
            "status": "ready",
            **shape,
            "values": in_floats(clip.flow),
            "size": asdict(clip.size),
            "how": clip.how,
        }

    def plane(self, layer: str | None, timestep: int | None, design: str) -> dict[str, Any]:
        """How directions part in a layer (Fig. 2); or that it is being read."""
        place = self.desk.plane(layer, timestep)
        found = read_json(self.desk.folder.looks / f"{place.name}.json")
        if found is None:
            return self._being_read("plane", [place])
        if design not in found:
            raise RequestError(f"expected design among {', '.join(found)}, got {design!r:.50}; leave it out")
        return {"status": "ready", "layer": place.layer, "timestep": place.timestep, **found[design]}

    def seen(self, media: str, layer: str | None = None, timestep: int | None = None) -> Inside:
        """A clip as the model saw it. Raises NotHere before it was read."""
        clip = self._inside(self.desk.place(media, layer, timestep))
        if clip is None:
            raise no_such("clip that was read", media)
        return clip

    def _inside(self, place: Looked) -> Inside | None:
        path = self.desk.folder.looks / f"{place.name}.safetensors"
        if path.exists():
            with suppress(RequestError):  # broken, or of an older moft
                found: Inside = self._kept.get(place.name, lambda: Inside.load(path), lambda clip: clip.bytes)
                return found
        return None

    def _being_read(self, kind: str, places: Sequence[OfModel]) -> dict[str, Any]:
        keys = [self.desk.ask(kind, place) for place in places]
        return {"status": "reading", "run": keys[0], "runs": keys}

    def _point(self, click: Click, seen: ClipSize) -> tuple[float, float, float]:
        assert click.point is not None
        x, y = click.point
        if click.seen:
            return x, y, float(click.frame)
        own = self.desk.shelf.get(click.media)
        whole = ClipSize(own.frames or 1, own.height or 1, own.width or 1)
        return from_own((x, y), click.frame, whole, seen)
