"""References: what they hold, that pans pan, and that files are safe."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image

import moft
from moft.errors import RequestError
from moft.feature.read import inverted_features
from moft.feature.reference import ClipReading, FromClip, in_common_units
from moft.feature.statistics import Statistics, find_statistics
from moft.feature.target import Synthesised
from moft.known.pans import pan
from moft.known.photographs import held_out_photographs
from moft.models import loading
from moft.models.tap import Tap
from moft.request.motion import DIRECTIONS, Motion
from moft.steering.objective import follow
from moft.types import ClipSize

CLIP = ClipSize(8, 64, 64)


def statistics(**kwargs: Any) -> Statistics:
    """Channel 7 follows the displacement to the right, channel 9 downward, each up to ±1."""
    response = torch.tensor([[4.0, 0.0], [0.0, 4.0]])
    limits = torch.ones(2)
    return Statistics(
        torch.tensor([7, 9]), response, -limits, limits, "up_blocks.1", 300, "a model", **kwargs
    )


def target(motion: Motion, cells: int = 4) -> torch.Tensor:
    return Synthesised(motion, statistics()).at(torch.zeros(1, 8, 2, cells, cells), CLIP)


@pytest.mark.parametrize("name", DIRECTIONS)
def test_a_pan_of_a_photograph_moves_the_picture_content_as_named(name: str):
    motion = Motion(name, speed="2px")
    found = moft.measure(pan(load_sample_image("china.jpg"), motion, CLIP, zoom=2.0)).inside
    assert np.allclose(found, motion.velocity(ClipSize(8, 64, 64)), atol=0.25)


def test_a_zoom_of_a_photograph_zooms():
    found = moft.measure(pan(load_sample_image("china.jpg"), Motion("zoom in", speed="2%"), CLIP, zoom=2.0))
    assert found.zoom == pytest.approx(0.04, rel=0.25)


def test_a_still_pan_is_still():
    clip = pan(load_sample_image("flower.jpg"), Motion("still"), CLIP)
    assert (clip == clip[:1]).all()


def test_channels_follow_the_displacement_linearly_and_sum_to_zero():
    curve = target(Motion("right", speed=0.02))[0, :, :, 0, 0]
    steps = curve.diff(dim=0)
    assert torch.allclose(steps[:, 0], torch.full((7,), 4 * 0.02), atol=1e-5)
    assert steps[:, 1].abs().max() < 1e-6 and curve.sum(0).abs().max() < 1e-5


def test_opposite_directions_have_opposite_curves():
    assert torch.allclose(target(Motion("left")), -target(Motion("right")), atol=1e-5)
    assert torch.allclose(target(Motion("up")), -target(Motion("down")), atol=1e-5)


def test_the_curve_breaks_where_the_direction_changes():
    there_and_back = Motion(path=((0.0, 0.0), (0.14, 0.0), (0.0, 0.0)))
    steps = target(there_and_back)[0, :, 0, 0, 0].diff()
    assert (steps[:3] > 0).all() and (steps[4:] < 0).all()


def test_a_curve_stays_between_the_statistical_minimum_and_maximum():
    assert target(Motion("right", speed=0.5)).abs().max() == 1.0


def test_a_still_target_is_zero():
    assert target(Motion("still")).abs().max() == 0


def test_a_turn_carries_each_side_round():
    last = target(Motion("turn clockwise", speed="1deg"))[0, -1]
    top, right = last[:, 0].mean(-1), last[:, :, -1].mean(-1)
    bottom, left = last[:, -1].mean(-1), last[:, :, 0].mean(-1)
    along = [statistics().displacement(side) for side in (top, right, bottom, left)]
    for found, way in zip(along, ((1, 0), (0, 1), (-1, 0), (0, -1)), strict=True):
        assert torch.cosine_similarity(found, torch.tensor(way).float(), dim=0) > 0.95


def test_a_zoom_in_pushes_each_side_outward():
    last = target(Motion("zoom in", speed=0.02))[0, -1]
    right, down = last
    assert (right[:, -1] > 0).all() and (right[:, 0] < 0).all()
    assert (down[-1] > 0).all() and (down[0] < 0).all()


def test_speed_in_px_depends_on_the_size_of_the_clip():
    reference = Synthesised(Motion("right", speed="1px"), statistics())
    small, large = (reference.at(torch.zeros(1, 8, 2, 4, 4), ClipSize(8, n, n)) for n in (64, 128))
    assert torch.allclose(small, 2 * large, atol=1e-5)


def test_statistics_survive_a_round_trip(tmp_path: Path):
    before = statistics(made={"command": "moft channels", "frames": 8})
    before.save(tmp_path / "s.safetensors")
    after = Statistics.load(tmp_path / "s.safetensors")
    assert torch.equal(before.response, after.response) and after.made == before.made
    assert (after.layer, after.timestep, after.model) == (before.layer, before.timestep, before.model)
    assert list(tmp_path.iterdir()) == [tmp_path / "s.safetensors"]


def test_a_reference_survives_a_round_trip_and_is_no_statistics(tmp_path: Path):
    reference = FromClip(torch.randn(8, 2, 4, 4), torch.tensor([1, 2]), "up_blocks.1", 0.3, 300)
    reference.save(tmp_path / "r.safetensors")
    assert torch.equal(FromClip.load(tmp_path / "r.safetensors").value, reference.value)
    with pytest.raises(RequestError, match="expected moft statistics"):
        Statistics.load(tmp_path / "r.safetensors")


@pytest.mark.parametrize("content", [b"", b"not a tensor", pickle.dumps({"channels": [1]})])
def test_a_file_that_is_no_reference_is_one_clear_error(tmp_path: Path, content: bytes):
    path = tmp_path / "r.safetensors"
    path.write_bytes(content)
    with pytest.raises(RequestError, match="expected a safetensors file"):
        FromClip.load(path)


def test_a_missing_file_is_one_clear_error(tmp_path: Path):
    with pytest.raises(RequestError, match="cannot read"):
        Statistics.load(tmp_path / "nowhere.safetensors")


def test_a_reference_is_resampled_to_the_frames_and_cells_of_the_run():
    reference = FromClip(torch.randn(8, 2, 4, 4), torch.tensor([1, 2]), "up_blocks.1", 0.3, 300)
    found = reference.at(torch.zeros(1, 12, 2, 6, 6), ClipSize(12, 48, 48))
    assert found.shape == (1, 12, 2, 6, 6) and found.mean(1).abs().max() < 1e-5


def test_what_stands_still_is_compared_at_every_place_and_the_rest_by_quarters():
    pooled, kept = (
        FromClip(torch.zeros(8, 2, n, n), torch.tensor([1, 2]), "up_blocks.1", 0.3, 300) for n in (1, 4)
    )
    targets = [Synthesised(Motion(name), statistics()) for name in ("still", "left", "zoom in")]
    kinds = [follow(target, None, alone=True).kind for target in (*targets, pooled, kept)]
    assert kinds == ["position", "quadrants", "quadrants", "quadrants", "position"]


def test_inversion_is_deterministic_and_puts_the_scheduler_back(tiny_animatediff: Any):
    video = np.random.default_rng(0).integers(0, 255, (1, 8, 64, 64, 3), np.uint8)
    tap, scheduler = Tap(tiny_animatediff), tiny_animatediff.scheduler
    first, second = (inverted_features(tap, video, 80) for _ in range(2))
    assert torch.equal(first, second) and first.shape[:2] == (1, 8)
    assert tiny_animatediff.scheduler is scheduler


@pytest.mark.parametrize("per_position", [False, True])
def test_a_clip_played_backwards_is_read_as_the_same_backwards(
    tiny_animatediff: Any, tiny_statistics: Any, per_position: bool
) -> None:
    rng = np.random.default_rng(4)
    video, region = (
        rng.integers(0, 255, (8, 64, 64, 3), np.uint8),
        rng.uniform(0, 1, (8, 64, 64)).astype(np.float32),
    )

    def read(clip: np.ndarray, mask: np.ndarray) -> torch.Tensor:
        return moft.from_clip(
            tiny_animatediff,
            clip,
            statistics=tiny_statistics,
            region=None if per_position else mask,
            how=ClipReading(per_position, calibrated=False),
        ).value

    there, back = read(video, region), read(video[::-1], region[::-1].copy())
    torch.testing.assert_close(there, back.flip(0))
    assert not torch.allclose(there, back, rtol=0.1)


def test_what_a_clip_shows_is_solved_for_what_would_show_so() -> None:
    draw = torch.Generator().manual_seed(0)
    response, path = torch.randn(5, 2, generator=draw), torch.randn(1, 8, 2, generator=draw)
    zeros = torch.zeros(5)
    known = Statistics(torch.arange(5), response, zeros, zeros, "up_blocks.1", 300, "")
    answer = torch.tensor([[2.0, 0.3], [-0.5, 1.5]])  # along x: twice as much, and a little against y
    shown = path @ answer.T @ response.T
    torch.testing.assert_close(in_common_units(shown, answer, known), path @ response.T, atol=0.15, rtol=0.05)
    across = torch.linalg.qr(response, "complete").Q[:, 4]  # what no motion shows does not count
    torch.testing.assert_close(
        in_common_units(shown + across, answer, known), in_common_units(shown, answer, known)
    )
    as_read = path @ response.T
    torch.testing.assert_close(in_common_units(as_read, torch.eye(2), known), as_read)
    torch.testing.assert_close(
        in_common_units(as_read, torch.zeros(2, 2), known), as_read
    )  # no answer, no correction


@pytest.mark.parametrize("options", [{"per_position": True}, {"invert": True}])
def test_places_and_inverted_clips_are_asked_as_they_are_read(
    tiny_animatediff: Any, tiny_statistics: Any, options: dict[str, bool]
) -> None:
    video = np.random.default_rng(3).integers(0, 255, (4, 64, 64, 3), np.uint8)
    found = [
        moft.from_clip(
            tiny_animatediff,
            video,
            statistics=tiny_statistics,
            how=ClipReading(timestep=80, calibrated=c, **options),
        )
        for c in (True, False)
    ]
    assert torch.equal(found[0].value, found[1].value) and not found[0].made["calibrated"]


def test_a_clip_is_asked_at_its_own_speed_however_strongly_its_content_answers() -> None:
    miniature = loading.load_pipeline("miniature")
    known, size, clock = find_statistics(miniature), ClipSize(8, 64, 64), torch.arange(8) - 3.5
    errors = {True: list[float](), False: list[float]()}
    for photo, motion in itertools.product(
        held_out_photographs(), (Motion("left", speed="2px"), Motion("down", speed="1px"))
    ):
        video, asked = pan(photo, motion, size, zoom=2), torch.tensor(motion.velocity(ClipSize(8, 64, 64)))
        for calibrated, found in errors.items():
            value = moft.from_clip(miniature, video, how=ClipReading(calibrated=calibrated)).value[..., 0, 0]
            velocity = clock @ known.displacement(value) / clock.square().sum() * 64
            found.append(float((velocity - asked).norm() / asked.norm()))
    assert max(errors[True]) < 0.25
    assert sum(errors[True]) < sum(errors[False])


def test_a_clip_is_read_where_it_was_asked(tiny_animatediff: Any, tiny_statistics: Any) -> None:
    video = np.random.default_rng(3).integers(0, 255, (4, 64, 64, 3), np.uint8)
    left = np.repeat([[1.0, 0.0]], 2, 0).astype(np.float32)

    def read(per_position: bool = False, **where: Any) -> torch.Tensor:
        how = ClipReading(per_position, calibrated=False)
        return moft.from_clip(tiny_animatediff, video, statistics=tiny_statistics, how=how, **where).value

    whole, halves = read(), [read(region=region) for region in (left, 1 - left)]
    torch.testing.assert_close(read(region=np.ones((4, 64, 64), np.float32)), whole)
    torch.testing.assert_close(sum(halves) / 2, whole)
    assert not torch.allclose(halves[0], whole)
    here, there = read(per_position=True), read(per_position=True, region=left, onto=1 - left)
    half = here.shape[-1] // 2
    assert torch.equal(there[..., half:], here[..., :half]) and torch.equal(
        there[..., :half], here[..., :half]
    )
