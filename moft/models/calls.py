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


def timestep_of(call: Call, family: Family) -> float:
    """The timestep of the schedule that a call is made at; given tokens are told others, which are lower."""
    told = torch.as_tensor(call["timestep"])
    given = _given_of(told, call, family)
    free = told if given is None or given.all() else told[~given.expand_as(told)]
    return float(free.max()) / family.told_scale


def parts_of(call: Call, family: Family, clips: int) -> list[Callable[[], Call]]:
    """The guidance batch of a call in parts of so many clips, the conditional one last.

    Each is made, with tensors of its own, when it is asked for.
    """
    count = call[family.latents].shape[0] // clips
    times = (*family.told, *family.told_beside)
    batched = {family.latents, *family.batched}
    batched |= {n for n in times if isinstance(value := call.get(n), Tensor) and value.numel() > 1}

    def part(index: int) -> Call:
        def own(value: Tensor) -> Tensor:
            return value.detach().chunk(count)[index].clone()

        return {k: map_tree(own if k in batched else torch.clone, v) for k, v in call.items()}

    return [functools.partial(part, index) for index in range(count)]


def retold(call: Call, family: Family, timestep: float, device: torch.device) -> Call:
    """The arguments of a call that say its timestep, saying another one. Tokens that are given, and what has
    timesteps of its own, stay as they are."""
    found: Call = {}
    for name in family.told:
        if call.get(name) is not None:
            told = torch.as_tensor(call[name], device=device)
            found[name] = _retold(told, call, family, timestep * family.told_scale)
    for name, speaker in family.told_beside.items():
        if call.get(name) is None and call.get(speaker) is not None:
            found[name] = call[speaker]
    return found


def _retold(told: Tensor, call: Call, family: Family, timestep: float) -> Tensor:
    given = _given_of(told, call, family)
    if given is None:
        return torch.full_like(told, timestep)
    if family.given is None:
        return told / told.max() * timestep  # some are given in part, and told less
    return torch.where(given, told, torch.full_like(told, timestep))


def given_cells(call: Call, family: Family, cells: Tensor) -> Tensor | None:
    """Which cells of latents (b c f h w) a call gives, by the family's mask or by tokens that are told 0:
    bool (b 1 f h w). None if it does not say. A token covers a square of cells."""
    size = cells.shape[2:]
    if family.given is not None and call.get(family.given) is not None:
        return torch.as_tensor(call[family.given], device=cells.device) > 0
    told = torch.as_tensor(call["timestep"], device=cells.device)
    if not _by_token(told):
        return None
    if told.ndim == 2:
        side = isqrt(size.numel() // told.shape[1])
        told = told.unflatten(1, (1, size[0], size[1] // side, size[2] // side))
    given = told == 0
    for axis, cells_there in enumerate(size, 2):
        given = given.repeat_interleave(cells_there // given.shape[axis], axis)
    return given


def _given_of(told: Tensor, call: Call, family: Family) -> Tensor | None:
    """Which of the timesteps of a call are those of what is given; None if it has one timestep alone."""
    if not _by_token(told):
        return None
    if family.given is None or call.get(family.given) is None:
        return told == 0
    mask = torch.as_tensor(call[family.given], device=told.device) > 0
    return mask.amax((3, 4), keepdim=True)


def _by_token(told: Tensor) -> bool:
    return told.ndim > 1 and told.shape[1:].numel() > 1
