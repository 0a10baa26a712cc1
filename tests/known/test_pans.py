"""A camera over a still photograph, so that its content goes as asked."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import noise

from moft.known.pans import WAYS, pan, pan_motions, panned, pans, there_and_back
from moft.metrics.motion import followed, measure
from moft.request.motion import DIRECTIONS, Motion
from moft.types import ClipSize

SIZE = ClipSize(5, 32, 40)


@pytest.mark.parametrize(
    "motion", [Motion("left", speed="1px"), Motion("down-right", speed=0.04), Motion("zoom in")]
)
def test_the_content_goes_as_the_motion_says(motion: Motion) -> None:
    video = pan(noise(), motion, SIZE)
    assert video.shape == (5, 32, 40, 3) and video.dtype == np.uint8
    measured = measure(video)
    assert followed(measured, motion, SIZE)
    assert measured.inside == pytest.approx(motion.velocity(SIZE), abs=0.15)


def test_a_whole_pixel_is_exactly_the_neighbour() -> None:
    photo = noise()[:40, :52]
    motion = Motion("right", speed="1px")
    # Of a photograph just as large as the camera sees in all, so that a pixel of it is one of the clip.
    video = pan(photo[: 32 + 2, : 40 + 4 + 2], motion, SIZE, zoom=1)
    assert np.array_equal(video[1:, :, 1:], video[:-1, :, :-1])


def test_each_photograph_is_panned_eight_ways_at_each_speed_and_held_still() -> None:
    found = list(pans([noise(), noise(1)], SIZE, speeds=(0.02, 0.04)))
    assert len(found) == 2 * (1 + 2 * 8) and {video.shape for video, _ in found} == {(5, 32, 40, 3)}
    assert [str(motion.direction) for _, motion in found[:10]] == ["still", *DIRECTIONS, "right"]
    assert not np.ptp(found[0][0], axis=0).any()


def test_motions_are_the_ways_and_four_that_turn_back() -> None:
    motions = pan_motions(SIZE)
    assert [motion.direction for motion in motions[:5]] == list(WAYS) and len(motions) == 9
    for motion in motions[5:]:
        path = np.array(motion.displacement(SIZE))
        assert not path[0].any() and not path[-1].any() and np.abs(path[2]).max() == pytest.approx(0.07 * 32)
    assert there_and_back(1, -1, 0.5).path == ((0, 0), (0, -0.5), (0, 0))


def test_places_of_photographs_are_told_by_their_owner() -> None:
    clips, motions, owners = panned([noise(), noise(1)], SIZE, places=2)
    assert clips.shape == (36, 5, 32, 40, 3) and len(motions) == 36 and owners == [0] * 18 + [1] * 18
    again = panned([noise(), noise(1)], SIZE, places=2)[0]
    assert np.array_equal(clips, again)
