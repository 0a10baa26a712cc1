"""The formulas of other systems' objectives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from moft.bench.ways.losses import (
    alignment_loss,
    cell_paths,
    low_frequencies,
    pairwise_loss,
    top_entries_loss,
)
from moft.request.motion import Motion
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)


def drift(step: float, *turn: float) -> torch.Tensor:
    """Means (1 8 3) of a clip whose feature goes `step` a frame in a direction."""
    way = torch.tensor(turn or (1.0, 0.0, 0.0))
    return (torch.arange(8.0)[:, None] * step * way)[None]


def test_pairwise_differences_see_the_direction_alone() -> None:
    """Not where the feature is, not how fast it goes; across it is 1, against it 2."""
    wanted = drift(1) + 5
    assert float(pairwise_loss(drift(0.1), wanted)) == pytest.approx(0, abs=1e-6)
    assert float(pairwise_loss(drift(1, 0, 1, 0), wanted)) == pytest.approx(1)
    assert float(pairwise_loss(drift(-3), wanted)) == pytest.approx(2)


def test_pairwise_differences_are_those_of_all_pairs() -> None:
    found, wanted = torch.randn(2, 5, 7), torch.randn(1, 5, 7)
    cosines = []
    for clip in found.numpy():
        for i in range(5):
            for j in range(i):
                a, b = clip[i] - clip[j], (wanted[0, i] - wanted[0, j]).numpy()
                cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert float(pairwise_loss(found, wanted)) == pytest.approx(1 - np.mean(cosines), abs=1e-5)


def test_only_the_largest_entry_of_each_query_counts() -> None:
    wanted = torch.tensor([[[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3]]])
    found = wanted.clone()
    found[..., 0, 1:] = 9
    assert float(top_entries_loss(found, wanted)) == 0
    found[..., 2, 1] += 0.6
    assert float(top_entries_loss(found, wanted)) == pytest.approx(0.36 / 3)


def waves(step: float) -> torch.Tensor:
    """Smooth features (1 8 2 16 16) that go `step` px to the right a frame, 4 px a cell."""
    x = torch.arange(16) * 4 + 1.5 - step * torch.arange(8)[:, None]
    return torch.stack([(x / 5).sin(), (x / 5).cos()], 1)[None, :, :, None].expand(1, 8, 2, 16, 16)


def test_features_that_go_as_wanted_are_aligned() -> None:
    paths = cell_paths(Motion("right", speed="2px"), SIZE, 16, 16)
    losses = [float(alignment_loss(waves(step), paths, SIZE)) for step in (2, 1.5, 1, 0)]
    assert losses[0] < 0.02 and losses == sorted(losses) and losses[-1] > 0.3
    features = waves(0).clone().requires_grad_()
    alignment_loss(features, paths, SIZE).backward()
    assert features.grad is not None and not features.grad[:, 0].any() and features.grad[:, 1:].any()


def test_cells_go_with_the_motion() -> None:
    right = cell_paths(Motion("right", speed="2px"), SIZE, 4, 8)
    assert right.shape == (32, 8, 2)
    assert right[:2, 0].tolist() == [[3.5, 7.5], [11.5, 7.5]] and right[0, 7].tolist() == [17.5, 7.5]
    zoom = cell_paths(Motion("zoom in", speed=0.05), SIZE, 2, 2) - 31.5
    np.testing.assert_allclose(zoom[:, 3], zoom[:, 0] * 1.1**3, rtol=1e-5)


def test_low_frequencies_keep_the_mean_and_halve_the_cutoff() -> None:
    x = torch.arange(16.0)
    flat, fine = torch.ones(16, 16), torch.cos(torch.pi * x).expand(16, 16)
    torch.testing.assert_close(low_frequencies(flat), flat)
    assert float(low_frequencies(fine).abs().max()) < 0.01
    edge = torch.cos(torch.pi / 2 * x).expand(2, 16, 16)  # half the highest frequency
    torch.testing.assert_close(low_frequencies(edge), edge / 2, atol=1e-5, rtol=0)
