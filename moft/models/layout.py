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
from moft.models.families import INSIDE, Family


class Layout:
    """The layouts of one denoiser.

    Args:
        family: which says them.
        patch: latent frames, rows and columns per token.
    """

    def __init__(self, family: Family, patch: tuple[int, int, int] = (1, 1, 1)) -> None:
        self.family, self.patch = family, patch

    # ------------------------------------------------------------ between two steps

    def enter(self, held: Tensor, call: Call) -> Tensor:
        """Latents as `scheduler.step` or a callback of the pipeline holds them → (b c f h w).

        Frames that are given, and so are never handed to a step, come from the call.
        """
        layout = self._of(held)
        inside = rearrange(held, f"{layout} -> {INSIDE}", **self._sizes(layout, call))
        missing = self._size(call)["f"] - inside.shape[2]
        if not missing:
            return inside
        given = self.inputs(call)[-len(inside) :, : inside.shape[1], :missing]
        return torch.cat([given.to(inside), inside], 2)

    def leave(self, latents: Tensor, like: Tensor) -> Tensor:
        """Latents (b c f h w) → as `like`, which `enter` took."""
        layout = self._of(like)
        if layout == INSIDE:
            return latents[:, :, -like.shape[2] :]
        return rearrange(latents, f"{INSIDE} -> {layout}")

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
        given = given_cells(call, before)
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
        return rearrange(output, f"{layout} -> b f c h w", **self._sizes(layout, call, self.patch))

    # ------------------------------------------------------------ sizes

    def _size(self, call: Call) -> dict[str, int]:
        """f, h, w of the latents of a call."""
        if self.family.grid and self.family.grid[0] in call:
            return dict(zip("fhw", (int(call[name]) for name in self.family.grid), strict=True))
        if self.family.places:
            places = call[self.family.places][0]  # (3 n), in the grid's order
            size = [len(axis.unique()) for axis in places]
            if prod(size) != places.shape[1] or (places[0].diff() < 0).any():
                raise BackboneError(
                    "expected tokens frame by frame; a picture for a later frame comes as tokens of its own "
                    "before them. Give pictures and clips at frame_index=0"
                )
            return dict(zip("fhw", size, strict=True))
        shape = parse_shape(call[self.family.latents], self.family.layout)
        return {axis: n for axis, n in shape.items() if axis in "fhw"}

    def _sizes(self, layout: str, call: Call, patch: Sequence[int] = (1, 1, 1)) -> dict[str, int]:
        """Sizes of the axes that a layout folds together, in tokens of this many frames, rows and columns."""
        folded = set("".join(re.findall(r"\((.*?)\)", layout)))
        size = {k: n // p for (k, n), p in zip(self._size(call).items(), patch, strict=True)}
        return {k: n for k, n in size.items() if k in folded}
