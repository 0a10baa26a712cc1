"""Endless procedural clips: a textured scene seen by a moving camera, with objects that move on their own.

Everything is vectorised over the batch and seeded, so a clip is a function of (seed, index). Motion follows
the library's convention: it says where the picture content goes, x right, y down, in px per frame.
"""

from __future__ import annotations

import dataclasses
import math

import torch
import torch.nn.functional as F

from moft.known.captions import Named, caption
from moft.known.shapes import COLOURS, RADII, SHAPES, shape_distance
from moft.known.textures import PHOTO, TILE, Bank

SIZE = 64  # px, height and width
FRAMES = 8
MAX_SPEED = 4.0  # px per frame


@dataclasses.dataclass(frozen=True)
class World:
    """What the clips show; training widens it, from textured pans alone to the whole."""

    textures: int = 400  # distinct textures in the bank
    photos: float = 0.15  # share of scenes cut from photographs
    objects: float = 0.65  # probability that each object slot is filled
    slots: int = 2  # objects at most
    zooms: float = 0.1  # share of clips whose camera zooms
    still: float = 0.1  # share of clips (and of objects) that do not move
    turns: float = 0.1  # share of pans that turn to another velocity midway
    flows: float = 0.2  # share of pans in which a part of the frame flows by itself, as water or clouds do
    flat: float = 0.0  # share of scenes of one colour, without texture: shapes are all there is to learn
    motion_words: float = 0.5  # share of captions that also name the motion (prompts in use never do)
    max_speed: float = MAX_SPEED  # px per frame


@dataclasses.dataclass(frozen=True)
class Clips:
    """A batch of clips and the truth about them."""

    video: torch.Tensor  # (b f 3 h w) in 0..1
    captions: list[str]
    displacement: torch.Tensor  # (b f 2) px of the scene against its mean over the frames
    zoom: torch.Tensor  # (b,) scale factor per frame
    flow: torch.Tensor  # (b f h w 2) px per frame, exact, of whatever is visible
    shift: torch.Tensor  # (b f h w 2) px, displacement against the middle of the clip of whatever is visible
    objects: torch.Tensor  # (b f h w) bool: where an object is visible

    @property
    def velocity(self) -> torch.Tensor:
        """(b, 2) mean px per frame of the scene."""
        return (self.displacement[:, -1] - self.displacement[:, 0]) / (self.displacement.shape[1] - 1)


class ClipMaker:
    """Renders batches of clips of one world: endless, and the same for the same seed.

    frames: of each clip. device: where the tensors lie, as torch names it.
    """

    def __init__(self, world: World, seed: int, frames: int = FRAMES, device: str = "cpu") -> None:
        self.world, self.frames, self.device = world, frames, device
        self.bank = Bank.make(world.textures, world.photos > 0, seed, device)
        self.generator = torch.Generator(device).manual_seed(seed)
        self.tones = torch.tensor(list(COLOURS.values()), device=device)  # (colours 2 3)
        y, x = torch.meshgrid(*[torch.arange(SIZE, device=device) - (SIZE - 1) / 2] * 2, indexing="ij")
        self.pixels = torch.stack([x, y], -1)  # (h w 2), (0, 0) in the middle
        self.clock = torch.arange(frames, device=device) - (frames - 1) / 2

    def _rand(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Uniform in low…high."""
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def _pick(self, count: int, *shape: int) -> torch.Tensor:
        """Whole numbers from 0 below `count`."""
        return torch.randint(count, shape, generator=self.generator, device=self.device)

    def _velocities(self, *shape: int) -> torch.Tensor:
        """(… 2) px per frame: any direction, uniform speed, some still."""
        angle = self._rand(*shape, high=2 * math.pi)
        speed = self._rand(*shape, low=0.3, high=self.world.max_speed)
        speed = torch.where(self._rand(*shape) < self.world.still, torch.zeros_like(speed), speed)
        return torch.stack([angle.cos(), angle.sin()], -1) * speed[..., None]

    def _paths(self, velocity: torch.Tensor) -> torch.Tensor:
        """Velocities (b 2) → displacements (b f 2); a few turn to another velocity midway."""
        steps = velocity[:, None].expand(-1, self.frames - 1, -1)
        turned = self._velocities(len(velocity))[:, None]
        late = torch.arange(self.frames - 1, device=self.device)[None, :, None] >= (self.frames - 1) // 2
        turns = (self._rand(len(velocity)) < self.world.turns)[:, None, None]
        steps = torch.where(turns & late, turned, steps)
        path = F.pad(steps.cumsum(1), (0, 0, 1, 0))
        return path - path.mean(1, keepdim=True)

    def _scene_colour(self, tile: torch.Tensor, colour: torch.Tensor, photo: torch.Tensor) -> torch.Tensor:
        """Grey tiles (b 3 f h w) in the tones of their colours (b,); photographs keep their own."""
        low, high = self.tones[colour, 0, :, None, None, None], self.tones[colour, 1, :, None, None, None]
        return torch.where(photo[:, None, None, None, None], tile, low + (high - low) * tile)

    def render(self, n: int) -> Clips:
        """n clips of this world, with their captions and true motion."""
        scene, path, paths, zoom, texture, colour = self._scenes(n)
        drift = zoom.log()[:, None, None, None, None] * self.pixels
        flow = torch.gradient(paths, dim=1)[0] + drift
        shift = paths + drift * self.clock[:, None, None, None]
        flat = torch.zeros(n, dtype=torch.bool)
        if self.world.flat:
            flat = ((self._rand(n) < self.world.flat) & (texture < self.world.textures)).cpu()
            scene[flat] = scene[flat].mean((2, 3, 4), keepdim=True)
        video, flow, shift, covered, objects = self._add_objects(scene, flow, shift, colour)
        captions = self._captions(texture, flat, colour, objects, path, zoom)
        return Clips(
            video.transpose(1, 2).contiguous().clamp(0, 1), captions, path, zoom, flow, shift, covered
        )

    def _scenes(self, n: int) -> tuple[torch.Tensor, ...]:
        """Scenes (b 3 f h w), how the cameras go (b f 2), how each place goes (b f h w 2 or b f 1 1 2), zooms
        (b,), and the numbers of their textures and colours (b,)."""
        kinds = self.bank.kinds
        photos = torch.tensor([kind == PHOTO for kind in kinds], device=self.device)
        wants_photo = self._rand(n) < self.world.photos
        texture = self._pick(self.world.textures, n)
        if photos.any():
            texture = torch.where(
                wants_photo, self.world.textures + self._pick(int(photos.sum()), n), texture
            )
        colour = self._pick(len(COLOURS), n)
        path = self._paths(self._velocities(n))
        zooming = self._rand(n) < self.world.zooms
        zoom = torch.where(
            zooming, 1 + self._rand(n, low=-0.06, high=0.06), torch.ones(n, device=self.device)
        )
        path = torch.where(zooming[:, None, None], torch.zeros_like(path), path)
        paths = path[:, :, None, None]
        if self.world.flows:
            flowing = (self._rand(n) < self.world.flows) & ~zooming
            part = self._parts(n) & flowing[:, None, None]
            paths = torch.where(
                part[:, None, ..., None], self._paths(self._velocities(n))[:, :, None, None], paths
            )

        scale = self._rand(n, low=0.4, high=0.9)  # texels per px
        turn, phase = self._rand(n, high=2 * math.pi), self._rand(n, 1, 1, 1, 2, high=TILE)
        at = (self.pixels - paths) / (zoom[:, None] ** self.clock)[:, :, None, None, None]
        cos, sin = turn.cos()[:, None, None, None], turn.sin()[:, None, None, None]
        rotated = torch.stack([cos * at[..., 0] - sin * at[..., 1], sin * at[..., 0] + cos * at[..., 1]], -1)
        texel = torch.remainder(rotated * scale[:, None, None, None, None] + phase, TILE) + 2
        grid = texel / (TILE + 3) * 2 - 1
        flat = grid.reshape(n, self.frames * SIZE, SIZE, 2)
        tile = F.grid_sample(self.bank.tiles[texture], flat, align_corners=True)
        tile = tile.reshape(n, 3, self.frames, SIZE, SIZE)
        return self._scene_colour(tile, colour, photos[texture]), path, paths, zoom, texture, colour

    def _parts(self, n: int) -> torch.Tensor:
        """(n h w) bool: a disc, or what looks like half of the frame if the disc is large."""
        edge, angle = self._rand(n, 2, low=-14, high=14), self._rand(n, high=2 * math.pi)
        radius = 14 / self._rand(n, low=0.03, high=1.0)
        centre = edge + radius[:, None] * torch.stack([angle.cos(), angle.sin()], -1)
        return torch.linalg.vector_norm(self.pixels - centre[:, None, None], dim=-1) < radius[:, None, None]

    def _add_objects(
        self, video: torch.Tensor, flow: torch.Tensor, shift: torch.Tensor, colour: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, list[list[Named]]]:
        """Objects over scenes (b 3 f h w): the same with them, flow and shift with theirs (b f h w 2), where
        they are (b f h w), and what they are."""
        n = len(video)
        covered = torch.zeros(n, self.frames, SIZE, SIZE, dtype=torch.bool, device=self.device)
        named: list[list[Named]] = [[] for _ in range(n)]
        for _ in range(self.world.slots if self.world.objects else 0):
            there = self._rand(n) < self.world.objects
            shape, radius = self._pick(len(SHAPES), n), self._rand(n, low=RADII[0], high=RADII[1])
            paint = (colour + 1 + self._pick(len(COLOURS) - 1, n)) % len(COLOURS)  # never the scene's colour
            velocity = self._velocities(n)
            moved = velocity[:, None] * self.clock[:, None]
            centre = self._rand(n, 1, 2, low=-17, high=17) + moved
            tilt = self._rand(n, low=-0.3, high=0.3)
            p = self.pixels - centre[:, :, None, None]
            cos, sin = tilt.cos()[:, None, None, None], tilt.sin()[:, None, None, None]
            p = torch.stack([cos * p[..., 0] - sin * p[..., 1], sin * p[..., 0] + cos * p[..., 1]], -1)
            distance = shape_distance(
                p, shape[:, None, None, None].expand(p.shape[:-1]), radius[:, None, None, None]
            )
            alpha = (0.5 - distance).clamp(0, 1) * there[:, None, None, None]
            shade = (0.95 - 0.35 * (p[..., 1] / radius[:, None, None, None]).clamp(-1, 1) * 0.5)[:, None]
            low, high = self.tones[paint, 0, :, None, None, None], self.tones[paint, 1, :, None, None, None]
            body = low + (high - low) * shade
            video = torch.lerp(video, body, alpha[:, None])
            flow = torch.where((alpha > 0.5)[..., None], velocity[:, None, None, None], flow)
            shift = torch.where((alpha > 0.5)[..., None], moved[:, :, None, None], shift)
            covered = covered | (alpha > 0.5)
            names = list(COLOURS)
            moves = velocity.tolist()
            for i in torch.nonzero(there).flatten().tolist():
                named[i].append((names[int(paint[i])], SHAPES[int(shape[i])], (moves[i][0], moves[i][1])))
        return video, flow, shift, covered, named

    def _captions(
        self,
        texture: torch.Tensor,
        flat: torch.Tensor,
        colour: torch.Tensor,
        objects: list[list[Named]],
        path: torch.Tensor,
        zoom: torch.Tensor,
    ) -> list[str]:
        """One a clip; a share of `World.motion_words` names the motion."""
        velocity = ((path[:, -1] - path[:, 0]) / (self.frames - 1)).tolist()
        names, tell = list(COLOURS), (self._rand(len(texture)) < self.world.motion_words).tolist()
        captions = []
        for i, kind in enumerate(self.bank.kinds[t] for t in texture.tolist()):
            painted = names[int(colour[i])] if flat[i] else f"{names[int(colour[i])]} {kind}"
            motion = (velocity[i][0], velocity[i][1], float(zoom[i])) if tell[i] else None
            captions.append(caption(kind if kind == PHOTO else painted, objects[i], motion))
        return captions
