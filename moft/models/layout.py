"""The doors of a family: its layouts of latents, arguments and layers' outputs ⇄ (b c f h w).

Inside, latents are (b c f h w) and features (b f c h w), whatever the model; only here is it known how they
lie in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from einops import parse_shape, rearrange
from torch import Tensor

from moft.errors import BackboneError
from moft.models.calls import Call, given_cells
from moft.models.families import INSIDE, Family, patch_size


class Layout:
    """The layouts of one denoiser.

    Args:
        family: which says them.
        config: the denoiser's, which says latent frames, rows and columns per token.
    """

    def __init__(self, family: Family, config: Any) -> None:
        self.family, self.patch = family, patch_size(config)
        self._channels = config[family.channels] if family.channels else None

    # ------------------------------------------------------------ between two steps

    def enter(self, held: Tensor, call: Call) -> Tensor:
        """Latents as `scheduler.step` or a callback of the pipeline holds them → (b c f h w).

        Frames that are given, and so are never handed to a step, come from the call.
        """
        layout = self._of(held)
        inside = rearrange(held, f"{layout} -> {INSIDE}", **self._sizes(layout, call))[:, : self._channels]
        missing = self._size(call)["f"] - inside.shape[2]
        if not missing:
            return inside
        given = self.inputs(call)[-len(inside) :, : inside.shape[1], :missing]
        return torch.cat([given.to(inside), inside], 2)

    def given_frames(self, held: Tensor, call: Call) -> int:
        """How many frames, from the first, are not in what `scheduler.step` or a callback holds."""
        layout = self._of(held)
        return self._size(call)["f"] - parse_shape(held, layout)["f"] if "f" in layout.split() else 0

    def leave(self, latents: Tensor, like: Tensor) -> Tensor:
        """Latents (b c f h w) → as `like`, which `enter` took; channels behind them are those of that."""
        layout = self._of(like)
        if "f" in layout.split():
            latents = latents[:, :, -parse_shape(like, layout)["f"] :]
        left = rearrange(latents, f"{INSIDE} -> {layout}")
        if self._channels is None:
            return left
        axis = layout.split().index("c")
        return torch.cat([left, like.narrow(axis, self._channels, like.shape[axis] - self._channels)], axis)

    def _of(self, held: Tensor) -> str:
        choices = (*self.family.stepped, self.family.layout)
        return next(layout for layout in choices if len(re.sub(r"\(.*?\)", "x", layout).split()) == held.ndim)

    # ------------------------------------------------------------ in a call of the denoiser

    def inputs(self, call: Call) -> Tensor:
        """What the denoiser is given in a call, (b c f h w): latents, and channels behind that condition."""
        return self.prediction(call[self.family.latents], call)

    def with_inputs(self, inputs: Tensor, call: Call) -> Call:
        """The call with other latents, (b c f h w); channels behind them and given tokens stay."""
        before = self.inputs(call)
        given = given_cells(call, self.family, before)
        if given is not None:
            inputs = torch.where(given, before[:, : inputs.shape[1]].to(inputs), inputs)
        whole = torch.cat([inputs, before[:, inputs.shape[1] :].to(inputs)], 1)
        whole = rearrange(whole, f"{INSIDE} -> {self.family.layout}")
        return call | {self.family.latents: whole.to(call[self.family.latents].dtype)}

    def prediction(self, output: Tensor, call: Call) -> Tensor:
        """What the denoiser took or put out in a call → (b c f h w)."""
        layout = self.family.layout
        return rearrange(output, f"{layout} -> {INSIDE}", **self._sizes(layout, call))

    def features(self, output: Any, call: Call, layer: str) -> Tensor:
        """What a layer put out in a call → features (b f c h w). Blocks may return text's too."""
        output = output[0] if isinstance(output, tuple) else output
        patterns = self.family.features.items()
        layout = next(pattern for start, pattern in patterns if layer.startswith(start))
        sizes = self._sizes(layout, call, self.patch)
        return rearrange(output, f"{layout} -> b f c h w", **sizes)

    # ------------------------------------------------------------ sizes

    def _size(self, call: Call) -> dict[str, int]:
        """f, h, w of the latents of a call."""
        if self.family.grid and self.family.grid[0] in call:
            said = dict(zip("fhw", (int(call[name]) for name in self.family.grid), strict=True))
            if prod(said.values()) != call[self.family.latents].shape[1]:
                raise _elsewhere()
            return said
        if self.family.places:
            places = call[self.family.places][0]  # (3 n), in the grid's order
            size = [len(axis.unique()) for axis in places]
            if prod(size) != places.shape[1] or (places[0].diff() < 0).any():
                raise _elsewhere()
            return dict(zip("fhw", size, strict=True))
        shape = parse_shape(call[self.family.latents], self.family.layout)
        return {axis: n for axis, n in shape.items() if axis in "fhw"}

    def _sizes(self, layout: str, call: Call, patch: Sequence[int] = (1, 1, 1)) -> dict[str, int]:
        """Sizes of the axes that a layout folds together, in tokens of this many frames, rows and columns."""
        folded = set("".join(re.findall(r"\((.*?)\)", layout)))
        size = {k: n // p for (k, n), p in zip(self._size(call).items(), patch, strict=True)}
        return {k: n for k, n in size.items() if k in folded}


def _elsewhere() -> BackboneError:
    return BackboneError(
        "expected tokens frame by frame; a picture for a later frame comes as tokens of its own beside them. "
        "Give pictures and clips at frame_index=0"
    )
