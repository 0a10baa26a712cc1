"""How the things of the world move: paths that turn, reverse, ease and shake; turning and growing about any
point.

A thing's motion is one similarity transform a frame. It takes every point of the thing from where it is on
average to where it is then, and back, so that the exact motion of every pixel is known. Motion says where the
picture content goes, x right, y down, in px; angles are radians, clockwise in the picture.
"""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor

STEADY = "steady"
PROFILES = (
    STEADY,
    "speeding up",
    "slowing down",
    "easing",
    "turning off",
    "reversing",
    "swinging",
    "arc",
    "shaking",
)


class Dice:
    """Random numbers of one seed, as the world wants them."""

    def __init__(self, seed: int, device: str = "cpu") -> None:
        self.seed, self.device, self.generator = seed, device, torch.Generator(device)
        self.roll(0)

    def roll(self, number: int) -> None:
        """Begin anew, with the numbers of batch `number`."""
        self.generator.manual_seed(1_000_003 * self.seed + number)

    def real(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform in low…high."""
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def number(self, count: int, *shape: int) -> Tensor:
        """Integers in 0…count - 1."""
        return torch.randint(count, shape, generator=self.generator, device=self.device)

    def chance(self, share: float, *shape: int) -> Tensor:
        """Booleans, true with probability `share`."""
        return self.real(*shape) < share

    def kinds(self, weights: Tensor, *shape: int) -> Tensor:
        """Indices into `weights` (k,), drawn in proportion to them."""
        drawn = torch.multinomial(weights, math.prod(shape), replacement=True, generator=self.generator)
        return drawn.view(shape)


def profiles(dice: Dice, n: int, frames: int) -> Tensor:
    """One path of every kind, (n kinds f 2): along and across a heading, in units of `frames - 1` steps at
    peak speed.

    Kinds are those of `PROFILES`, in their order. All start at nought, and none is ever faster than 1 but
    `shaking`, which is a slow steady path and a tremble.
    """
    u = torch.linspace(0, 1, frames, device=dice.device).expand(n, frames)
    nought, tau = torch.zeros_like(u), dice.real(n, 1, low=0.3, high=0.7)
    bend = dice.real(n, 1, low=-math.pi, high=math.pi)
    late = (u - tau).clamp(min=0)
    turn = torch.where(bend.abs() < 0.5, bend + 2.5, bend)  # radians over the whole clip
    cycles = 2 * math.pi * dice.real(n, 1, low=1.0, high=1.0 + frames / 16)
    waves = dice.real(n, 3, 1, low=1.5, high=4.5) * 2 * math.pi
    phases, gains = dice.real(n, 2, 3, 1, high=2 * math.pi), dice.real(n, 2, 3, 1, low=-0.5, high=0.5)
    tremble = (gains / waves[:, None] * (waves[:, None] * u[:, None, None] + phases).sin()).sum(2)
    tremble = tremble - tremble[..., :1]
    paths = (
        (u, nought),
        (u**2 / 2, nought),
        (u - u**2 / 2, nought),
        (u / 2 - (2 * math.pi * u).sin() / (4 * math.pi), nought),
        (torch.minimum(u, tau) + bend.cos() * late, bend.sin() * late),
        (tau - (u - tau).abs(), nought),
        ((cycles * u).sin() / cycles, nought),
        ((turn * u).sin() / turn, (1 - (turn * u).cos()) / turn),
        (0.4 * u + tremble[:, 0], tremble[:, 1]),
    )
    return torch.stack([torch.stack(path, -1) for path in paths], 1)


def chosen(paths: Tensor, kind: Tensor, frames: int) -> Tensor:
    """The path (n f 2) of each one's kind (n,) among `profiles`, in frames at peak speed; mean nought."""
    path = paths[torch.arange(len(kind), device=kind.device), kind] * (frames - 1)
    return path - path.mean(1, keepdim=True)


@dataclasses.dataclass(frozen=True)
class Move:
    """How n things move: x(t) = pivot + scale(t) · turned(X - pivot, angle(t)) + shift(t)."""

    shift: Tensor  # (n f 2) px
    angle: Tensor  # (n f) radians
    growth: Tensor  # (n f) logarithm of the scale
    pivot: Tensor  # (n 2) px, (0, 0) in the middle of the picture

    def of(self, rows: Tensor) -> Move:
        """Those of `rows` (m,)."""
        return Move(self.shift[rows], self.angle[rows], self.growth[rows], self.pivot[rows])

    def rest(self, pixels: Tensor) -> Tensor:
        """Where what is seen at pixels (n f … 2) is on average: X, of the same shape."""
        middle, turn = self.pivot[:, None], -self.angle
        away = pixels - _spread(middle + self.shift, pixels)
        return _spread(middle, pixels) + _turned(away, turn) * _spread(
            (-self.growth).exp()[..., None], pixels
        )

    def seen(self, points: Tensor) -> Tensor:
        """Where points (n f … 2), given where they are on average, are in each frame: `rest` undone."""
        middle = self.pivot[:, None]
        away = _turned(points - _spread(middle, points), self.angle) * _spread(
            self.growth.exp()[..., None], points
        )
        return _spread(middle + self.shift, points) + away

    def at(self, frame: Tensor) -> Move:
        """The same motion with frames (n f) chosen anew."""
        every = frame[..., None].expand(-1, -1, 2)
        shift, angle = self.shift.gather(1, every), self.angle.gather(1, frame)
        return Move(shift, angle, self.growth.gather(1, frame), self.pivot)

    def faster(self, factor: Tensor) -> Move:
        """The same turns and growth, and `factor` (n,) times the shift, as what is nearer to a camera has."""
        return dataclasses.replace(self, shift=self.shift * factor[:, None, None])


def _spread(value: Tensor, like: Tensor) -> Tensor:
    """(n f|1 k) → the same with ones before k, to broadcast with (n f … 2)."""
    return value.view(*value.shape[:2], *[1] * (like.ndim - 3), value.shape[-1])


def _turned(points: Tensor, angle: Tensor) -> Tensor:
    """Points (n f … 2) turned by angles (n f), clockwise in the picture."""
    x, y = points.unbind(-1)
    cos, sin = (f(angle).view(*angle.shape, *[1] * (points.ndim - 3)) for f in (torch.cos, torch.sin))
    return torch.stack([cos * x - sin * y, sin * x + cos * y], -1)
