"""The model families that moft knows. To add one, write its file and list it here (docs/adding-a-backbone.md)."""

from __future__ import annotations

from typing import Any

from moft.errors import BackboneError
from moft.models.families.allegro import ALLEGRO
from moft.models.families.animatediff import ANIMATEDIFF
from moft.models.families.cogvideox import COGVIDEOX
from moft.models.families.family import INSIDE, Family, default_layer, patch_size
from moft.models.families.hunyuan import HUNYUAN
from moft.models.families.latte import LATTE
from moft.models.families.ltx import LTX
from moft.models.families.mochi import MOCHI
from moft.models.families.modelscope import MODELSCOPE
from moft.models.families.svd import SVD
from moft.models.families.wan import WAN

FAMILIES: tuple[Family, ...] = (
    ANIMATEDIFF,
    MODELSCOPE,
    SVD,
    COGVIDEOX,
    WAN,
    LTX,
    LATTE,
    HUNYUAN,
    MOCHI,
    ALLEGRO,
)


def family_of(pipe: Any) -> Family:
    """The family of a diffusers pipeline, by its class (or one that it derives from) and that of its denoiser.

    Raises:
        BackboneError: no family fits, listing those that are known.
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
