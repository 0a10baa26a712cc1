"""Nodes for ComfyUI that see and steer the motion inside diffusers video pipelines, with moft.

Every node is a plain class on moft's own functions; ComfyUI is not imported. The guide is
docs/guides/comfyui.md.
"""

from __future__ import annotations

from .heat import HeatMapNode, VisualizeHeatMap
from .models import LoadPipeline, UsePipeline
from .motions import (
    CombineMotions,
    MotionFromCamera,
    MotionFromClip,
    MotionFromDirection,
    MotionFromTracks,
    MotionInMask,
    VisualizeMotion,
)
from .steering import SteeringSettings, SteerPipeline, VisualizeRun
from .tracks import DrawTracks, ReadTracks, TrackClip

NODE_CLASS_MAPPINGS = {
    "MoftLoadPipeline": LoadPipeline,
    "MoftUsePipeline": UsePipeline,
    "MoftMotionFromDirection": MotionFromDirection,
    "MoftMotionFromCamera": MotionFromCamera,
    "MoftMotionFromTracks": MotionFromTracks,
    "MoftMotionFromClip": MotionFromClip,
    "MoftMotionInMask": MotionInMask,
    "MoftCombineMotions": CombineMotions,
    "MoftVisualizeMotion": VisualizeMotion,
    "MoftSettings": SteeringSettings,
    "MoftSteer": SteerPipeline,
    "MoftVisualizeRun": VisualizeRun,
    "MoftHeatMap": HeatMapNode,
    "MoftVisualizeHeatMap": VisualizeHeatMap,
    "MoftReadTracks": ReadTracks,
    "MoftTrackClip": TrackClip,
    "MoftDrawTracks": DrawTracks,
}

NODE_DISPLAY_NAME_MAPPINGS = {
    "MoftLoadPipeline": "Load Video Pipeline (moft)",
    "MoftUsePipeline": "Use Loaded Pipeline (moft)",
    "MoftMotionFromDirection": "Motion from Direction (moft)",
    "MoftMotionFromCamera": "Motion from Camera (moft)",
    "MoftMotionFromTracks": "Motion from Tracks (moft)",
    "MoftMotionFromClip": "Motion from Clip (moft)",
    "MoftMotionInMask": "Motion in Mask (moft)",
    "MoftCombineMotions": "Combine Motions (moft)",
    "MoftVisualizeMotion": "Visualize Motion (moft)",
    "MoftSettings": "Steering Settings (moft)",
    "MoftSteer": "Steer Video (moft)",
    "MoftVisualizeRun": "Visualize Steering (moft)",
    "MoftHeatMap": "Motion Heat Map (moft)",
    "MoftVisualizeHeatMap": "Visualize Heat Map (moft)",
    "MoftReadTracks": "Read Tracks (moft)",
    "MoftTrackClip": "Track Clip (moft)",
    "MoftDrawTracks": "Visualize Tracks (moft)",
}

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
