"""The model families that moft knows, found in the modules beside this one (docs/adding-a-backbone.md)."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

from moft.errors import BackboneError
from moft.models.families.family import INSIDE, Family, default_layer, patch_size
from moft.models.families.refused import REFUSED, why_refused


def _found() -> tuple[Family, ...]:
    """Every family that a module of this folder, or of one inside it, makes."""
    names = (module.name for module in pkgutil.walk_packages(__path__, f"{__name__}."))
    made = [value for name in names for value in vars(import_module(name)).values()]
    return tuple(sorted({id(f): f for f in made if isinstance(f, Family)}.values(), key=lambda f: f.name))


FAMILIES: tuple[Family, ...] = _found()


def family_of(pipe: Any) -> Family:
    """The family of a diffusers pipeline, by its class, or one that it derives from, and its denoiser's.

    Raises:
        BackboneError: no family fits, listing those that are known; or its denoiser is wrapped.
    """
    names = [cls.__name__ for cls in type(pipe).__mro__]
    for name in names:
        if name in REFUSED:
            raise BackboneError(why_refused(name))
        for family in (family for family in FAMILIES if name in family.pipelines):
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


__all__ = [
    "FAMILIES",
    "INSIDE",
    "REFUSED",
    "Family",
    "default_layer",
    "family_of",
    "patch_size",
    "why_refused",
]
