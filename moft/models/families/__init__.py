"""The model families that moft knows: a module each, found by listing them (docs/adding-a-backbone.md)."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

from moft.errors import BackboneError
from moft.models.families.family import INSIDE, Family, default_layer, patch_size

_MODULES = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "family")
FAMILIES: tuple[Family, ...] = tuple(import_module(f"{__name__}.{name}").FAMILY for name in _MODULES)


def family_of(pipe: Any) -> Family:
    """The family of a diffusers pipeline, by its class, or one that it derives from, and its denoiser's.

    Raises:
        BackboneError: no family fits, listing those that are known; or its denoiser is wrapped.
    """
    names = {cls.__name__ for cls in type(pipe).__mro__}
    for family in FAMILIES:
        if names & family.pipelines.keys():
            parts = [getattr(pipe, a, None) for a in (family.attribute, family.expert or family.attribute)]
            if family.denoiser in [type(part).__name__ for part in parts]:
                return family
            raise BackboneError(
                f"expected a {family.denoiser} at .{family.attribute} of {type(pipe).__name__}, got "
                f"{type(parts[0]).__name__}; compile it in place with .compile(), or load it whole"
            )
    known = "; ".join(f"{f.name} ({', '.join(f.pipelines)})" for f in FAMILIES)
    raise BackboneError(
        f"expected a pipeline of a known family, got {type(pipe).__name__}; known: {known}. "
        "To add one, see docs/adding-a-backbone.md"
    )


__all__ = ["FAMILIES", "INSIDE", "Family", "default_layer", "family_of", "patch_size"]
