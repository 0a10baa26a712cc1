"""What is refused of numbers that came out of a file or another program, and would steer to nowhere."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from moft.errors import RequestError

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)  # smaller ones cannot be reckoned with
MOST_CHANNELS = 2**20  # of a layer
MOST_GAIN = 1e4
MOST_SCALE = 1e6  # of features, and of strengths
MOST_SIDE = 2**14  # px or frames


def check_channels(channels: Tensor) -> None:
    """Raise RequestError unless these are indices (k,) of a layer's channels, int64, one or more, each
    once."""
    whole = channels.dtype == torch.int64 and channels.ndim == 1 and len(channels) > 0
    if not whole:
        got = f"{channels.dtype} {tuple(channels.shape)}"
        raise RequestError(f"channels: expected one or more indices (k,), int64, got {got}; find them anew")
    if not 0 <= int(channels.min()) <= int(channels.max()) < MOST_CHANNELS:
        got = f"{int(channels.min())}…{int(channels.max())}"
        raise RequestError(f"channels: expected indices in 0…{MOST_CHANNELS - 1}, got {got}; find them anew")
    if len(channels.unique()) < len(channels):
        raise RequestError("channels: expected each once, got one twice; find them anew")


def check_floats(name: str, tensor: Tensor, shape: tuple[int | None, ...]) -> None:
    """Raise RequestError unless this is a tensor of finite floats of this shape, where None is any extent
    from 1."""
    fits = tensor.ndim == len(shape) and all(
        have == want if want is not None else have > 0 for have, want in zip(tensor.shape, shape, strict=True)
    )
    if not fits or tensor.dtype not in FLOATS:
        words = " ".join("…" if extent is None else str(extent) for extent in shape)
        got = f"{tensor.dtype} {tuple(tensor.shape)}"
        raise RequestError(f"{name}: expected floats of shape ({words}), got {got}; find them anew")
    if not torch.isfinite(tensor).all():
        raise RequestError(f"{name}: expected finite numbers, got others among them; find them anew")


def check_number(name: str, value: float, least: float, most: float) -> None:
    """Raise RequestError unless this is a finite number in least…most."""
    if not isinstance(value, Real) or isinstance(value, bool) or not least <= float(value) <= most:
        raise RequestError(f"{name}: expected a finite number in {least:g}…{most:g}, got {value!r:.50}")


def check_place(layer: str, timestep: int) -> None:
    """Raise RequestError unless this names a submodule and a noise level, 0…1000."""
    if not isinstance(layer, str) or not layer:
        raise RequestError(f"layer: expected the name of a submodule of the denoiser, got {layer!r:.50}")
    check_number("timestep", timestep, 0, 1000)


def check_made(made: dict[str, Any]) -> None:
    """Raise RequestError for a provenance whose frames or size (height, width), if it says any, are none."""
    size = made.get("size") or []
    sides = size if isinstance(size, list | tuple) and len(size) in (0, 2) else [size]
    for name, value in [("made.frames", made.get("frames")), *(("made.size", side) for side in sides)]:
        if value is not None and not (type(value) is int and 1 <= value <= MOST_SIDE):
            raise RequestError(f"{name}: expected whole numbers in 1…{MOST_SIDE}, got {value!r:.50}")


def check_gain(name: str, value: float) -> None:
    """Raise RequestError unless targets can be enlarged by this: above 0, at most `MOST_GAIN`."""
    if not (isinstance(value, Real) and math.isfinite(value) and 0 < value <= MOST_GAIN):
        raise RequestError(f"{name}: expected a number above 0, at most {MOST_GAIN:g}, got {value!r:.50}")
