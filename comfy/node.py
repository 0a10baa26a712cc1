"""What all nodes have in common."""

from __future__ import annotations

from typing import Any

import torch

MODEL, MOTION, SETTINGS, RUN, HEAT = "MOFT_MODEL", "MOFT_MOTION", "MOFT_SETTINGS", "MOFT_RUN", "MOFT_HEAT"


class Node:
    """A node: what `made` gives for its inputs, outside of the inference mode in which ComfyUI runs nodes.

    What is made in that mode leaves no gradient, and steering takes gradients; so do models that are loaded
    in it, ever after."""

    CATEGORY = "moft"
    FUNCTION = "execute"

    def execute(self, **given: Any) -> tuple[Any, ...]:
        """What ComfyUI calls."""
        with torch.inference_mode(False):
            return self.made(**given)

    def made(self, **given: Any) -> tuple[Any, ...]:
        """The outputs of the node."""
        raise NotImplementedError


class Anything(str):
    """A type that every other fits."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False
