"""What the world shows: cameras and things that turn back, ease, shake, roll, zoom, and hide each other.

A clip is a stack of layers: the scene, a part of it that flows by itself, a nearer layer that passes faster
(parallax) and objects. Each moves as a `Move`, so where any visible point goes in any other frame, and
whether something hides it there, is exactly known. `renderer` draws them.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from moft.known.world.moves import Move

SCENE, FLOWING, NEAR, OBJECTS = 0, 1, 2, 3  # layers; objects are this and above


@dataclasses.dataclass(frozen=True)
class Mixture:
    """What the clips show, and how often."""

    textures: int = 400  # distinct textures in the bank
    photos: float = 0.12  # share of scenes cut from photographs
    flat: float = 0.05  # share of scenes of one colour, without texture
    scale: tuple[float, float] = (0.25, 0.6)  # texels per px: small ones show few and large structures
    objects: float = 0.65  # probability that each object slot is filled
    slots: int = 2  # objects at most
    near: float = 0.15  # share of scenes with a nearer layer
    flows: float = 0.2  # share of scenes of which a part flows by itself
    still: float = 0.1  # share of cameras, and of things, whose path stays where it is
    steady: float = 0.35  # share of paths that are straight and steady; the others share the rest
    rolls: float = 0.12  # share of cameras that roll, and of objects that turn twice that
    zooms: float = 0.15  # share of cameras that zoom, and of objects that grow or shrink
    alone: float = 0.5  # share of rolls and zooms of a camera that does not pan as well
    max_speed: float = 4.0  # px per frame
    max_roll: float = 0.09  # radians per frame
    max_zoom: float = 0.06  # of the scale per frame
    motion_words: float = 0.5  # share of captions that also name the motion (prompts in use never do)


@dataclasses.dataclass(frozen=True)
class Scenes:
    """A batch of clips and the exact truth about them."""

    video: Tensor  # (b f 3 h w) in 0…1
    captions: list[str]
    layer: Tensor  # (b f h w) long: which layer is visible
    rest: Tensor  # (b f h w 2) px: where the visible point is on average over the clip, (0, 0) in the middle
    moves: tuple[Move, ...]  # of each layer
    pixels: Tensor  # (h w 2) px, (0, 0) in the middle

    @property
    def shift(self) -> Tensor:
        """(b f h w 2) px: of whatever is visible, against where it is on average."""
        return self.pixels - self.rest

    @property
    def flow(self) -> Tensor:
        """(b f-1 h w 2) px from each frame to the next, of whatever is visible."""
        return self.later(1)[0][:, :-1] - self.pixels

    def later(self, gap: int | Tensor, every: int = 1) -> tuple[Tensor, Tensor]:
        """Where each visible point is `gap` frames later, and whether it is still seen there.

        gap: frames, above 0, or one of each clip (b,). every: px between the points that are asked, from the
        middle of the first such square on.

        Returns:
            positions (b f h w 2) px, (0, 0) in the middle, and booleans (b f h w): inside the picture, hidden
            by no other layer, and not after the clip's last frame.
        """
        first = (every - 1) // 2
        layer, rest = self.layer[..., first::every, first::every], self.rest[:, :, first::every, first::every]
        b, f = layer.shape[:2]
        gaps = torch.as_tensor(gap, device=layer.device).expand(b)
        frame = torch.arange(f, device=layer.device) + gaps[:, None]  # (b f)
        then = frame.clamp(max=f - 1)
        at = torch.zeros_like(rest)
        for index, move in enumerate(self.moves):
            at = torch.where((layer == index)[..., None], move.at(then).seen(rest), at)
        height, width = self.pixels.shape[:2]
        cell = (at + at.new_tensor([width - 1, height - 1]) / 2).round().long()
        inside = ((cell >= 0) & (cell < cell.new_tensor([width, height]))).all(-1)
        place = cell[..., 1].clamp(0, height - 1) * width + cell[..., 0].clamp(0, width - 1)
        whole = self.layer.gather(1, then[:, :, None, None].expand(-1, -1, height, width)).flatten(2)
        same = whole.gather(2, place.flatten(2)).view_as(layer) == layer
        return at, inside & same & (frame < f)[:, :, None, None]
