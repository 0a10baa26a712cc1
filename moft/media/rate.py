"""How many frames a second a clip has."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from moft.media.opening import DEMUXERS, demuxed, opened

if TYPE_CHECKING:
    from moft.types import PathLike


def read_rate(path: PathLike) -> float | None:
    """Frames a second, the mean over the clip: as its container says, or by how long a gif or webp shows each
    frame; None for a folder, a picture, and a file that does not say.

    Raises MediaError as `read_video` does."""
    if os.path.isdir(path):
        return None
    with opened(path) as (file, kind):
        if kind not in DEMUXERS:
            return _shown(file, kind)
        with demuxed(file, kind) as container:
            streams = container.streams.video
            rate = streams[0].average_rate or streams[0].guessed_rate if streams else None
            return float(rate) if rate else None


def _shown(file: object, kind: str) -> float | None:
    """Of an animation, by how long each of its frames is shown."""
    import PIL.Image

    with PIL.Image.open(file, formats=[kind]) as image:  # type: ignore[arg-type]
        count = getattr(image, "n_frames", 1)
        shown = 0.0
        for i in range(count):
            image.seek(i)
            shown += image.info.get("duration", 0)
    return 1000 * count / shown if count > 1 and shown > 0 else None
