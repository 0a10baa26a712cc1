"""ComfyUI's values as moft's, and back: IMAGE, MASK, TRACKS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from moft.errors import RequestError

if TYPE_CHECKING:
    from moft.types import Flags, Floats, Mask, Video


def video_of(images: torch.Tensor) -> Video:
    """IMAGE, float (f h w c) in 0…1, as uint8 (f h w 3); alpha is left out."""
    found: Video = (images[..., :3].float().cpu().numpy() * 255).round().clip(0, 255).astype(np.uint8)
    return found


def images_of(video: Video) -> torch.Tensor:
    """uint8 (f h w 3) as IMAGE."""
    return torch.from_numpy(video.astype(np.float32) / 255)


def mask_of(mask: torch.Tensor) -> Mask:
    """MASK, float (f h w) or (h w) in 0…1, as an array (f h w)."""
    found: Mask = mask.float().cpu().numpy().clip(0, 1)
    return found if found.ndim == 3 else found[None]


def tracks_of(points: Floats, visible: Flags) -> dict[str, torch.Tensor]:
    """Points (n f 2) px and where they are seen (n f) as TRACKS."""
    return {
        "track_path": torch.from_numpy(np.ascontiguousarray(points.swapaxes(0, 1), np.float32)),
        "track_visibility": torch.from_numpy(np.ascontiguousarray(visible.T, bool)),
    }


def points_of(tracks: Any) -> tuple[Floats, Flags]:
    """TRACKS, `track_path` (f n 2) px and `track_visibility` (f n) or (f 1), as arrays (f n 2) and (f n), as
    files of tracks have them.

    Raises RequestError for another value."""
    if not isinstance(tracks, dict) or "track_path" not in tracks:
        got = sorted(tracks) if isinstance(tracks, dict) else type(tracks).__name__
        raise RequestError(f"expected TRACKS with track_path and track_visibility, got {got!s:.100}")
    points: Floats = tracks["track_path"].float().cpu().numpy()
    seen = tracks.get("track_visibility")
    if seen is None:
        return points, np.ones(points.shape[:2], bool)
    return points, np.broadcast_to(seen.cpu().numpy() > 0, points.shape[:2])
