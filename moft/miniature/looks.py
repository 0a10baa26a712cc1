"""Does a clip stay itself as it moves? Points that can be followed, and frames that agree along flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from moft.known.photographs import HELD_OUT_SEED
from moft.known.world.renderer import WorldMaker
from moft.known.world.scenes import Mixture
from moft.metrics.flow import dense_flow
from moft.metrics.tracks import flow_tracks

if TYPE_CHECKING:
    from moft.types import Video

_EDGE = 4  # px at each edge, where what is seen comes and goes


def looks(videos: Sequence[Video]) -> dict[str, float]:
    """Means over clips: `kept` and `warp`."""
    return {
        "kept": float(np.mean([kept(video) for video in videos])),
        "warp": float(np.mean([warp_error(video) for video in videos])),
    }


def kept(video: Video) -> float:
    """The share of points, evenly spread over the first frame, that flow follows forwards and back from each
    frame to the next up to the last (`flow_tracks`); those that leave the picture are not kept."""
    return float(flow_tracks(video).seen[:, -1].mean())


def warp_error(video: Video) -> float:
    """Mean difference, in grey values of 0…255, of each frame from the next, warped to it by their flow."""
    frames = torch.from_numpy(np.ascontiguousarray(video)).permute(0, 3, 1, 2).float()
    height, width = frames.shape[2:]
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    at = torch.stack([x, y], -1) + torch.from_numpy(dense_flow(video))
    grid = at / torch.tensor([width, height]) * 2 - 1
    warped = F.grid_sample(frames[1:], grid, padding_mode="border", align_corners=False)
    return float((warped - frames[:-1]).abs()[..., _EDGE:-_EDGE, _EDGE:-_EDGE].mean())


def true_clips(n: int, frames: int) -> list[Video]:
    """n clips of the world, of textures that nothing was trained on."""
    made = WorldMaker(Mixture(textures=96, photos=0), HELD_OUT_SEED, frames).render(n).video
    return list((made * 255).round().byte().permute(0, 1, 3, 4, 2).numpy())
