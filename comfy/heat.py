"""Where a clip is like a point, inside the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch.nn.functional as F

from moft.interpreter.clips import read_clip
from moft.interpreter.heat import HeatMap, heat_map
from moft.interpreter.viewpoint import ExplainSettings, choose_viewpoint

from .files import clip_file
from .node import HEAT, MODEL, Node
from .values import images_of

if TYPE_CHECKING:
    from torch import Tensor

    import moft


class HeatMapNode(Node):
    """A heat map of the motion feature."""

    DESCRIPTION = (
        "Where a clip moves like one point of it, or of another clip, as the model sees it (MOFT). The mask "
        "is white there, so that Motion in Mask can take it; Visualize Heat Map shows the whole."
    )
    RETURN_TYPES = (HEAT, "MASK")
    RETURN_NAMES = ("heat_map", "mask")
    OUTPUT_TOOLTIPS = (
        "For Visualize Heat Map.",
        "0: unlike or the other way, 1: alike; of the model's size.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        def of(name: str, least: int) -> tuple[str, dict[str, Any]]:
            told = (
                f"The point's {name}, {'px at the model size; -1: where most moves' if least else 'from 0'}."
            )
            return "INT", {"default": least, "min": least, "max": 2**14, "tooltip": told}

        return {
            "required": {
                "model": (MODEL, {"tooltip": "The pipeline that looks at the clip."}),
                "clip": ("IMAGE", {"tooltip": "The frames in which the point is."}),
                "x": of("x", -1),
                "y": of("y", -1),
                "frame": of("frame", 0),
            },
            "optional": {"target": ("IMAGE", {"tooltip": "Another clip to look in; nothing: the same."})},
        }

    def made(
        self, model: moft.Model, clip: Tensor, x: int, y: int, frame: int, target: Tensor | None = None
    ) -> tuple[HeatMap, Tensor]:
        viewpoint = choose_viewpoint(model, ExplainSettings(), print)
        source, other = (
            read_clip(clip_file(images), viewpoint.size)
            for images in (clip, clip if target is None else target)
        )
        point = None if -1 in (x, y) else (float(x), float(y), float(frame))
        found = heat_map(viewpoint, source, other, point)
        size = (viewpoint.size.frames, viewpoint.size.height, viewpoint.size.width)
        mask = F.interpolate(found.likeness[None, None], size, mode="trilinear")[0, 0].clamp(0, 1)
        return found, mask


class VisualizeHeatMap(Node):
    """A heat map beside its clip."""

    DESCRIPTION = "The point, the clip and the heat map side by side, frame by frame."
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("images",)
    OUTPUT_TOOLTIPS = ("Yellow: moves like the point; dark: the other way.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"heat_map": (HEAT, {"tooltip": "Of Motion Heat Map."})}}

    def made(self, heat_map: HeatMap) -> tuple[Tensor]:
        return (images_of(heat_map.drawn()),)
