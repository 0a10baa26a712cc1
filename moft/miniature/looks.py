"""How well clips hold together, and true ones beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from moft.known.photographs import HELD_OUT_SEED
from moft.known.world.renderer import WorldMaker
from moft.known.world.scenes import Mixture
from moft.metrics.coherence import kept, warp_error

if TYPE_CHECKING:
    from moft.types import Video


def looks(videos: Sequence[Video]) -> dict[str, float]:
    """Means over clips: `kept` and `warp`."""
    return {
        "kept": float(np.mean([kept(video) for video in videos])),
        "warp": float(np.mean([warp_error(video) for video in videos])),
    }


def true_clips(n: int, frames: int) -> list[Video]:
    """n clips of the world, of textures that nothing was trained on."""
    made = WorldMaker(Mixture(textures=96, photos=0), HELD_OUT_SEED, frames).render(n).video
    return list((made * 255).round().byte().permute(0, 1, 3, 4, 2).numpy())
