"""A picture that a field takes along: what a motion would look like, without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from moft.optional import needs

if TYPE_CHECKING:
    from moft.field.field import Field
    from moft.types import Floats, Picture, Video

_ROUNDS = 8  # in which the place is found that a step leads from


def carried(picture: Picture, field: Field) -> Video:
    """The clip uint8 (f h w 3) that begins with a picture uint8 (h w 3) and goes as the field says.

    Each frame is taken from the picture itself, through all steps up to there, so that nothing blurs on the
    way; beyond the picture's edges they are repeated. What the field says little of, by its weight, stays.
    """
    needs("cv2")
    import cv2

    height, width = picture.shape[:2]
    fitted = field.resized(len(field.weight), height, width)
    sure = np.minimum(fitted.weight[:-1], fitted.weight[1:])[..., None]
    steps = (fitted.steps * sure * min(height, width)).astype(np.float32)
    here: Floats = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    back: Floats = np.zeros_like(here)  # way from each place to what is seen there in the picture
    clip: list[Any] = [picture]
    for step in steps:
        came = here
        for _ in range(_ROUNDS):  # from where a step leads here
            came = here - _at(step, came)
        back = came + _at(back, came) - here
        way = here + back
        clip.append(
            cv2.remap(picture, way[..., 0], way[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        )
    return np.stack(clip).astype(np.uint8)


def _at(values: Floats, places: Floats) -> Floats:
    """Of values (h w 2) those at places (h w 2) px, between pixels and beyond the edges too."""
    import cv2

    return np.asarray(
        cv2.remap(values, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )
