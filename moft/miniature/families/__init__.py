"""The families that a miniature is built of: a module each, as `moft.miniature.model` has AnimateDiff's."""

from __future__ import annotations

from moft.miniature.families.cogvideox import COGVIDEOX
from moft.miniature.families.latte import LATTE
from moft.miniature.families.modelscope import MODELSCOPE
from moft.miniature.families.svd import SVD
from moft.miniature.model import ANIMATEDIFF, Build

BUILDS: dict[str, Build] = {build.name: build for build in (ANIMATEDIFF, LATTE, MODELSCOPE, COGVIDEOX, SVD)}
