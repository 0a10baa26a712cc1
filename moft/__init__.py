"""moft: see and steer the motion inside video diffusion models.

    model = moft.load("miniature")
    job = moft.Job(moft.Scene("a red ball over blue cells"), (moft.Motion("left"),))
    moft.run(model, job).save("left.mp4")

On a pipeline of your own:

    with moft.steer(pipe, moft.Motion("left")) as run:
        frames = pipe("a red ball over blue cells").frames[0]

Importing this package imports nothing heavy; each name is fetched on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moft.diagnosis.examining import doctor
    from moft.errors import (
        BackboneError,
        MediaError,
        MoftError,
        RecipeError,
        RequestError,
        SteeringWarning,
    )
    from moft.feature.model import Model, load
    from moft.feature.reference import FromClip, from_clip
    from moft.feature.statistics import Statistics, find_motion_channels
    from moft.field.field import Field
    from moft.field.files.reading import read_field
    from moft.interpreter.explaining import explain
    from moft.media.mask import read_region
    from moft.media.reading import read_video
    from moft.media.writing import write_video
    from moft.metrics.fidelity import score
    from moft.metrics.motion import followed, measure
    from moft.models.loading import miniature_path
    from moft.request.along import Along
    from moft.request.drag import Drag
    from moft.request.like import Like
    from moft.request.motion import Motion
    from moft.runs.calibration import calibrate
    from moft.runs.job import Job, Scene
    from moft.runs.recipe import read_recipe
    from moft.runs.replaying import replay
    from moft.runs.running import Run, run
    from moft.runs.sample import Cancelled, Step
    from moft.steering.entry import steer
    from moft.steering.objective import Objective
    from moft.steering.recording import invert, record
    from moft.steering.settings import Settings
    from moft.types import ClipSize

__version__ = "0.1.0"

_HOMES = {
    "Along": "request.along",
    "BackboneError": "errors",
    "Cancelled": "runs.sample",
    "ClipSize": "types",
    "Drag": "request.drag",
    "Field": "field.field",
    "FromClip": "feature.reference",
    "Job": "runs.job",
    "Like": "request.like",
    "MediaError": "errors",
    "Model": "feature.model",
    "MoftError": "errors",
    "Motion": "request.motion",
    "Objective": "steering.objective",
    "RecipeError": "errors",
    "RequestError": "errors",
    "Run": "runs.running",
    "Scene": "runs.job",
    "Settings": "steering.settings",
    "Statistics": "feature.statistics",
    "SteeringWarning": "errors",
    "Step": "runs.sample",
    "calibrate": "runs.calibration",
    "doctor": "diagnosis.examining",
    "explain": "interpreter.explaining",
    "find_motion_channels": "feature.statistics",
    "followed": "metrics.motion",
    "from_clip": "feature.reference",
    "invert": "steering.recording",
    "load": "feature.model",
    "measure": "metrics.motion",
    "miniature_path": "models.loading",
    "read_field": "field.files.reading",
    "read_recipe": "runs.recipe",
    "read_region": "media.mask",
    "read_video": "media.reading",
    "record": "steering.recording",
    "replay": "runs.replaying",
    "run": "runs.running",
    "score": "metrics.fidelity",
    "steer": "steering.entry",
    "write_video": "media.writing",
}

__all__ = [
    "Along",
    "BackboneError",
    "Cancelled",
    "ClipSize",
    "Drag",
    "Field",
    "FromClip",
    "Job",
    "Like",
    "MediaError",
    "Model",
    "MoftError",
    "Motion",
    "Objective",
    "RecipeError",
    "RequestError",
    "Run",
    "Scene",
    "Settings",
    "Statistics",
    "SteeringWarning",
    "Step",
    "calibrate",
    "doctor",
    "explain",
    "find_motion_channels",
    "followed",
    "from_clip",
    "invert",
    "load",
    "measure",
    "miniature_path",
    "read_field",
    "read_recipe",
    "read_region",
    "read_video",
    "record",
    "replay",
    "run",
    "score",
    "steer",
    "write_video",
]


if not TYPE_CHECKING:  # a type checker would take every name for one of the package, misspelt ones too

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'moft' has no attribute {name!r}; it has {', '.join(__all__)}")
        return getattr(importlib.import_module(f"moft.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
