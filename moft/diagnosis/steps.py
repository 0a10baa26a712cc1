"""What one denoising step computes and keeps, and a gradient in it: counted with tensors that have no data.

To be called inside a `FakeTensorMode`, with a denoiser that was built there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from moft.models.hooks import frozen, run_until

if TYPE_CHECKING:
    from moft.models.calls import Call
    from moft.models.families import Family


def plain(model: Any, call: Call) -> None:
    """One call of the denoiser, nothing kept for gradients."""
    with torch.no_grad():
        model(**call)


def reading(model: Any, call: Call, layer: str) -> None:
    """The features of a clip: as far as the layer."""
    with torch.no_grad():
        run_until(model, layer, lambda: model(**call))


def gradient(model: Any, call: Call, family: Family, layer: str) -> None:
    """One update's gradient, by a call for the conditional branch: up to the feature layer, and back."""
    call[family.latents].requires_grad_(True)
    with frozen(model):
        output = run_until(model, layer, lambda: model(**call))
        (output[0] if isinstance(output, tuple) else output).float().square().mean().backward()


@contextmanager
def of_type(dtype: torch.dtype) -> Iterator[None]:
    """Inside, new tensors are of this type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def nothing_masked() -> Iterator[None]:
    """Inside, `torch.nonzero` is that of a mask which hides nothing: tensors without data cannot tell.

    Mochi looks up which of the prompt's tokens are masked."""
    usual = torch.nonzero

    def all_there(mask: Tensor, as_tuple: bool = False) -> Tensor:
        return torch.arange(mask.numel())[:, None]

    torch.nonzero = all_there  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.nonzero = usual
