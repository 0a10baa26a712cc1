"""Steering a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import moft
from moft.runs.words import summary

from . import host
from .files import clip_file, picture_file
from .inputs import inputs, taken
from .node import MODEL, MOTION, RUN, SETTINGS, Node
from .values import images_of

if TYPE_CHECKING:
    from torch import Tensor

_SCENE = ("negative_prompt", "seed", "steps", "guidance_scale")


class SteeringSettings(Node):
    """How to steer."""

    DESCRIPTION = "How to steer. Without it, all is as moft has it."
    RETURN_TYPES = (SETTINGS,)
    RETURN_NAMES = ("settings",)
    OUTPUT_TOOLTIPS = ("For Steer Video.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        from moft.request.said import said_of

        return {"required": inputs(moft.Settings, *said_of(moft.Settings))}

    def made(self, **given: Any) -> tuple[moft.Settings]:
        return (moft.Settings(**taken(moft.Settings, given)),)


class SteerPipeline(Node):
    """A plain and a steered video."""

    DESCRIPTION = (
        "Sample a video twice from one seed, plain and steered, and measure whether the steered one moves as "
        "asked. Visualize Steering shows both side by side."
    )
    RETURN_TYPES = ("IMAGE", "IMAGE", "FLOAT", RUN, "STRING")
    RETURN_NAMES = ("steered", "plain", "fps", "run", "report")
    OUTPUT_TOOLTIPS = (
        "The steered video.",
        "The video that nobody steered, from the same seed.",
        "Frames a second at which they are meant to be seen.",
        "For Visualize Steering.",
        "What was asked and measured, whether it was followed, and what to try if not.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        prompt_type, prompt = inputs(moft.Scene, "prompt")["prompt"]
        scene = inputs(moft.Scene, *_SCENE)
        scene["seed"][1]["control_after_generate"] = True
        scene["negative_prompt"][1]["multiline"] = True
        sizes = {name: _size(name) for name in ("frames", "height", "width")}
        return {
            "required": {
                "model": (MODEL, {"tooltip": "The pipeline to sample and steer."}),
                "motion": (MOTION, {"tooltip": "What is wanted."}),
                "prompt": (prompt_type, {**prompt, "multiline": True}),
                **sizes,
                **scene,
                **inputs(moft.Job, "retries"),
            },
            "optional": {
                "settings": (SETTINGS, {"tooltip": "How to steer; nothing: as moft has it."}),
                "image": ("IMAGE", {"tooltip": "First frame, for models that start from an image."}),
                "clip": (
                    "IMAGE",
                    {"tooltip": "A real clip whose motion is changed (models sampled by DDIM)."},
                ),
            },
        }

    def made(
        self,
        model: moft.Model,
        motion: tuple[Any, ...],
        settings: moft.Settings | None = None,
        image: Tensor | None = None,
        clip: Tensor | None = None,
        **given: Any,
    ) -> tuple[Any, ...]:
        size = model.size(*(given[name] or None for name in ("frames", "height", "width")))
        shown = {
            "image": None if image is None else picture_file(image),
            "video": None if clip is None else clip_file(clip),
        }
        scene = moft.Scene(size=size, **taken(moft.Scene, given), **shown)
        job = moft.Job(scene, motion, settings or moft.Settings(), given["retries"])
        run = moft.run(model, job, watch=host.watch())
        return images_of(run.steered), images_of(run.plain), run.fps, run, summary(run.record())


def _size(name: str) -> tuple[str, dict[str, Any]]:
    told = f"{name.capitalize()} of the video{'' if name == 'frames' else ', px'}; 0: the model's own."
    return "INT", {"default": 0, "min": 0, "max": 2**14, "tooltip": told}


class VisualizeRun(Node):
    """Plain and steered beside each other."""

    DESCRIPTION = "Plain and steered side by side, with arrows of what was asked and measured."
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("images",)
    OUTPUT_TOOLTIPS = ("A frame a frame of the video.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"run": (RUN, {"tooltip": "Of Steer Video."})}}

    def made(self, run: moft.Run) -> tuple[Tensor]:
        return (images_of(run.comparison()),)
