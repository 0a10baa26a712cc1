"""Encoded clips, with what training wants to know about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from moft.known.renderer import SIZE
from moft.known.world.renderer import WorldMaker
from moft.known.world.scenes import Mixture, Scenes
from moft.miniature.model import LATENT_SIZE
from moft.miniature.pool import Rows

SHIFT_UNIT = 2.6  # px; brings the auxiliary output to about unit variance
CELL = SIZE // LATENT_SIZE  # px
_AT_ONCE = (
    16  # frames: of more, what the VAE makes leaves the processor's cache, and takes three times as long
)


@torch.no_grad()
def encode(vae: Any, video: Tensor) -> Tensor:
    """Video (b f 3 h w) in 0…1 → latents (b c f h w)."""
    frames = (video.flatten(0, 1) * 2 - 1).split(_AT_ONCE)
    mean = torch.cat([vae.encode(some).latent_dist.mean for some in frames])
    return mean.unflatten(0, video.shape[:2]).transpose(1, 2) * vae.config.scaling_factor


def encoder(
    mixture: Mixture,
    frames: int,
    seed: int,
    vae: Any,
    ids: Callable[[list[str]], Tensor],
    dropped: float,
    given: Callable[[Any, Tensor], Rows] = lambda _vae, _latents: {},
) -> Callable[[int, int], Rows]:
    """Makes n rows, of batch number k, of encoded clips of `frames` frames, or of single frames, on the VAE's
    device: a function of the mixture, the seed and the number.

    A row has `latents` (c f h w), `shift` (2 f h w) in units, token `ids` (n,), a share `dropped` of them of
    the empty prompt, and what `given` makes of the VAE and the latents; if it moves, also what `partners`
    finds.
    """
    if frames == 1:  # shapes come slowly where texture or a second object is most of the loss; nothing moves
        mixture = dataclasses.replace(
            mixture, motion_words=0, objects=0.9, slots=1, flat=0.5, near=0, flows=0
        )
    maker = WorldMaker(mixture, seed, frames, str(vae.device))

    def make(n: int, number: int) -> Rows:
        clips = maker.render(n, number)
        gone = maker.dice.chance(dropped, n)
        texts = ["" if empty else text for text, empty in zip(clips.captions, gone.tolist(), strict=True)]
        shift = F.avg_pool2d(clips.shift.flatten(0, 1).permute(0, 3, 1, 2), CELL)
        shift = shift.unflatten(0, (n, -1)).transpose(1, 2) / SHIFT_UNIT
        latents = encode(vae, clips.video)
        rows = {"latents": latents.half(), "shift": shift.half(), "ids": ids(texts), **given(vae, latents)}
        return rows if frames == 1 else rows | partners(clips, maker.dice.generator)

    return make


def partners(clips: Scenes, generator: torch.Generator) -> Rows:
    """Where what each cell shows is some frames later.

    Returns:
        `gap` (b,) of 1…f / 2 frames, one a clip, `at` (b f h w 2) in -1…1 over the picture as `grid_sample`
        wants it, and `seen` (b f h w), whether it is there and visible.
    """
    b, f = clips.layer.shape[:2]
    gap = torch.randint(1, f // 2 + 1, (b,), generator=generator, device=clips.layer.device)
    positions, seen = clips.later(gap, CELL)
    start = clips.pixels[(CELL - 1) // 2 :: CELL, (CELL - 1) // 2 :: CELL]
    middles = start + 0.5 * (CELL - 1) - (CELL - 1) // 2  # of the cells that the points stand for
    at = 2 * (middles + positions - start) / SIZE
    return {"gap": gap, "at": at.half(), "seen": seen}


def boiling(error: Tensor, rows: Rows) -> Tensor:
    """Mean squared disagreement of a prediction's errors (b c f h w) with themselves along the true flow.

    An error that goes along with what it lies on is a wrong texture; one that does not is a texture that
    boils. Since latents do not quite move with the picture, the errors are compared and not the predictions,
    whose own difference along the flow is not nought even where all is right.
    """
    f = error.shape[2]
    later = (torch.arange(f, device=error.device) + rows["gap"][:, None]).clamp(max=f - 1)
    then = error.gather(2, later[:, None, :, None, None].expand_as(error)).transpose(1, 2).flatten(0, 1)
    at = rows["at"].float().flatten(0, 1)
    warped = F.grid_sample(then, at, padding_mode="border", align_corners=False)
    apart = (warped - error.transpose(1, 2).flatten(0, 1)).square().mean(1)
    seen = rows["seen"].flatten(0, 1)
    return (apart * seen).sum() / seen.sum().clamp(min=1)
