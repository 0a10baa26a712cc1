"""Tracks of points: read, found in a clip, drawn."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from moft.field.files.reading import read_tracks
from moft.field.tracks import Tracks

from .files import text_file, tracks_file
from .node import Node
from .values import images_of, tracks_of, video_of

if TYPE_CHECKING:
    from torch import Tensor


class _Tracked(Node):
    """A node that gives tracks."""

    RETURN_TYPES = ("TRACKS",)
    RETURN_NAMES = ("tracks",)
    OUTPUT_TOOLTIPS = ("Points over the frames, px, for Motion from Tracks and ComfyUI's Wan-Move nodes.",)


class ReadTracks(_Tracked):
    """Tracks out of a text or a file."""

    DESCRIPTION = (
        "Tracks of points out of a text or a file, as trackers, spline editors, ATI and Wan-Move write them. "
        "Visualize Tracks shows them."
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        told = {
            "default": '[[{"x": 16, "y": 32}, {"x": 48, "y": 32}]]',
            "multiline": True,
            "tooltip": "JSON, a list of paths of points {x, y} px, one a frame; or the name of a file: JSON, "
            "CSV (point,frame,x,y,visible), .npy or .npz.",
        }
        return {"required": {"tracks": ("STRING", told)}}

    @classmethod
    def IS_CHANGED(cls, tracks: str) -> Any:
        """Whether to read it anew: a file may have become another."""
        return os.path.getmtime(tracks) if os.path.isfile(tracks) else tracks

    def made(self, tracks: str) -> tuple[Any]:
        is_text = tracks.lstrip().startswith(("[", "{"))
        found = read_tracks(text_file(tracks, ".json") if is_text else tracks.strip())
        return (tracks_of(found.points, found.visible),)


class TrackClip(_Tracked):
    """Tracks of what is seen in a clip."""

    DESCRIPTION = "Follow points through a clip by optical flow. Visualize Tracks shows them."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        across = {
            "default": 12,
            "min": 1,
            "max": 128,
            "tooltip": "Points along the shorter side of the first frame.",
        }
        return {"required": {"clip": ("IMAGE", {"tooltip": "Its frames."}), "across": ("INT", across)}}

    def made(self, clip: Tensor, across: int) -> tuple[Any]:
        from moft.metrics.tracks import flow_tracks

        found = flow_tracks(video_of(clip), across)
        return (tracks_of(found.points, found.seen),)


class DrawTracks(Node):
    """Tracks on pictures."""

    DESCRIPTION = "Points and the ways that they came, drawn on pictures."
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("images",)
    OUTPUT_TOOLTIPS = ("Each frame with the points that are seen in it.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        pictures = {"tooltip": "The frames that the tracks are of, or one picture."}
        return {
            "required": {
                "tracks": ("TRACKS", {"tooltip": "Points over the frames, px."}),
                "images": ("IMAGE", pictures),
            }
        }

    def made(self, tracks: Any, images: Tensor) -> tuple[Tensor]:
        from moft.field.arrows import with_tracks

        found: Tracks = read_tracks(tracks_file(tracks))
        return (images_of(with_tracks(video_of(images), found)),)
