"""Clips in which the motion of every pixel is known."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.known.camera import along
from moft.known.pans import pan
from moft.request.motion import Motion
from moft.types import ClipSize

if TYPE_CHECKING:
    from moft.types import Flow, Picture, Video


@dataclasses.dataclass(frozen=True)
class KnownClips:
    """Clips and how everything in them moves."""

    video: Video  # (b f h w 3)
    flow: Flow  # (b f h w 2), px a frame at each frame

    def __len__(self) -> int:
        return len(self.video)

    def __getitem__(self, some: slice) -> KnownClips:
        return KnownClips(self.video[some], self.flow[some])

    @property
    def size(self) -> ClipSize:
        """Of each clip."""
        return ClipSize(*self.video.shape[1:4])

    def cells(self, feature: Tensor) -> Tensor:
        """The flow (b f h w 2), still in px a frame, in the frames and cells of a feature (b f k h w)."""
        flow = torch.from_numpy(self.flow).permute(0, 4, 1, 2, 3)
        return F.adaptive_avg_pool3d(flow, (feature.shape[1], *feature.shape[3:])).permute(0, 2, 3, 4, 1)


# Textures of clips to choose and to fit on; scores are on HELD_OUT_SEED's.
TUNING_SEED, FITTING_SEED = 135_790, 24_680


def object_clips(n: int, size: ClipSize, seed: int, photos: float = 0.0) -> KnownClips:
    """n clips of textured scenes that pan and objects that move on their own, with exact flow, at this size:
    the renderer's of 64 px, enlarged. `seed` decides the textures and the motions, `photos` is the share of
    scenes cut from training photographs."""
    return next(object_batches(n, size, seed, photos))


def object_batches(n: int, size: ClipSize, seed: int, photos: float = 0.0) -> Iterator[KnownClips]:
    """Endless batches of `object_clips`."""
    maker = copy.copy(_maker(size.frames, seed, photos))
    maker.generator = torch.Generator().manual_seed(seed)
    while True:
        made = maker.render(n)
        video, flow = made.video, made.flow
        if (size.height, size.width) == tuple(video.shape[-2:]):
            yield KnownClips(_pixels(video), flow.float().numpy())
            continue
        clips = [_enlarged(*one, size) for one in zip(video, flow, strict=True)]  # one by one: they are large
        yield KnownClips(*map(np.stack, zip(*clips, strict=True)))


def _enlarged(video: Tensor, flow: Tensor, size: ClipSize) -> tuple[np.ndarray, np.ndarray]:
    """A clip (f 3 h w) in 0…1 and its flow (f h w 2), as `KnownClips` has them at another size."""
    sides, (height, width) = (size.height, size.width), video.shape[-2:]
    flow = F.interpolate(flow.permute(0, 3, 1, 2), sides, mode="nearest").permute(0, 2, 3, 1)
    flow = flow * torch.tensor([size.width / width, size.height / height])
    return _pixels(F.interpolate(video, sides, mode="bicubic")), flow.float().numpy()


def _pixels(video: Tensor) -> np.ndarray:
    return (video.clamp(0, 1) * 255).round().byte().movedim(-3, -1).numpy()


@cache
def _maker(frames: int, seed: int, photos: float) -> Any:
    """Draws scenes of its own textures, which take seconds to make."""
    from moft.known.renderer import FRAMES, MAX_SPEED, ClipMaker, World

    # Slower in longer clips, to stay in the picture.
    fastest = max(1.0, MAX_SPEED * FRAMES / max(FRAMES, frames))
    world = World(textures=96, photos=photos, objects=0.65, zooms=0, turns=0, flows=0, max_speed=fastest)
    return ClipMaker(world, seed, frames=frames)


def panned_clips(photos: Sequence[Picture], size: ClipSize, n: int, seed: int = 0) -> KnownClips:
    """n pans of photographs in random directions, up to 6 % of the shorter side a frame, with exact flow."""
    rng, videos, flows = np.random.default_rng(seed), [], []
    for i in range(n):
        motion = Motion(rng.uniform(0, 360), speed=rng.uniform(0.008, 0.06))
        videos.append(pan(photos[i % len(photos)], motion, size, rng.uniform(0, 1, 2), rng.uniform(1.3, 2.5)))
        flows.append(np.broadcast_to(np.array(motion.velocity(size), np.float32), (*videos[-1].shape[:3], 2)))
    return KnownClips(np.stack(videos), np.stack(flows))


def steadied(clips: KnownClips, seed: int) -> KnownClips:
    """Each clip as a camera sees it that goes along with a place in it, nearly; its flow is against that
    camera."""
    draw = torch.Generator().manual_seed(seed)
    video, flow = torch.from_numpy(clips.video).float(), torch.from_numpy(clips.flow)
    at = [torch.randint(n, (len(clips),), generator=draw) for n in flow.shape[1:4]]
    spread = clips.size.side / 160 * torch.randn(len(clips), 2, generator=draw)
    velocity = flow[torch.arange(len(clips)), at[0], at[1], at[2]] + spread
    rest = along(flow, velocity) - velocity[:, None, None, None]
    return KnownClips(along(video, velocity).round().clamp(0, 255).byte().numpy(), rest.numpy())
