"""Photographs to learn from, and those that are held out."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moft.types import Picture


@cache
def training_photographs() -> dict[str, Picture]:
    """scikit-image's photographs by name, RGB uint8 (h w 3): to train, to choose and to fit on.

    None is among the held-out ones."""
    from skimage import data

    names = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field")
    return {name: getattr(data, name)() for name in names}


HELD_OUT_SEED = 987_654  # textures of this seed are never trained on


def held_out_photographs() -> list[Picture]:
    """scikit-learn's two photographs, RGB uint8 (h w 3): nothing in the project trains on them."""
    from sklearn.datasets import load_sample_images

    return list(load_sample_images().images)
