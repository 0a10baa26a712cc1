"""Draws motions of the world's mixture: how cameras and objects go, and the words for it."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor

from moft.known.world.moves import PROFILES, STEADY, Dice, Move, chosen, profiles
from moft.known.world.naming import motion_words
from moft.known.world.scenes import Mixture


@dataclasses.dataclass(frozen=True)
class Paths:
    """n paths and what they are."""

    shift: Tensor  # (n f 2) px, mean nought
    kind: Tensor  # (n,) in `PROFILES`
    heading: Tensor  # (n 2) px per frame at peak speed


class Journeys:
    """Motions of one mixture, drawn with `dice`."""

    def __init__(self, mixture: Mixture, dice: Dice, frames: int) -> None:
        self.mixture, self.dice, self.frames = mixture, dice, frames
        self.weights = torch.full(
            (len(PROFILES),), (1 - mixture.steady) / (len(PROFILES) - 1), device=dice.device
        )
        self.weights[PROFILES.index(STEADY)] = mixture.steady

    def paths(self, n: int) -> Paths:
        """Any kind in any direction, the peak speed uniform; some still."""
        kind = self.dice.kinds(self.weights, n)
        path = chosen(profiles(self.dice, n, self.frames), kind, self.frames)
        speed = self.dice.real(n, low=0.3, high=self.mixture.max_speed)
        speed = torch.where(self.dice.chance(self.mixture.still, n), 0.0, speed)
        angle = self.dice.real(n, high=2 * math.pi)
        along = torch.stack([angle.cos(), angle.sin()], -1) * speed[:, None]
        across = torch.stack([-along[:, 1], along[:, 0]], -1)
        return Paths(path[..., :1] * along[:, None] + path[..., 1:] * across[:, None], kind, along)

    def cameras(self, n: int) -> tuple[Move, list[str]]:
        """How a scene goes by before n cameras that pan, roll about a point, zoom to one, or stay."""
        angle = self._change(n, self.mixture.max_roll, self.mixture.rolls)
        growth = self._change(n, self.mixture.max_zoom, self.mixture.zooms).clamp(-0.5, 0.5)
        more = (angle.abs() + growth.abs()).amax(1) > 0
        paths, alone = self.paths(n), more & self.dice.chance(self.mixture.alone, n)
        shift = torch.where(alone[:, None, None], 0.0, paths.shift)
        heading = torch.where(alone[:, None], 0.0, paths.heading)
        pivot = self.dice.real(n, 2, low=-24, high=24) * more[:, None]
        move = Move(shift, angle, growth, pivot)
        return move, _words(dataclasses.replace(paths, heading=heading), move)

    def objects(self, n: int) -> tuple[Move, list[str]]:
        """How n objects go, each on its own, about places near the middle; some turn, some grow or shrink."""
        paths, pivot = self.paths(n), self.dice.real(n, 2, low=-17, high=17)
        angle = self._change(n, 2 * self.mixture.max_roll, self.mixture.rolls)
        growth = self._change(n, self.mixture.max_zoom, self.mixture.zooms).clamp(-0.4, 0.4)
        move = Move(paths.shift, angle, growth, pivot)
        return move, _words(paths, move)

    def _change(self, n: int, most: float, share: float) -> Tensor:
        """(n f) of an angle or of a scale's logarithm, by up to `most` a frame; a `share` of them changes."""
        kind = self.dice.number(len(PROFILES) - 1, n)  # no trembling
        path = chosen(profiles(self.dice, n, self.frames), kind, self.frames)[..., 0]
        rate = self.dice.real(n, low=0.25 * most, high=most) * (1 - 2 * self.dice.number(2, n))
        return path * torch.where(self.dice.chance(share, n), rate, 0.0)[:, None]


def _words(paths: Paths, move: Move) -> list[str]:
    """What captions say of each motion; nothing of what turns."""
    growth = (move.growth[:, -1] - move.growth[:, 0]).tolist()
    turns = (move.angle.abs().amax(1) > 0).tolist()
    rows = zip(paths.kind.tolist(), paths.heading.tolist(), growth, turns, strict=True)
    return ["" if turn else motion_words(PROFILES[kind], vx, vy, by) for kind, (vx, vy), by, turn in rows]
