"""Draws the clips of the world: every batch is a function of the mixture, the seed, the frames and
its number.

Everything is vectorised over the batch; what few clips have is drawn for those alone.
"""

from __future__ import annotations

import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from moft.known.renderer import SIZE
from moft.known.shapes import COLOURS, RADII, SHAPES, shape_distance
from moft.known.textures import PHOTO, TILE, Bank
from moft.known.world.journeys import Journeys
from moft.known.world.moves import Dice, Move
from moft.known.world.naming import caption
from moft.known.world.scenes import FLOWING, NEAR, OBJECTS, SCENE, Mixture, Scenes


@dataclasses.dataclass(frozen=True)
class _Look:
    """How n surfaces look."""

    texture: Tensor  # (n,) into the bank
    colour: Tensor  # (n,)
    flat: Tensor  # (n,) bool
    scale: Tensor  # (n,) texels per px
    turn: Tensor  # (n,) radians
    phase: Tensor  # (n 2) texels

    def of(self, rows: Tensor) -> _Look:
        """Those of clips `rows` (m,)."""
        return _Look(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


@dataclasses.dataclass(frozen=True)
class _Fence:
    """A nearer layer: wavy bars, between which the scene is seen. All (n,), in px but `turn` and `duty`."""

    turn: Tensor  # radians
    offset: Tensor
    period: Tensor
    duty: Tensor  # share of a period that is covered
    sway: Tensor
    wave: Tensor  # length of the bars' waves

    @classmethod
    def drawn(cls, dice: Dice, n: int) -> _Fence:
        """n of them at random."""
        turn, offset = dice.real(n, high=2 * math.pi), dice.real(n, high=90)
        period, duty = dice.real(n, low=36, high=90), dice.real(n, low=0.3, high=0.55)
        return cls(turn, offset, period, duty, dice.real(n, low=0, high=5), dice.real(n, low=24, high=70))

    def alpha(self, rows: Tensor, rest: Tensor) -> Tensor:
        """(m f h w) how much it covers points (m f h w 2) of clips `rows` (m,)."""
        t, o, p, d, s, v = (getattr(self, f.name)[rows, None, None, None] for f in dataclasses.fields(self))
        x, y = rest.unbind(-1)
        along, across = t.cos() * x - t.sin() * y, t.sin() * x + t.cos() * y
        at = torch.remainder(along + o + s * (2 * math.pi / v * across).sin(), p) - p / 2
        return (0.5 + d * p / 2 - at.abs()).clamp(0, 1)


class _Canvas:
    """What is painted so far: colours, and which layer's which point is visible."""

    def __init__(self, video: Tensor, rest: Tensor) -> None:
        self.video, self.rest = video, rest  # (n f 3 h w), (n f h w 2)
        self.layer = torch.full(rest.shape[:-1], SCENE, device=rest.device)

    def paint(self, rows: Tensor, layer: int, alpha: Tensor, colour: Tensor, rest: Tensor) -> None:
        """Over clips `rows` (m,): alpha (m f h w), colour broadcasting to (m f 3 h w), rest (m f h w 2)."""
        covers = alpha > 0.5
        self.video[rows] = torch.lerp(self.video[rows], colour, alpha[:, :, None])
        self.layer[rows] = torch.where(covers, layer, self.layer[rows])
        self.rest[rows] = torch.where(covers[..., None], rest, self.rest[rows])


class WorldMaker:
    """Renders batches of clips of one mixture.

    seed: of the textures and of what is drawn. frames: of each clip. device: where the tensors lie, as torch
    names it.
    """

    def __init__(self, mixture: Mixture, seed: int, frames: int = 16, device: str = "cpu") -> None:
        self.mixture, self.frames, self.device = mixture, frames, device
        self.bank = Bank.make(mixture.textures, mixture.photos > 0, seed, device)
        self.dice = Dice(seed, device)
        self.journeys = Journeys(mixture, self.dice, frames)
        self.tones = torch.tensor(list(COLOURS.values()), device=device)  # (colours 2 3)
        self.photos = torch.tensor([kind == PHOTO for kind in self.bank.kinds], device=device)
        y, x = torch.meshgrid(*[torch.arange(SIZE, device=device) - (SIZE - 1) / 2] * 2, indexing="ij")
        self.pixels = torch.stack([x, y], -1)  # (h w 2)

    def render(self, n: int, number: int = 0) -> Scenes:
        """Batch `number` of n clips, with their captions and exact motion; the same for the same number."""
        self.dice.roll(number)
        colour = self.dice.number(len(COLOURS), n)
        look, told = self._look(colour), self.dice.chance(self.mixture.motion_words, n).tolist()
        camera, words = self.journeys.cameras(n)
        rest = self._rest(camera, torch.arange(n, device=self.device))
        canvas = _Canvas(self._textured(look, rest), rest)
        flowing = self._flow(canvas, look, camera)

        near, hides = self.dice.chance(self.mixture.near, n), self.dice.chance(0.5, n)
        other = self._look(self._another(colour))
        fence, bars = camera.faster(self.dice.real(n, low=1.4, high=2.5)), _Fence.drawn(self.dice, n)
        self._near(canvas, other, fence, bars, near & ~hides)
        moves, things = [camera, flowing, fence], []
        for slot in range(self.mixture.slots):
            move, named = self._object(canvas, OBJECTS + slot, self._another(colour), told)
            moves.append(move)
            things.append(named)
        self._near(canvas, other, fence, bars, near & hides)

        captions = []
        surfaces, bars_named = self._surfaces(look), self._surfaces(other)
        for i in range(n):
            before = [bars_named[i]] if near[i] else []
            captions.append(
                caption([t[i] for t in things if t[i]], before, surfaces[i], words[i] if told[i] else "")
            )
        return Scenes(
            canvas.video.clamp(0, 1), captions, canvas.layer, canvas.rest, tuple(moves), self.pixels
        )

    def _another(self, colour: Tensor) -> Tensor:
        """Other colours than these (n,)."""
        return (colour + 1 + self.dice.number(len(COLOURS) - 1, len(colour))) % len(COLOURS)

    def _flow(self, canvas: _Canvas, look: _Look, camera: Move) -> Move:
        """Let a disc, or what looks like half of the frame, flow by itself in some clips; how it flows."""
        n = len(look.colour)
        edge, angle = self.dice.real(n, 2, low=-14, high=14), self.dice.real(n, high=2 * math.pi)
        radius = 14 / self.dice.real(n, low=0.03, high=1.0)
        centre = edge + radius[:, None] * torch.stack([angle.cos(), angle.sin()], -1)
        part = torch.linalg.vector_norm(self.pixels - centre[:, None, None], dim=-1) < radius[:, None, None]
        move = dataclasses.replace(camera, shift=self.journeys.paths(n).shift)
        rows = self.dice.chance(self.mixture.flows, n).nonzero().flatten()
        rest = self._rest(move, rows)
        alpha = part[rows, None].float().expand(rest.shape[:-1])
        canvas.paint(rows, FLOWING, alpha, self._textured(look.of(rows), rest), rest)
        return move

    # ------------------------------------------------------------ surfaces

    def _look(self, colour: Tensor) -> _Look:
        """Surfaces of these colours (n,), or of photographs, which keep their own."""
        n, kinds = len(colour), self.mixture.textures
        texture = self.dice.number(kinds, n)
        photo = self.dice.chance(self.mixture.photos, n)
        if self.photos.any():
            texture = torch.where(photo, kinds + self.dice.number(int(self.photos.sum()), n), texture)
        flat = self.dice.chance(self.mixture.flat, n) & (texture < kinds)
        low, high = self.mixture.scale
        turn, phase = self.dice.real(n, high=2 * math.pi), self.dice.real(n, 2, high=TILE)
        return _Look(texture, colour, flat, self.dice.real(n, low=low, high=high), turn, phase)

    def _surfaces(self, look: _Look) -> list[str]:
        """What captions call them: "photo", "red", "red stripes"."""
        names, flat = list(COLOURS), look.flat.tolist()
        kinds = [self.bank.kinds[i] for i in look.texture.tolist()]
        words = [names[i] for i in look.colour.tolist()]
        return [
            kind if kind == PHOTO else word if plain else f"{word} {kind}"
            for kind, word, plain in zip(kinds, words, flat, strict=True)
        ]

    def _rest(self, move: Move, rows: Tensor) -> Tensor:
        """(m f h w 2) where what a layer shows at every pixel of clips `rows` (m,) is on average."""
        pixels = self.pixels.expand(len(rows), self.frames, *self.pixels.shape)
        return move.of(rows).rest(pixels)

    def _textured(self, look: _Look, rest: Tensor) -> Tensor:
        """(m f 3 h w): surfaces seen at points (m f h w 2)."""
        _, f, h, w, _ = rest.shape
        cos, sin = (g(look.turn)[:, None] * look.scale[:, None] for g in (torch.cos, torch.sin))
        x, y = rest.flatten(1, 3).unbind(-1)
        texel = torch.stack([cos * x - sin * y, sin * x + cos * y], -1) + look.phase[:, None]
        grid = (torch.remainder(texel, TILE) + 2) / (TILE + 3) * 2 - 1
        grey = F.grid_sample(self.bank.tiles[look.texture], grid.unflatten(1, (f * h, w)), align_corners=True)
        grey = torch.where(look.flat[:, None, None, None], grey.mean((2, 3), keepdim=True), grey)
        low, high = self.tones[look.colour, :, :, None, None].unbind(1)
        colour = torch.where(self.photos[look.texture][:, None, None, None], grey, low + (high - low) * grey)
        return colour.unflatten(2, (f, h)).transpose(1, 2).contiguous()

    # ------------------------------------------------------------ what lies before the scene

    def _near(self, canvas: _Canvas, look: _Look, move: Move, bars: _Fence, there: Tensor) -> None:
        """Paint the nearer layer in the clips where it is `there` (n,)."""
        rows = there.nonzero().flatten()
        rest = self._rest(move, rows)
        canvas.paint(rows, NEAR, bars.alpha(rows, rest), self._textured(look.of(rows), rest), rest)

    def _object(self, canvas: _Canvas, layer: int, paint: Tensor, told: list[bool]) -> tuple[Move, list[str]]:
        """Paint an object of these colours (n,) in some clips; its motion, and its name or ""."""
        n = len(paint)
        move, words = self.journeys.objects(n)
        shape, radius = self.dice.number(len(SHAPES), n), self.dice.real(n, low=RADII[0], high=RADII[1])
        tilt, there = self.dice.real(n, low=-0.3, high=0.3), self.dice.chance(self.mixture.objects, n)
        rows = there.nonzero().flatten()
        rest = self._rest(move, rows)
        x, y = (rest - move.pivot[rows, None, None, None]).unbind(-1)
        cos, sin = (g(tilt[rows, None, None, None]) for g in (torch.cos, torch.sin))
        x, y = cos * x - sin * y, sin * x + cos * y
        size = radius[rows, None, None, None]
        distance = shape_distance(
            torch.stack([x, y], -1), shape[rows, None, None, None].expand(x.shape), size
        )
        alpha = (0.5 - distance * move.growth[rows, :, None, None].exp()).clamp(0, 1)
        shade = (0.95 - 0.175 * (y / size).clamp(-1, 1))[:, :, None]
        low, high = self.tones[paint[rows], :, None, :, None, None].unbind(1)
        canvas.paint(rows, layer, alpha, low + (high - low) * shade, rest)
        colours, shapes, present = list(COLOURS), shape.tolist(), there.tolist()
        names = []
        for i, c in enumerate(paint.tolist()):
            name = f"a {colours[c]} {SHAPES[shapes[i]]} {words[i] if told[i] else ''}".strip()
            names.append(name if present[i] else "")
        return move, names
