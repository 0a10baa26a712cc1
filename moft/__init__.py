"""moft: see and steer the motion inside video diffusion models.

    with moft.steer(pipe, moft.Motion("left")) as run:
        frames = pipe("a red ball over blue cells").frames[0]

Importing this package imports nothing heavy; each name is fetched on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moft.between import record
    from moft.channels import Statistics, find_motion_channels
    from moft.errors import BackboneError, MediaError, MoftError, RecipeError, RequestError
    from moft.guidance import Settings, invert, steer
    from moft.metrics import followed, measure
    from moft.miniature import miniature_path
    from moft.motion import Like, Motion
    from moft.reference import FromClip, from_clip
    from moft.region import read_region
    from moft.video import read_video, write_video

__version__ = "0.1.0"

_HOMES = {
    "BackboneError": "errors",
    "FromClip": "reference",
    "Like": "motion",
    "MediaError": "errors",
    "MoftError": "errors",
    "Motion": "motion",
    "RecipeError": "errors",
    "RequestError": "errors",
    "Settings": "guidance",
    "Statistics": "channels",
    "find_motion_channels": "channels",
    "followed": "metrics",
    "from_clip": "reference",
    "invert": "guidance",
    "measure": "metrics",
    "miniature_path": "miniature",
    "read_region": "region",
    "read_video": "video",
    "record": "between",
    "steer": "guidance",
    "write_video": "video",
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
