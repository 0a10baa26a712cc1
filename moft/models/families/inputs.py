"""What a diffusers pipeline may be called with, and what it gives: one that is written whole, or one that is
put together from blocks (Modular Diffusers)."""

from __future__ import annotations

import inspect
from typing import Any


def is_modular(pipe: Any) -> bool:
    """Whether a pipeline is put together from blocks."""
    return hasattr(pipe, "blocks")


def inputs_of(pipe: Any) -> dict[str, Any]:
    """The arguments that a pipeline takes by name, with what they are if left out."""
    if is_modular(pipe):
        return {given.name: given.default for given in pipe.blocks.inputs if given.name}
    return {name: given.default for name, given in inspect.signature(pipe.__call__).parameters.items()}


def frames_of(pipe: Any, **options: Any) -> Any:
    """Run a pipeline → its frames, as `output_type` says."""
    return pipe(**options, output="videos") if is_modular(pipe) else pipe(**options).frames
