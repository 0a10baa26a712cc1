"""Regions on the cells of a feature."""

import pytest
import torch

from moft.errors import RequestError
from moft.feature.definition import pool
from moft.feature.regions import at_cells, laid_over


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def test_a_region_of_another_size_is_refused():
    with pytest.raises(RequestError, match="cells"):
        pool(random(1, 2, 3, 4, 4), torch.ones(5, 5))


def test_a_region_at_cells_keeps_its_area_and_its_frames():
    region = torch.zeros(8, 8)
    region[2:5, 1:4] = 1
    small = at_cells(region, (3, 4, 4))
    assert small.shape == (4, 4) and small.mean() == region.mean() and small[1, 0] == 0.5
    moving = torch.stack([region, region, 0 * region, 0 * region])
    assert at_cells(moving, (2, 8, 8)).tolist() == torch.stack([region, 0 * region]).tolist()


def test_what_lies_in_one_region_is_laid_over_another():
    """As it is where both are of one size, stretched where not; what is elsewhere stays."""
    feature = random(1, 2, 3, 8, 8)
    here, there, large = torch.zeros(8, 8), torch.zeros(16, 16), torch.zeros(2, 8, 8)
    here[0:2, 0:4], there[8:12, 8:16], large[0, 0:4, 0:4], large[1, 0:4, 4:8] = (
        1,
        1,
        1,
        1,
    )  # seen in either frame
    laid = laid_over(feature, here, there)
    assert torch.equal(laid[..., 4:6, 4:8], feature[..., 0:2, 0:4])
    assert torch.equal(laid[..., :4, :], feature[..., :4, :]) and torch.equal(
        laid[..., 6:, :], feature[..., 6:, :]
    )
    wide = laid_over(feature, here, large)[..., :4, :]
    torch.testing.assert_close(wide[..., 0, 0], feature[..., 0, 0])
    assert wide.amin() >= feature[..., :2, :4].amin() and wide.amax() <= feature[..., :2, :4].amax()
    assert torch.equal(laid_over(feature, None, None), feature)
