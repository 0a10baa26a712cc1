"""A pattern that was moved is found where it went."""

from __future__ import annotations

import pytest
import torch

from moft.feature.points import at_points, nearest
from moft.types import ClipSize

SIZE = ClipSize(4, 64, 96)  # 4 px a cell: 16 x 24 cells


def moved(step: tuple[int, int], seed: int = 0) -> torch.Tensor:
    """Random features (1 4 8 16 24) that go this many cells right and down a frame."""
    noise = torch.randn(8, 16, 24, generator=torch.Generator().manual_seed(seed))
    return torch.stack([noise.roll((step[1] * f, step[0] * f), (1, 2)) for f in range(4)])[None]


def test_a_feature_is_read_between_cells() -> None:
    x = torch.arange(24.0).expand(1, 4, 1, 16, 24)  # the column, at its centre
    at = torch.tensor([[[1.5, 1.5], [5.5, 30], [3.5, 7], [-0.5, 0]]])  # cells are centred at 1.5, 5.5, …
    assert at_points(x, at, SIZE)[0, 0, :, 0].tolist() == pytest.approx([0, 1, 0.5, 0], abs=1e-5)
    y = torch.arange(16.0)[:, None].expand(1, 4, 1, 16, 24)
    assert at_points(y, at.flip(-1), SIZE)[0, 0, :, 0].tolist() == pytest.approx([0, 1, 0.5, 0], abs=1e-5)


def test_each_frame_and_clip_is_read_at_its_own_place() -> None:
    features = torch.randn(2, 4, 8, 16, 24, generator=torch.Generator().manual_seed(1))
    cells = torch.tensor([[2, 3], [4, 5], [6, 7], [23, 15]])
    found = at_points(features, (cells * 4 + 1.5)[None], SIZE)
    for b in range(2):
        for f, (column, row) in enumerate(cells.tolist()):
            torch.testing.assert_close(found[b, 0, f], features[b, f, :, row, column], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("step", [(0, 0), (2, 0), (-1, 1), (0, -2)])
def test_a_moved_pattern_is_found_where_it_went(step: tuple[int, int]) -> None:
    points = torch.tensor([[49.5, 33.5], [37.5, 29.5]])  # cell centres that stay in the picture
    wanted = points[:, None] + 4.0 * torch.tensor(step) * torch.arange(4.0)[:, None]
    torch.testing.assert_close(nearest(moved(step), points, SIZE)[0], wanted, atol=1.0, rtol=0)


def test_it_is_found_between_cells() -> None:
    """A smooth bump that moves by a third of a cell a frame."""
    columns, rows = torch.meshgrid(torch.arange(24.0), torch.arange(16.0), indexing="xy")

    def bump(x: float, y: float) -> torch.Tensor:
        near = torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
        return torch.stack([near, 0.5 * torch.ones_like(near)])

    features = torch.stack([bump(10 + f / 3, 8 - f / 3) for f in range(4)])[None]
    found = nearest(features, torch.tensor([[41.5, 33.5]]), SIZE)[0, 0]
    wanted = 4 * torch.stack([10 + torch.arange(4) / 3, 8 - torch.arange(4) / 3], -1) + 1.5
    assert (found - wanted).abs().max() < 0.5  # an eighth of a cell: a parabola is no bump


def test_gradients_reach_the_features_at_the_points_alone() -> None:
    features = moved((1, 0)).requires_grad_()
    at_points(features, torch.full((1, 4, 2), 21.5), SIZE).sum().backward()
    touched = features.grad[0].abs().sum(1) > 1e-3  # (f h w)
    assert touched.nonzero().tolist() == [[f, 5, 5] for f in range(4)]
