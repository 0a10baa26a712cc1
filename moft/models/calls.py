"""How a host calls its denoiser: the arguments by name, parts of a guidance batch, timesteps by token."""

from __future__ import annotations

import functools
from collections.abc import Callable
from math import isqrt
from typing import Any

import torch
from torch import Tensor

from moft.models.families import Family
from moft.models.hooks import map_tree

Call = dict[str, Any]  # the denoiser's arguments by name


def timestep_of(call: Call) -> float:
    """The timestep that the denoiser is told in a call; given tokens are told others, which are lower."""
    return float(torch.as_tensor(call["timestep"]).max())


def parts_of(call: Call, family: Family, clips: int) -> list[Callable[[], Call]]:
    """The guidance batch of a call in parts of so many clips, the conditional one last.

    Each is made, with tensors of its own, when it is asked for.
    """
    count = call[family.latents].shape[0] // clips
    batched = {family.latents, *family.batched}
    if isinstance(call["timestep"], Tensor) and call["timestep"].numel() > 1:
        batched.add("timestep")

    def part(index: int) -> Call:
        def own(value: Tensor) -> Tensor:
            return value.detach().chunk(count)[index].clone()

        return {k: map_tree(own if k in batched else torch.clone, v) for k, v in call.items()}

    return [functools.partial(part, index) for index in range(count)]


def retold(call: Call, timestep: float, device: torch.device) -> Tensor:
    """The call's own timesteps with another one in their place; tokens that are given (told 0) stay so."""
    told = torch.as_tensor(call["timestep"], device=device)
    return told / told.max() * timestep if _by_token(told) else torch.full_like(told, timestep)


def given_cells(call: Call, cells: Tensor) -> Tensor | None:
    """Which cells of latents (b c f h w) a call gives, told 0 by their tokens: bool (b 1 f h w).

    None if timesteps are not told by token. A token covers a square of cells.
    """
    told = torch.as_tensor(call["timestep"], device=cells.device)
    if not _by_token(told):
        return None
    frames, height, width = cells.shape[2:]
    side = isqrt(frames * height * width // told.shape[1])
    grid = (told == 0).unflatten(1, (frames, height // side, width // side))
    return grid.repeat_interleave(side, 2).repeat_interleave(side, 3)[:, None]


def _by_token(told: Tensor) -> bool:
    return told.ndim == 2 and told.shape[1] > 1
