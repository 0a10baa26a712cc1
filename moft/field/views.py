"""The motion that a camera's path makes of a scene in which nothing moves, by its depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moft.errors import RequestError
from moft.field.tracks import MOST_FRAMES, Tracks, field_of_tracks
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.field.field import Field
    from moft.types import Flags, Floats

POINTS = 40  # of the picture, along the longer side; beyond its border as many as a half of it has
_BORDER = 0.5  # of the picture's sides: what is beyond it, as deep as its edge, comes in as the camera turns
_HIDES = 0.9  # of the depth of what is hidden behind it
_NEAR = 1e-3  # of the least depth: nearer to the camera nothing is seen
_ROTATION = 1e-2  # how far from a rotation the rounding of a file may be


@dataclass(frozen=True, eq=False)
class Views:
    """Where a camera is in each frame, and what it sees.

    poses: (f 3 4), world to camera: x right, y down, z into the picture, in the units of the depth.
    focal: (2,), the focal length in widths and in heights of the picture. centre: (2,), in 0…1 of these.

    Raises RequestError for other shapes, numbers that are not finite, matrices that turn nothing or mirror,
    and no focal length.
    """

    poses: Floats
    focal: Floats
    centre: Floats

    def __post_init__(self) -> None:
        shape = self.poses.shape
        if len(shape) != 3 or shape[1:] != (3, 4) or not 2 <= shape[0] <= MOST_FRAMES:
            raise RequestError(f"expected poses (f 3 4) of 2 to {MOST_FRAMES} frames, got {shape}")
        turns = self.poses[:, :, :3]
        if not np.isfinite(self.poses).all():
            raise RequestError("expected finite poses, got NaN or infinity; give a pose for each frame")
        whole = np.abs(turns @ turns.swapaxes(1, 2) - np.eye(3)).max() < _ROTATION
        if not whole or not (np.linalg.det(turns) > 0).all():
            raise RequestError(
                "expected a rotation in the first three columns of each pose, got another matrix; write "
                "world to camera, [R | t], without a scale"
            )
        if (
            not (np.isfinite(self.focal).all() and (self.focal > 0).all())
            or not np.isfinite(self.centre).all()
        ):
            raise RequestError(f"expected focal lengths above 0, got {self.focal.tolist()}")


def field_of_views(depth: Floats, views: Views) -> Field:
    """What a camera's path makes of a still scene.

    depth: (h w) of the first frame, along its z axis, > 0, in the units of the poses.
    Raises RequestError for another depth, and for a path on which hardly anything is seen in two frames after
    each other.
    """
    tracks = tracks_of_views(depth, views)
    height, width = depth.shape
    return field_of_tracks(tracks.points, tracks.visible, ClipSize(tracks.frames, height, width))


def tracks_of_views(depth: Floats, views: Views) -> Tracks:
    """Points of the first frame, and of what is beyond its border, as they pass through the picture; see
    `field_of_views`."""
    if depth.ndim != 2 or min(depth.shape) < 2:
        raise RequestError(f"expected a depth (h w) of 2 x 2 or more, got {depth.shape}")
    if not (np.isfinite(depth).all() and (depth > 0).all()):
        raise RequestError("expected depths above 0 and finite, got others; give the sky a large number")
    height, width = depth.shape
    spacing = max(height, width) / POINTS
    y, x = np.meshgrid(_places(height, spacing), _places(width, spacing), indexing="ij")
    rows, columns = (
        np.clip(np.rint(at), 0, extent - 1).astype(int) for at, extent in ((y, height), (x, width))
    )
    sides = np.array([width, height])
    focal, centre = views.focal * sides, views.centre * sides - 0.5
    flat = np.stack([x, y], -1).reshape(-1, 2)
    far = depth[rows, columns].reshape(-1, 1)
    there = np.concatenate([(flat - centre) / focal * far, far], 1)  # (n 3), seen from the first frame
    first = views.poses[0]
    world = (there - first[:, 3]) @ first[:, :3]
    seen = np.einsum("fij,nj->nfi", views.poses[:, :, :3], world) + views.poses[:, :, 3]
    near = _NEAR * float(depth.min())
    points = seen[..., :2] / np.maximum(seen[..., 2:], near) * focal + centre
    inside = (seen[..., 2] > near) & (points >= -0.5).all(-1) & (points < sides - 0.5).all(-1)
    visible = inside & ~_hidden(points, seen[..., 2], inside, spacing)
    if not (visible[:, 1:] & visible[:, :-1]).any():
        raise RequestError(
            "expected a path on which what is seen in one frame is seen in the next, got none; check the "
            "units of depth and poses, and that these are world to camera"
        )
    return Tracks(np.where(visible[..., None], points, 0.0), visible)


def _places(extent: int, spacing: float) -> Floats:
    """px of points so far from each other, from before a side to behind it."""
    beyond = _BORDER * extent
    count = max(round((extent + 2 * beyond) / spacing), 2)
    found: Floats = -beyond - 0.5 + (np.arange(count) + 0.5) * (extent + 2 * beyond) / count
    return found


def _hidden(points: Floats, far: Floats, inside: Flags, spacing: float) -> Flags:
    """Which points (n f) have another one clearly before them, in the same cell of a frame or one beside."""
    hidden = np.zeros(inside.shape, bool)
    for frame in range(inside.shape[1]):
        here = inside[:, frame]
        cells = np.floor((points[here, frame] + 0.5) / spacing).astype(int) + 1
        nearest = np.full(cells.max(0) + 2 if here.any() else (2, 2), np.inf)
        np.minimum.at(nearest, tuple(cells.T), far[here, frame])
        around = [np.roll(nearest, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        covered = np.sum([one[tuple(cells.T)] < _HIDES * far[here, frame] for one in around], axis=0)
        hidden[here, frame] = (nearest[tuple(cells.T)] < _HIDES * far[here, frame]) | (covered > 4)
    return hidden
