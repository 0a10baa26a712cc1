"""A field is made, resized, laid elsewhere and read off a clip as it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import carried, noise, zoomed

from moft.errors import RequestError
from moft.field.field import Field
from moft.field.shown import field_of
from moft.media.tensors import save_tensors
from moft.request.motion import Motion
from moft.types import ClipSize

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


def test_a_large_clip_is_read_in_fewer_cells_and_moves_as_far() -> None:
    small = carried(noise(), [(2 * i, -i) for i in range(4)])
    field = field_of(small.repeat(4, 1).repeat(5, 2)[:, :, :299])  # of sides that are no multiples
    assert field.weight.shape == (4, 128, 150) and field.weight.max() <= 1
    assert np.median(field.steps[:, :, :, 1] * 256) == pytest.approx(-4, abs=0.3)
    assert np.median(field.steps[:, :, :, 0] * 256) == pytest.approx(10, abs=0.6)


def test_a_cut_shows_no_motion() -> None:
    cut = np.random.default_rng(0).integers(0, 255, (4, 64, 64, 3), np.uint8)
    with pytest.raises(RequestError, match="found again from frame to frame"):
        field_of(cut)


# ---------------------------------------------------------------- one out of others


def field_of_steps(x: float, y: float, weight: float = 1, frames: int = 4) -> Field:
    """The same everywhere, 4 x 6 cells."""
    steps = np.zeros((frames - 1, 4, 6, 2)) + [x, y]
    return Field.of_steps(steps, np.full(steps.shape[:3], weight))


def test_fields_add_up_and_the_surer_counts() -> None:
    found = field_of_steps(0.02, 0, 0.3) + field_of_steps(0.01, -0.04, 0.8)
    np.testing.assert_allclose(found.steps, np.zeros((3, 4, 6, 2)) + [0.03, -0.04])
    assert (found.weight == 0.8).all()
    with pytest.raises(RequestError, match="fields of one shape to add"):
        field_of_steps(0, 0) + field_of_steps(0, 0, frames=5)


def test_a_pan_and_a_zoom_add_up_to_what_goes_both_ways() -> None:
    size = ClipSize(5, 64, 64)
    both = Field.of_motion(Motion("right 2px"), size) + Field.of_motion(Motion("zoom in", speed="1%"), size)
    assert both.steps[0, 0, 0] * 64 == pytest.approx([2 - 0.02 * 31.5, -0.02 * 31.5], abs=1e-5)


def test_a_region_of_a_field_counts_alone_and_stays_where_it_is() -> None:
    region = np.zeros((8, 12), np.float32)
    region[:4], region[4:, :6] = 1, 0.5
    found = field_of_steps(0.02, 0, 0.5).masked(region)
    assert (found.weight[:, :2] == 0.5).all() and (found.weight[:, 2:, :3] == 0.25).all()
    assert not found.weight[:, 2:, 3:].any()
    np.testing.assert_allclose(found.steps[..., 0], 0.02)
    late = np.zeros((4, 4, 6), np.float32)
    late[2:] = 1
    assert field_of_steps(0, 0).masked(late).weight[:, 0, 0].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("region", [np.ones((4,)), np.full((4, 6), 2.0), np.zeros((4, 6))])
def test_what_is_no_region_of_a_field_is_refused(region: np.ndarray) -> None:
    with pytest.raises(RequestError, match="that is not empty"):
        field_of_steps(0, 0).masked(region)


def test_faster_slower_and_the_other_way() -> None:
    field = field_of_steps(0.02, -0.01, 0.5)
    for factor in (2, 0.5, 0, -1):
        found = field.scaled(factor)
        np.testing.assert_allclose(found.steps, field.steps * factor, atol=1e-12)
        assert (found.weight == 0.5).all()
    for wrong in (float("nan"), float("inf"), None, "fast"):
        with pytest.raises(RequestError, match="a finite factor"):
            field.scaled(wrong)  # type: ignore[arg-type]


def test_backwards_is_as_a_clip_played_backwards() -> None:
    steps = np.zeros((3, 4, 6, 2))
    steps[:, ..., 0] = np.array([0.01, 0.02, 0.04])[:, None, None]
    sure = np.ones((3, 4, 6))
    sure[1:] = 0
    found = Field.of_steps(steps, sure).reversed()
    np.testing.assert_allclose(found.steps[:, 0, 0, 0], [-0.04, -0.02, -0.01])
    assert found.weight[:, 0, 0].tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(found.reversed().steps, steps)


def test_stretched_in_time_it_goes_as_far_at_another_speed() -> None:
    found = field_of_steps(0.02, 0, frames=4).stretched(7)
    assert found.displacement.shape == (7, 4, 6, 2)
    np.testing.assert_allclose(found.steps[..., 0], 0.01)


def test_what_is_cropped_is_told_in_sides_of_the_part() -> None:
    size = ClipSize(4, 60, 120)
    zoom = Field.of_motion(Motion("zoom in", speed="2%"), size)
    square, tall = zoom.cropped(16, 16), zoom.cropped(120, 60)
    assert square.weight.shape == (4, 60, 60) and tall.weight.shape == (4, 60, 30)
    np.testing.assert_allclose(
        square.steps, Field.of_motion(Motion("zoom in", speed="2%"), ClipSize(4, 60, 60)).steps
    )
    np.testing.assert_allclose(tall.steps[0, 30, 29] * 30, [0.04 * 14.5, 0.04 * 0.5], rtol=1e-5)
    assert zoom.cropped(30, 60).weight.shape == zoom.weight.shape


# ---------------------------------------------------------------- in a file


def test_a_field_comes_back_from_its_file(tmp_path: Path) -> None:
    field = field_of_steps(0.02, -0.01, 0.25)
    field.save(tmp_path / "new" / "a.safetensors")
    found = Field.load(tmp_path / "new" / "a.safetensors")
    np.testing.assert_allclose(found.displacement, field.displacement, atol=1e-8)
    assert np.array_equal(found.weight, field.weight)


@pytest.mark.parametrize(
    ("tensors", "kind", "words"),
    [
        ({}, "moft reference", "expected moft field, got moft reference"),
        ({"displacement": torch.zeros(4, 2, 2, 2)}, "moft field", "weight: expected it among the tensors"),
        ({"displacement": torch.zeros(4, 2, 2, 2).int()}, "moft field", "floats, got 32 of torch.int32"),
        ({"displacement": torch.zeros(4, 2, 2, 3)}, "moft field", "expected displacements"),
        (
            {"displacement": torch.full((4, 2, 2, 2), torch.nan)},
            "moft field",
            "expected finite displacements",
        ),
        ({"weight": torch.full((4, 2, 2), 2.0)}, "moft field", "expected weights in 0…1"),
    ],
)
def test_another_file_is_refused(
    tmp_path: Path, tensors: dict[str, torch.Tensor], kind: str, words: str
) -> None:
    whole = {"displacement": torch.zeros(4, 2, 2, 2), "weight": torch.ones(4, 2, 2)}
    held = tensors if "among the tensors" in words else whole | tensors
    save_tensors(tmp_path / "a.safetensors", held, {"kind": kind})
    with pytest.raises(RequestError, match=f"cannot use .*a.safetensors: .*{words}"):
        Field.load(tmp_path / "a.safetensors")
