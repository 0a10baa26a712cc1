"""Photographs to learn from, and those that are held out."""

from __future__ import annotations

from functools import cache

import numpy as np


@cache
def training_photographs() -> dict[str, np.ndarray]:
    """scikit-image's photographs by name, RGB uint8 (h w 3): to train, to choose and to fit on. None is among
    the held-out ones."""
    from skimage import data

    return {
        name: getattr(data, name)()
        for name in ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field")
    }


HELD_OUT_SEED = 987_654  # textures of this seed are never trained on


def held_out_photographs() -> list[np.ndarray]:
    """scikit-learn's two photographs: nothing in the project trains on them."""
    from sklearn.datasets import load_sample_images

    return list(load_sample_images().images)
