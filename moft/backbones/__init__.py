"""The model families that moft knows. To add one, write its file and list it here."""

from __future__ import annotations

from typing import Any

from moft.backbones.animatediff import ANIMATEDIFF
from moft.backbones.family import Family
from moft.backbones.wan import WAN
from moft.errors import BackboneError

FAMILIES: tuple[Family, ...] = (ANIMATEDIFF, WAN)


def family_of(pipe: Any) -> Family:
    """The family of a diffusers pipeline, by the class of its denoiser.

    Raises:
        BackboneError: no family fits, listing those that are known.
    """
    for family in FAMILIES:
        if type(getattr(pipe, family.attribute, None)).__name__ == family.denoiser:
            return family
    known = "; ".join(f"{f.name} ({', '.join(f.pipelines)})" for f in FAMILIES)
    raise BackboneError(
        f"expected a pipeline of a known family, got {type(pipe).__name__}; known: {known}. "
        "To add a family, see moft/backbones/family.py"
    )


__all__ = ["FAMILIES", "Family", "family_of"]
