"""Points and where they are taken, as a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from moft.errors import RequestError
from moft.request.checks import Point, number, positions, refuse, shares_for_px
from moft.request.said import said
from moft.types import Several

FURTHEST = 2**14  # px; no clip is larger
Trajectory = Sequence[Point]  # px; see `Drag`


@dataclass(frozen=True)
class Drag:
    """Points of the first frame and where each is taken, in px of the clip, x right, y down, (0, 0) the
    centre of the first pixel.

    points: one or more trajectories. One position (x, y): the point must not move. More: where it is at
        evenly spaced moments from the first frame to the last, straight and even in between.
    radius: px around a point in which the picture goes with it, 1…FURTHEST; None: three eighths of the
        shorter side.

    Raises RequestError, naming the point, for what is no finite number, for no points, for two ways from one
    place, and for points that look like shares of the picture, all within 0…1.
    """

    points: Several[Several[Point]] = said(..., "What to drag where, in px; give several.", unit="px")
    radius: float | None = said(
        None,
        "px around a point in which the picture goes with it; default: three eighths of the shorter side.",
        unit="px",
        least=1,
        most=FURTHEST,
    )

    def __post_init__(self) -> None:
        remedy = "write start:end as 12,30:40,30, more points for a bent way, or one point for what must stay"
        if not isinstance(self.points, (tuple, list)) or not self.points:
            refuse("at least one point", self.points, remedy)
        paths = [positions(path) for path in self.points]
        for i, path in enumerate(paths, 1):
            if not path:
                raise RequestError(
                    f"point {i}: expected one or more positions (x, y) of finite numbers; "
                    f"received {self.points[i - 1]!r:.200}; {remedy}"
                )
            if max(abs(value) for at in path for value in at) > FURTHEST:
                raise RequestError(
                    f"point {i}: expected positions within {FURTHEST} px; received "
                    f"{self.points[i - 1]!r:.200}; they are counted in px of the clip that is made"
                )
        if shares_for_px([at for path in paths for at in path]):
            refuse(
                "points in px of the clip that is made",
                self.points,
                "these look like shares of the picture, 0 to 1: multiply them by its width and height in px",
            )
        for i, path in enumerate(paths):
            if any(other[0] == path[0] and other != path for other in paths[:i]):
                raise RequestError(
                    f"point {i + 1}: expected one way for what lies at {path[0]}, got another one before it; "
                    "leave one of them out"
                )
        object.__setattr__(self, "points", tuple(paths))
        if self.radius is not None:
            if not 1 <= number(self.radius) <= FURTHEST:
                refuse(
                    f"a radius of 1 to {FURTHEST} px",
                    self.radius,
                    "leave it out for three eighths of the shorter side; it is counted in px, not in shares",
                )
            object.__setattr__(self, "radius", number(self.radius))

    def to_json(self) -> dict[str, Any]:
        """The request as plain JSON values, without a radius that was left out."""
        points = [[list(at) for at in path] for path in self.points]
        return {"points": points} if self.radius is None else {"points": points, "radius": self.radius}

    def __str__(self) -> str:
        ways = (
            " to ".join(f"{x:g},{y:g}" for x, y in path) + (" to stay" if len(path) == 1 else "")
            for path in self.points
        )
        return "drag " + "; ".join(ways) + (f"; radius {self.radius:g} px" if self.radius else "")
