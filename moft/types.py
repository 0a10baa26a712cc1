"""What every wing speaks of: the size of a clip, and arrays by what they hold.

The arrays' names serve annotations alone, so that a request can be made without loading numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    PathLike = str | os.PathLike[str]
    Video = npt.NDArray[np.uint8]  # (f h w 3), RGB, 0…255
    Picture = npt.NDArray[np.uint8]  # (h w 3), RGB, 0…255
    Mask = npt.NDArray[np.float32]  # (h w) or, for each frame, (f h w) in 0…1
    Flow = npt.NDArray[np.float32]  # (… h w 2), px a frame, x right, y down
    Floats = npt.NDArray[np.floating[Any]]
    Flags = npt.NDArray[np.bool_]
    Several = Sequence  # of a dataclass: given as a list too, kept as a tuple
else:

    class Several:
        """What a type checker takes for a sequence; who reads the hint as a program runs, for a tuple."""

        def __class_getitem__(cls, of: Any) -> Any:
            return tuple[of, ...]


@dataclass(frozen=True)
class ClipSize:
    """Size of a video: frames, height and width in px."""

    frames: int
    height: int
    width: int

    @classmethod
    def of(cls, video: Video) -> ClipSize:
        """The size of a clip (f h w 3)."""
        frames, height, width = video.shape[:3]
        return cls(frames, height, width)

    @property
    def side(self) -> int:
        """The shorter side in px."""
        return min(self.height, self.width)
