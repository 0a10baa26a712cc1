"""The motion of a clip as a request."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from moft.request.checks import (
    REGION,
    STEPS,
    STRENGTH,
    Share,
    aside,
    check_text,
    refuse,
    share,
    strength,
    whole_range,
)
from moft.request.said import PLACES, like_others, said

WAYS = ("flow", "moft")


@dataclass(frozen=True)
class Like:
    """The motion of a clip, or of a part of one.

    like: file name of the clip. "clip.mp4#mover" asks for the motion of the largest part that moves otherwise
        than its ground, "#mover2" for that of the second largest, "#ground" for the camera's; a file whose
        own name ends so is that file.
    region: where it counts in what is made, as `Motion.region`.
    like_region: where to look in the clip, in the same words (px of the clip itself, and not "rest"); it may
        lie elsewhere and be of another size. None: everywhere.
    like_frames: (start, end) of the clip's frames to follow, counted from 0, the end not among them; None:
        all. They are spread over the frames that are made: twice as many move twice as fast.
    per_position: follow each place by itself (paper, Eq. 3) instead of the mean over the region (the
        release); the bounds of `like_region` are laid over those of `region`.
    invert: reach the noise level by DDIM inversion instead of by adding noise.
    by: what of the clip is asked: "flow", how each part of it moves in its pixels; "moft", the feature that
        the model shows of it. None: "flow", but "moft" beside `per_position` and `invert`.
    strength, steps: as of `Motion`.

    Raises RequestError for what is no text, not finite, or out of range.
    """

    like: str = said(
        ...,
        "Follow the motion of this clip instead; clip.mp4#mover: of what moves in it otherwise than its "
        "ground, #mover2 the second largest, #ground the camera.",
    )
    region: str | None = like_others(None, REGION)
    like_region: str | None = said(None, f"Where to look in the clip to follow: {PLACES}.")
    like_frames: tuple[int, int] | None = said(
        None,
        "Which frames of it, 0:8 being the first eight; default: all, resampled.",
        unit="frames",
        least=0,
    )
    per_position: bool = said(False, "Follow a clip place by place, not its mean.")
    invert: bool = said(False, "Read a clip by inversion instead of adding noise.")
    by: str | None = said(
        None,
        "What of a clip is followed: flow, each part by its pixels, or moft, the feature that the model "
        "shows of it; default: flow, but moft with --per-position or --invert.",
        choices=lambda: WAYS,
    )
    strength: float = like_others(1.0, STRENGTH)
    steps: Share | None = like_others(None, STEPS)

    def __post_init__(self) -> None:
        put = object.__setattr__
        check_text("like", self.like or "", "name a clip")
        check_text("region", self.region)
        check_text("like_region", self.like_region)
        if self.like_region is not None and self.like_region.strip() == "rest":
            refuse(
                "a like_region in the clip",
                self.like_region,
                "nothing else is asked of the clip; name a box or a mask",
            )
        if self.like_frames is not None:
            put(self, "like_frames", whole_range("like_frames", self.like_frames))
        for name in ("per_position", "invert"):
            if not isinstance(getattr(self, name), bool):
                refuse(f"{name} as true or false", getattr(self, name), "leave it out to mean false")
        if self.by is not None and self.by not in WAYS:
            refuse(f"by as one of {', '.join(WAYS)}", self.by, "leave it out to take what suits")
        if self.by == "flow" and (self.per_position or self.invert):
            refuse('by="moft" beside per_position or invert', self.by, "leave by out")
        put(self, "strength", strength(self.strength))
        put(self, "steps", share("steps", self.steps))

    @property
    def by_flow(self) -> bool:
        """Whether each part is followed by its pixels."""
        return self.by != "moft" and not (self.per_position or self.invert)

    def same(self, other: object) -> bool:
        """Whether both ask for the same motion, wherever and however hard."""
        parts = ("like", "like_region", "like_frames", "per_position", "invert", "by_flow")
        return isinstance(other, Like) and all(getattr(self, part) == getattr(other, part) for part in parts)

    def to_json(self) -> dict[str, Any]:
        """The request as plain JSON values, without what is as usual; strength is always there."""
        data = json.loads(json.dumps(asdict(self)))  # turns tuples into lists
        return {key: value for key, value in data.items() if value is not None and value is not False}

    def __str__(self) -> str:
        text = f"the motion of {self.like}"
        text += f" in {self.like_region}" if self.like_region else ""
        text += ", frames {} to {}".format(*self.like_frames) if self.like_frames else ""
        as_read = not (self.by_flow or self.per_position or self.invert)
        ways = (("per position", self.per_position), ("inverted", self.invert), ("by moft", as_read))
        return text + "".join(f", {name}" for name, so in ways if so) + aside(self)
