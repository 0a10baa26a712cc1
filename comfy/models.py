"""Pipelines to steer."""

from __future__ import annotations

from typing import Any

import moft

from .node import MODEL, Anything, Node

_CHANNELS = (
    "STRING",
    {
        "default": "",
        "tooltip": "File of the model's motion channels, as `moft channels` writes it; empty: those that lie "
        "beside the model.",
    },
)


class LoadPipeline(Node):
    """Loads a diffusers pipeline."""

    DESCRIPTION = (
        "Load a diffusers video pipeline of a family that moft knows, with its motion channels. It has no "
        "part in ComfyUI's own MODEL, CLIP and VAE."
    )
    RETURN_TYPES = (MODEL,)
    RETURN_NAMES = ("model",)
    OUTPUT_TOOLTIPS = ("The pipeline, ready to be steered and looked into.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        model = {
            "default": "miniature",
            "tooltip": "miniature (shipped with moft), a diffusers folder, or a hub id OWNER/NAME, which is "
            "fetched.",
        }
        return {"required": {"name": ("STRING", model), "channels": _CHANNELS}}

    def made(self, name: str, channels: str) -> tuple[moft.Model]:
        return (moft.load(name.strip(), channels=channels.strip() or None),)


class UsePipeline(Node):
    """Takes a diffusers pipeline that another node loaded."""

    DESCRIPTION = (
        "Steer a diffusers pipeline that another node pack loaded. If that was done in ComfyUI's inference "
        "mode, its weights leave no gradient, and steering says so."
    )
    RETURN_TYPES = (MODEL,)
    RETURN_NAMES = ("model",)
    OUTPUT_TOOLTIPS = ("The pipeline, ready to be steered and looked into.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        pipeline = (Anything("*"), {"tooltip": "A diffusers video pipeline, as Python has it."})
        return {"required": {"pipeline": pipeline, "channels": _CHANNELS}}

    def made(self, pipeline: Any, channels: str) -> tuple[moft.Model]:
        model = moft.Model(pipeline, channels=channels.strip() or None)
        model.tap()  # or say what cannot be steered
        return (model,)
