"""How many frames a second a clip has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moft.media.reading import reel

if TYPE_CHECKING:
    from moft.types import PathLike


def read_rate(path: PathLike) -> float | None:
    """Frames a second, as `read_video` gives them; None for a folder, a picture, and a file that is silent.

    Raises MediaError as `read_video` does."""
    with reel(path) as clip:
        return 1 / clip.step if clip.step and clip.length != 1 else None
