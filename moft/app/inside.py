"""What was read of a clip inside a model, and what a click asks of it: where it is alike. No model is needed
any more."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moft.errors import RequestError
from moft.feature.checks import check_channels, check_floats
from moft.interpreter.similarity import DESIGNS, cell_of, similarity
from moft.media.tensors import load_as, save_tensors
from moft.types import ClipSize

_KIND = "moft app look"
_TENSORS = ("feature", "channels", "video", "flow")
_NOTES = {"how": str, "note": str}


@dataclass(frozen=True, eq=False)
class Inside:
    """One clip as one layer sees it at one timestep.

    Raises RequestError for shapes that do not go together."""

    feature: Tensor  # (f c h w), plain
    channels: Tensor  # (k,) of the layer that follow motion
    video: Tensor  # uint8 (F H W 3), as the model saw it
    flow: Tensor  # (s h w 2), how each cell moves by the feature, px a frame of that video
    how: str  # of the flow: "read-out" or "response"
    note: str  # what was done to the clip to bring it to the model

    def __post_init__(self) -> None:
        check_floats("feature", self.feature, (None, None, None, None))
        check_channels(self.channels)
        check_floats("flow", self.flow, (None, *self.feature.shape[2:], 2))
        if self.video.dtype != torch.uint8 or self.video.ndim != 4 or self.video.shape[3] != 3:
            raise RequestError(
                f"expected a video uint8 (f h w 3), got {tuple(self.video.shape)}; read it again"
            )

    @property
    def size(self) -> ClipSize:
        """Of the clip as the model saw it."""
        return ClipSize(*self.video.shape[:3])

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return sum(getattr(self, name).nbytes for name in _TENSORS)

    def seen(self, design: str) -> Tensor:
        """The feature under a design of `DESIGNS`: (1 f c h w)."""
        return DESIGNS[design](self.feature[None], self.channels)

    def save(self, path: Path) -> None:
        """Write a safetensors file, whole or not at all."""
        tensors = {name: getattr(self, name) for name in _TENSORS}
        save_tensors(path, tensors, {"kind": _KIND, "how": self.how, "note": self.note})

    @classmethod
    def load(cls, path: Path) -> Inside:
        """What `save` wrote. Raises RequestError for anything else."""
        return load_as(cls, path, _KIND, _TENSORS, _NOTES)


def alike(
    clips: Sequence[Inside], point: tuple[float, float, float], design: str
) -> tuple[tuple[int, int], list[Tensor]]:
    """Where clips are like a point (x, y, frame) of the first one, px and frames of it as the model saw it:
    the point's cell (row, column), and of each clip cosines (f h w) in −1…1.

    Raises RequestError for a point outside the clip, and for a design that there is none of."""
    if design not in DESIGNS:
        raise RequestError(f"expected design among {', '.join(DESIGNS)}, got {design!r:.50}; leave it out")
    shown = [clip.seen(design) for clip in clips]
    _, row, column = cell_of(point, clips[0].size, shown[0])
    source = shown[0][0, :, :, row, column]
    return (row, column), [similarity(source, other)[0] for other in shown]


def from_own(point: Sequence[float], frame: int, own: ClipSize, seen: ClipSize) -> tuple[float, float, float]:
    """A point (x, y) px and frame of a clip at its own size → of its middle, as the model saw it.

    Raises RequestError for a point outside that."""
    scale = min(own.width / seen.width, own.height / seen.height)
    left, top = (own.width - seen.width * scale) / 2, (own.height - seen.height * scale) / 2
    x, y = (point[0] + 0.5 - left) / scale - 0.5, (point[1] + 0.5 - top) / scale - 0.5
    at = frame * (seen.frames - 1) / max(own.frames - 1, 1)
    last = (seen.width - 0.5, seen.height - 0.5)
    inside = -0.5 <= x < last[0] and -0.5 <= y < last[1]
    if not inside:
        raise RequestError(
            f"expected a point in the middle of the clip that the model sees, got {point[0]:g},{point[1]:g}, "
            "which is cropped away; click nearer to the middle"
        )
    return max(x, 0.0), max(y, 0.0), at


def noise_of(media: str) -> int:
    """The seed of the noise under which a clip is read: another one for each, as under one noise places are
    alike because they are the same place."""
    return 1 + sum(byte << (8 * i) for i, byte in enumerate(media.encode()[-3:]))


def in_bytes(values: Tensor) -> str:
    """Cosines as text: a byte each, 0 for −1 and 255 for 1, in base64."""
    level = ((values + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return base64.b64encode(level.contiguous().numpy().tobytes()).decode()


def in_floats(values: Tensor) -> str:
    """Numbers as text: float32, little endian, in base64."""
    return base64.b64encode(values.float().contiguous().numpy().astype("<f4").tobytes()).decode()


def frame_of(clip: Inside, number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """One frame uint8 (h w 3) as the model saw it. Raises RequestError for none of that number."""
    if not 0 <= number < len(clip.video):
        raise RequestError(f"expected a frame of 0…{len(clip.video) - 1}, got {number}; choose another")
    return clip.video[number].numpy()
