"""A field in a file is laid out for a run: its frames, its picture, where it counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moft.errors import RequestError
from moft.field.field import Field
from moft.field.given import Given, read_shown
from moft.request.along import Along
from moft.request.motion import Motion
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)


def laid(path: Path, size: ClipSize = SIZE) -> tuple[Given, list[str]]:
    said: list[str] = []
    found = read_shown(Along(str(path)), size, said.append)
    assert isinstance(found, Given)
    return found, said


def kept(folder: Path, text: str, size: ClipSize) -> Path:
    Field.of_motion(Motion(text), size).save(folder / "a.safetensors")
    return folder / "a.safetensors"


def test_a_field_of_the_run_s_size_is_as_it_was_said(tmp_path: Path) -> None:
    found, said = laid(kept(tmp_path, "zoom in 2%", SIZE))
    assert not said and found.whole.weight.shape == (8, 64, 64)
    np.testing.assert_allclose(
        found.field().steps, Field.of_motion(Motion("zoom in 2%"), SIZE).steps, atol=1e-6
    )


def test_its_frames_are_spread_over_those_of_the_run(tmp_path: Path) -> None:
    path = kept(tmp_path, "right 1%", ClipSize(22, 16, 16))
    found, said = laid(path)
    assert said == [f"{path}: 22 frames resampled to 8, 2.8 times as fast"]
    np.testing.assert_allclose(found.whole.steps[..., 0], 0.03, rtol=1e-4)


def test_what_would_go_too_far_when_spread_is_taken_as_it_is(tmp_path: Path) -> None:
    path = kept(tmp_path, "right 5%", ClipSize(80, 16, 16))
    found, (said,) = laid(path)
    assert said.startswith(f"{path}: the first 8 of 80 frames are taken")
    np.testing.assert_allclose(found.whole.steps[..., 0], 0.05, rtol=1e-4)


def test_the_middle_of_a_wide_picture_is_taken_at_its_own_speed(tmp_path: Path) -> None:
    path = kept(tmp_path, "zoom in 2%", ClipSize(8, 64, 128))
    found, said = laid(path)
    assert said == [f"{path}: cropped to its middle, of the shape of 64 x 64 px"]
    np.testing.assert_allclose(
        found.whole.steps, Field.of_motion(Motion("zoom in 2%"), SIZE).steps, atol=1e-6
    )


def test_tracks_are_px_of_the_picture_that_is_made(tmp_path: Path) -> None:
    at = np.zeros((8, 3, 2)) + np.array([[10, 10], [30, 40], [50, 20]])
    at[..., 0] += 1.5 * np.arange(8)[:, None]
    np.save(tmp_path / "a.npy", at)
    found, said = laid(tmp_path / "a.npy")
    assert not said and found.whole.steps[0, 10, 10] * 64 == pytest.approx([1.5, 0], abs=0.01)
    np.save(tmp_path / "a.npy", at * 10)
    with pytest.raises(
        RequestError, match=r"a.npy: .*inside a picture of 64 x 64 px.*moft field FILE --size"
    ):
        laid(tmp_path / "a.npy")


def test_a_field_must_say_something_where_it_counts(tmp_path: Path) -> None:
    half = np.zeros((64, 64), np.float32)
    half[:, :32] = 1
    Field.of_motion(Motion("left"), SIZE).masked(half).save(tmp_path / "a.safetensors")
    found, _ = laid(tmp_path / "a.safetensors")
    assert found.field(half) is found.whole
    with pytest.raises(RequestError, match="says something where it counts"):
        found.field(1 - half)
    coarse = np.array([[1, 0, 0, 0]], np.float32)  # a region of another resolution, as an array may be
    assert found.field(coarse) is found.whole
    with pytest.raises(RequestError, match="says something where it counts"):
        found.field(np.repeat(coarse[None, :, ::-1], 3, 0))


def test_it_is_known_whether_anything_moves(tmp_path: Path) -> None:
    assert laid(kept(tmp_path, "still", SIZE))[0].still
    assert not laid(kept(tmp_path, "left", SIZE))[0].still
