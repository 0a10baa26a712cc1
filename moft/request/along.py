"""Motion that a file holds as a request: a field, tracks of points, or a dense flow."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from moft.request.checks import REGION, STEPS, STRENGTH, Share, aside, check_text, share, strength
from moft.request.said import like_others, said

_TRACKS, _VISIBILITY = "_tracks.npy", "_visibility.npy"


@dataclass(frozen=True)
class Along:
    """The motion of a field in a file, place by place and over time.

        moft.Along("camera.safetensors", region="rest")

    field: file name of a field, of tracks of points or of a dense flow (`moft.read_field` says which). Places
        are those of the picture that is made: tracks are px of it. Its frames are spread over those made.
    region: where it counts, as `Motion.region`; the field stays where it is.
    strength, steps: as of `Motion`.

    Raises RequestError for what is no text, not finite, or out of range.
    """

    field: str = said(
        ..., "Follow the motion in this file instead: a field, tracks of points, or a dense flow."
    )
    region: str | None = like_others(None, REGION)
    strength: float = like_others(1.0, STRENGTH)
    steps: Share | None = like_others(None, STEPS)

    def __post_init__(self) -> None:
        put = object.__setattr__
        check_text("field", self.field or "", "name a file")
        check_text("region", self.region)
        put(self, "strength", strength(self.strength))
        put(self, "steps", share("steps", self.steps))

    @property
    def files(self) -> list[str]:
        """The files that hold it."""
        other = beside(self.field)
        return [self.field] if other is None else [self.field, other]

    def same(self, other: object) -> bool:
        """Whether both ask for the same motion, wherever and however hard."""
        return isinstance(other, Along) and self.field == other.field

    def to_json(self) -> dict[str, Any]:
        """The request as plain JSON values, without what is as usual; strength is always there."""
        data = json.loads(json.dumps(asdict(self)))  # turns tuples into lists
        return {key: value for key, value in data.items() if value is not None}

    def __str__(self) -> str:
        return f"the motion in {self.field}{aside(self)}"


def beside(name: str) -> str | None:
    """The file of visibility that goes with one of tracks, by its name; None if none does."""
    return name.removesuffix(_TRACKS) + _VISIBILITY if name.endswith(_TRACKS) else None
