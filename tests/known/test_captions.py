"""What a clip shows, in words."""

from __future__ import annotations

import pytest

from moft.known.captions import caption, motion_words
from moft.known.renderer import ClipMaker, World
from moft.miniature.model import WORDS


@pytest.mark.parametrize(
    ("motion", "words"),
    [
        ((0.2, 0.1), "still"),
        ((1, 0), "moving right slow"),
        ((0, 2), "moving down"),
        ((-2.5, -2.5), "moving up left fast"),
        ((3, 0, 1.02), "zooming in"),
        ((0, 0, 0.98), "zooming out"),
    ],
)
def test_a_motion_in_words(motion: tuple[float, ...], words: str) -> None:
    assert motion_words(*motion) == words


def test_a_caption_names_things_over_a_scene_and_their_motion_if_told() -> None:
    things = [("red", "ball", (0.0, 2.0)), ("green", "star", (0.0, 0.0))]
    assert caption("photo", []) == "photo"
    assert caption("blue cells", things) == "a red ball and a green star over blue cells"
    told = caption("blue cells", things, (-2, 0, 1))
    assert told == "a red ball moving down and a green star still over blue cells moving left"


def test_captions_in_use_never_name_motion_and_training_captions_always_do_where_asked() -> None:
    plain = ClipMaker(World(textures=4, photos=0, motion_words=0), 1).render(32).captions
    told = ClipMaker(World(textures=4, photos=0, motion_words=1), 1).render(32).captions
    words = {"moving", "still", "zooming", "left", "right", "up", "down"}
    assert not any(words & set(c.split()) for c in plain)
    assert all(words & set(c.split()) for c in told)
    assert all(set(c.split()) <= set(WORDS) for c in told)
