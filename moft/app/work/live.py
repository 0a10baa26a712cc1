"""What a run shows of itself while it goes on: its latents as colours.

The colour of a place follows its latent nearly linearly, so a matrix found once on photographs tells it: that
works for every model, costs nothing beside a step, and needs no decoder, which takes seconds on large ones.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from moft.feature.read import encode
from moft.media.frames import fit

if TYPE_CHECKING:
    from torch import Tensor

    from moft.feature.model import Model
    from moft.types import Floats, Picture

FILE = "live.jpg"
EVERY = 0.7  # seconds between two
_SIDE = 256  # px of the shorter side, as shown


class Live:
    """The live preview of one run, in a file of its folder."""

    def __init__(self, model: Model, out: Path) -> None:
        self.model, self.file = model, out / FILE
        self._number, self._shown = 0, 0.0

    def show(self, latents: Tensor) -> int:
        """Write the middle frame of latents (b c f h w) as a picture, unless one was just written; the number
        of the last one. A disk without room for it is no reason to stop; neither is a machine without the
        photographs."""
        if time.monotonic() - self._shown < EVERY or find_spec("skimage") is None:
            return self._number
        picture = coloured(latents, colours_of(self.model))
        passing = self.file.with_suffix(".passing")
        with suppress(OSError):
            _enlarged(picture).save(passing, "JPEG", quality=80)
            os.replace(passing, self.file)
            self._number += 1
        self._shown = time.monotonic()
        return self._number


_known: WeakKeyDictionary[Model, Floats] = WeakKeyDictionary()  # which keeps no model that is let go


def colours_of(model: Model) -> Floats:
    """(c+1 3): from a place's latent and a 1 to its colour in 0…1; found once a model."""
    if model not in _known:
        _known[model] = _fitted(model)
    return _known[model]


def _fitted(model: Model) -> Floats:
    """By least squares over photographs."""
    from PIL import Image

    from moft.known.photographs import training_photographs

    size, tap = model.size(), model.tap()
    photos = [Image.fromarray(photo) for photo in training_photographs().values()]
    still = np.stack([fit(photo, (size.height, size.width)) for photo in photos])
    latents = encode(tap, np.repeat(still[:, None], size.frames, 1))[:, :, 0]
    cell = tap.host.pixels_per_cell
    n, height, width = still.shape[:3]
    cells = still.reshape(n, height // cell, cell, width // cell, cell, 3).mean((2, 4)) / 255
    found: Floats = np.linalg.lstsq(_rows(latents), cells.reshape(-1, 3), rcond=None)[0]
    return found


def coloured(latents: Tensor, colours: Floats) -> Picture:
    """The middle frame of latents (b c f h w), a pixel a place: uint8 (h w 3)."""
    middle = latents[:1, :, latents.shape[2] // 2]
    seen = (_rows(middle) @ colours).reshape(*middle.shape[-2:], 3)
    return (seen * 255).round().clip(0, 255).astype(np.uint8)


def _rows(latents: Tensor) -> Floats:
    """(b c h w) → (b·h·w, c+1), the last a 1."""
    rows = latents.permute(0, 2, 3, 1).flatten(0, 2).float().cpu().numpy()
    return np.concatenate([rows, np.ones((len(rows), 1), rows.dtype)], 1)


def _enlarged(picture: Picture) -> Any:
    from PIL import Image

    height, width = picture.shape[:2]
    factor = max(_SIDE // min(height, width), 1)
    return Image.fromarray(picture).resize((width * factor, height * factor), Image.Resampling.BICUBIC)
