"""moft: see and steer the motion inside video diffusion models.

    with moft.steer(pipe, moft.Motion("left")) as run:
        frames = pipe("a red ball over blue cells").frames[0]

Importing this package imports nothing heavy; each name is fetched on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moft.errors import BackboneError, MediaError, MoftError, RecipeError, RequestError
    from moft.feature.reference import FromClip, from_clip
    from moft.feature.statistics import Statistics, find_motion_channels
    from moft.media.mask import read_region
    from moft.media.reading import read_video
    from moft.media.writing import write_video
    from moft.metrics.motion import followed, measure
    from moft.models.load import miniature_path
    from moft.request.like import Like
    from moft.request.motion import Motion
    from moft.steering.entry import steer
    from moft.steering.recording import invert, record
    from moft.steering.settings import Settings

__version__ = "0.1.0"

_HOMES = {
    "BackboneError": "errors",
    "FromClip": "feature.reference",
    "Like": "request.like",
    "MediaError": "errors",
    "MoftError": "errors",
    "Motion": "request.motion",
    "RecipeError": "errors",
    "RequestError": "errors",
    "Settings": "steering.settings",
    "Statistics": "feature.statistics",
    "find_motion_channels": "feature.statistics",
    "followed": "metrics.motion",
    "from_clip": "feature.reference",
    "invert": "steering.recording",
    "measure": "metrics.motion",
    "miniature_path": "models.load",
    "read_region": "media.mask",
    "read_video": "media.reading",
    "record": "steering.recording",
    "steer": "steering.entry",
    "write_video": "media.writing",
}

__all__ = [
    "BackboneError",
    "FromClip",
    "Like",
    "MediaError",
    "MoftError",
    "Motion",
    "RecipeError",
    "RequestError",
    "Settings",
    "Statistics",
    "find_motion_channels",
    "followed",
    "from_clip",
    "invert",
    "measure",
    "miniature_path",
    "read_region",
    "read_video",
    "record",
    "steer",
    "write_video",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'moft' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"moft.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
