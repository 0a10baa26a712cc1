"""Pipelines of the real diffusers classes with random weights, as small as they run: a module a family.

Its function of the module's own name builds the family's plain pipeline, on which the whole contract is
tried; others build further ones. Each has the kind of scheduler that the family's checkpoints ship.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import torch
from PIL import Image

from moft.models.families import family_of
from moft.models.families.inputs import inputs_of, is_modular
from moft.models.tap import Tap
from moft.types import ClipSize
from tiny.parts import CELLS, LATENT_FRAMES

STEPS = 6


def clip_size(pipe: Any, cells: tuple[int, int] = CELLS) -> ClipSize:
    """The size at which a tiny pipeline samples."""
    return Tap(pipe).clip_size(torch.empty(1, 1, LATENT_FRAMES, *cells))


def sample(
    pipe: Any, prompt: Any = "a ball", seed: int = 0, cells: tuple[int, int] = CELLS, **kwargs: Any
) -> Any:
    """Latents of a short run with guidance on, in the pipeline's own layout."""
    family, size = family_of(pipe), clip_size(pipe, cells)
    count = len(prompt) if isinstance(prompt, list) else 1
    picture = Image.fromarray(
        np.random.default_rng(seed).integers(0, 255, (size.height, size.width, 3), np.uint8)
    )
    draws = [torch.Generator().manual_seed(seed + i) for i in range(count)]
    torch.manual_seed(seed)  # SparseCtrl draws without a generator
    offered: dict[str, Any] = {
        "prompt": prompt,
        "image": picture if count == 1 and "prompt" in _parameters(pipe) else [picture] * count,
        "video": [picture] * size.frames,
        "control_video": [picture] * size.frames,
        "conditioning_frames": [picture]
        * (1 if "controlnet_frame_indices" in _parameters(pipe) else size.frames),
        family.frames: size.frames,
        "height": size.height,
        "width": size.width,
        "guidance_scale": 4.0,
        "strength": 1.0,
        "num_inference_steps": STEPS,
        "generator": draws if count > 1 else draws[0],
        "output_type": "latent",
    }
    if family.negative is not None:
        offered["negative_prompt"] = (
            [family.negative] * count if isinstance(prompt, list) else family.negative
        )
    offered |= family.exactly
    offered = {name: value for name, value in offered.items() if name in _parameters(pipe)}
    if is_modular(pipe) and "image" not in family.starts_from(type(pipe)):
        offered.pop("image", None)  # its blocks would look for an image encoder
    wants = WANTS.get(type(pipe).__name__)
    told = offered | (wants(size) if wants else {})
    options = {**{name: value for name, value in told.items() if value is not None}, **kwargs}
    return pipe(**options, output="latents") if is_modular(pipe) else pipe(**options).frames


def _parameters(pipe: Any) -> Any:
    return inputs_of(pipe)


def _builders(module: str) -> dict[str, Callable[[], Any]]:
    """The builders that a family's module defines; its own helpers begin with _."""
    defined = vars(import_module(f"tiny.{module}")).items()
    return {
        k: v for k, v in defined if inspect.isfunction(v) and v.__module__ == f"tiny.{module}" and k[0] != "_"
    }


def _wants() -> dict[str, Callable[[ClipSize], dict[str, Any]]]:
    """What pipelines must be told beside, or not be given (None), for a size, by their class: of all modules'
    `WANTS`."""
    told: dict[str, Callable[[ClipSize], dict[str, Any]]] = {}
    for module in _MODULES:
        told |= getattr(import_module(f"tiny.{module}"), "WANTS", {})
    return told


_MODULES = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "parts")
_ALL = {name: build for module in _MODULES for name, build in _builders(module).items()}
BUILDERS = {name: build for name, build in _ALL.items() if name in _MODULES}
WANTS = _wants()
VARIANTS = {name: build for name, build in _ALL.items() if name not in _MODULES}


@cache
def tiny(name: str) -> Any:
    """The pipeline of a builder, made once; tests leave it as they found it."""
    torch.manual_seed(0)
    pipe = (BUILDERS | VARIANTS)[name]()
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    pipe.set_progress_bar_config(disable=True)
    return pipe
