"""Photographs to learn from and those that are held out are different ones."""

from __future__ import annotations

import numpy as np

from moft.known.photographs import held_out_photographs, training_photographs


def test_photographs_are_rgb_and_none_is_both_trained_on_and_held_out() -> None:
    training, held_out = training_photographs(), held_out_photographs()
    assert len(training) == 5 and len(held_out) == 2
    for photo in (*training.values(), *held_out):
        assert (
            photo.dtype == np.uint8
            and photo.ndim == 3
            and photo.shape[2] == 3
            and min(photo.shape[:2]) >= 256
        )
    assert not {photo.tobytes() for photo in training.values()} & {photo.tobytes() for photo in held_out}
