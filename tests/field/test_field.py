"""A field is made, resized, laid elsewhere and read off a clip as it says."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import carried, noise, zoomed

from moft.errors import RequestError
from moft.field.field import Field
from moft.field.shown import field_of

STEPS = np.zeros((3, 4, 6, 2)) + [0.02, -0.01]


def test_steps_add_up_to_displacements_against_their_mean() -> None:
    field = Field.of_steps(STEPS)
    assert field.displacement.shape == (4, 4, 6, 2) and np.all(field.weight == 1)
    np.testing.assert_allclose(field.displacement[:, 0, 0, 0], [-0.03, -0.01, 0.01, 0.03])
    np.testing.assert_allclose(field.steps, STEPS)


def test_a_step_that_is_unsure_leaves_the_frames_that_others_are_sure_of() -> None:
    sure = np.ones((3, 4, 6))
    sure[0, 0], sure[1:, 1] = 0, 0
    weight = Field.of_steps(STEPS, sure).weight
    assert weight[:, 0, 0].tolist() == [0, 1, 1, 1] and weight[:, 1, 0].tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("shape", [(7, 2, 3), (4, 8, 12), (2, 4, 6), (4, 3, 5)])
def test_the_same_everywhere_is_so_at_any_size_and_goes_as_far(shape: tuple[int, int, int]) -> None:
    found = Field.of_steps(STEPS).resized(*shape)
    assert found.displacement.shape == (*shape, 2) and np.allclose(found.weight, 1)
    gone = found.displacement[-1] - found.displacement[0]
    np.testing.assert_allclose(gone, np.broadcast_to([0.06, -0.03], gone.shape))


def test_what_is_unsure_does_not_count_in_a_mean() -> None:
    steps, sure = STEPS.copy(), np.ones((3, 4, 6))
    steps[:, :, ::2], sure[:, :, ::2] = 5, 0
    found = Field.of_steps(steps, sure).resized(4, 2, 3)
    np.testing.assert_allclose(found.steps, STEPS[:, :2, :3])
    np.testing.assert_allclose(found.weight, 0.5)


def test_a_region_is_laid_over_another() -> None:
    steps = np.zeros((3, 8, 8, 2))
    steps[:, :4, :4] = [0.02, 0]
    look, onto = np.zeros((8, 8), np.float32), np.zeros((16, 16), np.float32)
    look[:4, :4], onto[8:, :] = 1, 1
    found = Field.of_steps(steps).laid_over(look, onto)
    assert np.allclose(found.weight[:, 4:], 1) and not found.weight[:, :4].any()
    np.testing.assert_allclose(found.steps[:, 4:], np.zeros((3, 4, 8, 2)) + [0.02, 0])


@pytest.mark.parametrize(
    ("displacement", "weight", "words"),
    [
        (np.zeros((4, 2, 2)), np.ones((4, 2)), r"displacements \(f h w 2\)"),
        (np.zeros((1, 2, 2, 2)), np.ones((1, 2, 2)), "f ≥ 2"),
        (np.zeros((4, 2, 2, 2)), np.ones((4, 2)), "expected weights"),
        (np.full((4, 2, 2, 2), np.nan), np.ones((4, 2, 2)), "finite displacements"),
        (np.zeros((4, 2, 2, 2)), np.full((4, 2, 2), 2.0), "weights in 0…1"),
        (np.zeros((4, 2, 2, 2)), np.full((4, 2, 2), np.nan), "weights in 0…1"),
    ],
)
def test_what_is_no_field_is_refused(displacement: np.ndarray, weight: np.ndarray, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        Field(displacement, weight)


def test_a_pan_and_a_zoom_are_read_off_a_clip() -> None:
    pan = field_of(carried(noise(), [(2 * i, -i) for i in range(6)]))
    assert np.median(pan.steps * 64, (0, 1, 2)) == pytest.approx([2, -1], abs=0.1)
    assert pan.weight.mean() > 0.7
    zoom = field_of(zoomed(1.05)).resized(8, 4, 4).steps.mean(0) * 64
    assert zoom[0, 0] @ [-1, -1] > 0.8 and zoom[3, 3] @ [1, 1] > 0.8


def test_a_cut_shows_no_motion() -> None:
    cut = np.random.default_rng(0).integers(0, 255, (4, 64, 64, 3), np.uint8)
    with pytest.raises(RequestError, match="found again from frame to frame"):
        field_of(cut)
