"""What is wanted of a run."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from moft.errors import RequestError

if TYPE_CHECKING:
    from moft.types import ClipSize

MAX_STEPS = 1000  # of denoising, and of updates in each


@dataclass(frozen=True)
class Scene:
    """What the pipeline is asked to show; the same for the plain and the steered run.

    Raises RequestError for a size, a seed or steps out of range.
    """

    prompt: str | None
    size: ClipSize
    negative_prompt: str | None = None
    seed: int = 0  # 0…2^63 - 1
    steps: int = 25  # of denoising, 1…MAX_STEPS
    guidance_scale: float | None = None  # None: the pipeline's own
    image: str | None = None  # file name of the first frame, for a pipeline that starts from one
    video: str | None = (
        None  # file name of a real clip that is to be steered: sampling starts from its inversion, without guidance
    )

    def __post_init__(self) -> None:
        for name, side in asdict(self.size).items():
            _within(name, side, 1, 2**14)
        _within(
            "bytes of video", 3 * math.prod(asdict(self.size).values()), 1, 2**31
        )  # what `read_video` reads
        _within("seed", self.seed, 0, 2**63 - 1)
        _within("steps", self.steps, 1, MAX_STEPS)
        if self.video is not None and (
            self.guidance_scale not in (None, 1) or self.negative_prompt is not None or self.image is not None
        ):
            raise RequestError(
                "expected a real clip to be steered without guidance, negative prompt and first frame; leave these out"
            )


def _within(name: str, value: float, least: float, most: float) -> None:
    if not (least <= value <= most and math.isfinite(value)):
        raise RequestError(f"expected a finite {name} in {least}…{most}, got {value!r:.50}")
