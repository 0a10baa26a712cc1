"""What is wanted: motions said, shown by tracks or a clip, put in a mask, and set together.

A MOFT_MOTION is a tuple of moft's own requests.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

import moft
from moft.request.motion import DIRECTIONS

from .files import clip_file, mask_file, tracks_file
from .inputs import inputs, taken
from .node import MOTION, Node
from .values import images_of, video_of

if TYPE_CHECKING:
    from torch import Tensor

    from moft.runs.outcome import Placed

CAMERA = {  # what the camera does -> where the picture content goes
    "pan right": "left",
    "pan left": "right",
    "tilt up": "down",
    "tilt down": "up",
    "zoom in": "zoom in",
    "zoom out": "zoom out",
    "roll clockwise": "turn counterclockwise",
    "roll counterclockwise": "turn clockwise",
    "still": "still",
}
CONTENT = [*DIRECTIONS, "zoom in", "zoom out", "turn clockwise", "turn counterclockwise", "still"]
_OTHERS = ("strength", "steps")  # what all requests have in common, beside a region
_GIVEN = (MOTION, {"tooltip": "What is wanted."})


class _Wanted(Node):
    """A node that gives a motion."""

    RETURN_TYPES = (MOTION,)
    RETURN_NAMES = ("motion",)
    OUTPUT_TOOLTIPS = ("What is wanted, for Steer Video.",)


class MotionFromDirection(_Wanted):
    """A motion of the picture content."""

    DESCRIPTION = (
        "The picture content goes this way: what is in the picture, not the camera. Visualize Motion shows "
        "it."
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        told = {"default": "left", "tooltip": "Where the picture content goes."}
        degrees = {"forceInput": True, "tooltip": "Instead: 0 right, 90 down, 180 left, 270 up."}
        return {
            "required": {
                "direction": (CONTENT, told),
                **inputs(moft.Motion, "speed", "ease", "span", *_OTHERS),
            },
            "optional": {"degrees": ("FLOAT", degrees)},
        }

    def made(self, direction: str, degrees: float | None = None, **given: Any) -> tuple[Any]:
        return ((moft.Motion(direction if degrees is None else degrees, **taken(moft.Motion, given)),),)


class MotionFromCamera(_Wanted):
    """A motion of the camera."""

    DESCRIPTION = (
        "The camera does this, so the picture content goes the other way. Visualize Motion shows where the "
        "content goes."
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        told = {"default": "pan right", "tooltip": "What the camera does."}
        return {
            "required": {
                "camera": (list(CAMERA), told),
                **inputs(moft.Motion, "speed", "ease", "span", *_OTHERS),
            }
        }

    def made(self, camera: str, **given: Any) -> tuple[Any]:
        return ((moft.Motion(CAMERA[camera], **taken(moft.Motion, given)),),)


class MotionFromTracks(_Wanted):
    """The motion of tracked points."""

    DESCRIPTION = (
        "Everything goes as the points near it do, frame by frame; far from all of them nothing is asked. "
        "Visualize Motion shows the field that the points mean."
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        tracks = {"tooltip": "Points followed over the frames, px, as ComfyUI's Wan-Move nodes have them."}
        side = "px of the picture that the points are of; 0: of the video that is made."
        sides = {
            name: ("INT", {"default": 0, "min": 0, "max": 2**14, "tooltip": f"The {name}, {side}"})
            for name in ("width", "height")
        }
        return {"required": {"tracks": ("TRACKS", tracks), **sides, **inputs(moft.Along, *_OTHERS)}}

    def made(self, tracks: Any, width: int, height: int, **given: Any) -> tuple[Any]:
        file = tracks_file(tracks)
        if width and height:
            kept = f"{file}.{width}x{height}.safetensors"
            moft.read_field(file, (height, width)).save(kept)
            file = kept
        return ((moft.Along(file, **taken(moft.Along, given)),),)


class MotionFromClip(_Wanted):
    """The motion of a clip."""

    DESCRIPTION = (
        "Everything goes as in this clip, place by place and over time. Visualize Motion shows what is read "
        "of the clip."
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        part = {
            "default": "all",
            "tooltip": "Follow all of the clip; the largest part that moves otherwise than its ground, or "
            "the second largest, wherever a mask puts it; or the ground, which is the camera.",
        }
        return {
            "required": {
                "clip": ("IMAGE", {"tooltip": "The frames of the clip, two or more."}),
                "part": (["all", "mover", "mover2", "ground"], part),
                **inputs(moft.Like, "per_position", "invert", "by", *_OTHERS),
            },
            "optional": {
                "clip_mask": ("MASK", {"tooltip": "Where to look in the clip; nothing: everywhere."}),
            },
        }

    def made(self, clip: Tensor, part: str, clip_mask: Tensor | None = None, **given: Any) -> tuple[Any]:
        name = clip_file(clip) + ("" if part == "all" else f"#{part}")
        where = None if clip_mask is None else mask_file(clip_mask)
        return ((moft.Like(name, like_region=where, **taken(moft.Like, given)),),)


class MotionInMask(_Wanted):
    """A motion where a mask is white."""

    DESCRIPTION = (
        "The motion counts where the mask is white. Beside it, a motion without a mask is that of the rest. "
        "Visualize Motion shows both."
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        mask = {
            "tooltip": "Of the video's shape, at any size: one for all frames, or one for each. Flat greys "
            "are taken for numbers of objects, as in other mask pictures.",
        }
        return {"required": {"motion": _GIVEN, "mask": ("MASK", mask)}}

    def made(self, motion: tuple[Any, ...], mask: Tensor) -> tuple[Any]:
        return (tuple(replace(request, region=mask_file(mask)) for request in motion),)


class CombineMotions(_Wanted):
    """Several motions in one video."""

    DESCRIPTION = "Several motions in one video, each in its mask; one without a mask has the rest."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {"motion_1": _GIVEN, "motion_2": _GIVEN},
            "optional": {"motion_3": _GIVEN, "motion_4": _GIVEN},
        }

    def made(self, **motions: tuple[Any, ...]) -> tuple[Any]:
        return (tuple(request for _, motion in sorted(motions.items()) for request in motion),)


class VisualizeMotion(Node):
    """Arrows on pictures."""

    DESCRIPTION = (
        "What a motion asks, as arrows on pictures, each motion of several by itself; where it asks nothing "
        "there are none. Needs no model."
    )
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("images",)
    OUTPUT_TOOLTIPS = ("Each frame with an arrow where the picture goes.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        frames = {
            "default": 16,
            "min": 2,
            "max": 2**14,
            "tooltip": "If there is one picture: of the video to be made.",
        }
        pictures = {"tooltip": "One picture, or the frames of a clip, of the size of the video to be made."}
        return {
            "required": {"motion": _GIVEN, "images": ("IMAGE", pictures), "frames": ("INT", frames)},
        }

    def made(self, motion: tuple[Any, ...], images: Tensor, frames: int) -> tuple[Tensor]:
        from moft.field.arrows import with_arrows
        from moft.media.frames import side_by_side
        from moft.runs.outcome import lay_out

        video = video_of(images)
        video = np.repeat(video, frames, 0) if len(video) == 1 else video
        placed = lay_out(motion, moft.ClipSize.of(video), print)
        drawn = [with_arrows(video, _field(one, moft.ClipSize.of(video))) for one in placed]
        return (images_of(side_by_side(*drawn)),)


def _field(placed: Placed, size: moft.ClipSize) -> moft.Field:
    """What a request asks, where it counts."""
    if isinstance(placed.request, moft.Motion):
        field = moft.Field.of_motion(placed.request, size)
    else:
        assert placed.clip is not None
        field = placed.clip.field(placed.mask)
    return field if placed.mask is None else field.masked(placed.mask)
