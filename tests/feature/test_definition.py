"""The feature and its channels, against closed forms and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from moft.errors import RequestError
from moft.feature.definition import (
    ccr,
    motion_channels,
    motion_feature,
    pool,
    principal_components,
)
from moft.steering.carry import carried


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def test_the_feature_of_a_still_clip_is_zero():
    still = random(1, 1, 6, 4, 4).expand(2, 8, -1, -1, -1)
    assert ccr(still).abs().max() < 1e-6


def test_content_that_is_the_same_in_all_frames_does_not_count():
    clip, content = random(1, 8, 6, 4, 4), 10 * random(1, 1, 6, 4, 4)
    torch.testing.assert_close(ccr(clip + content), ccr(clip), atol=1e-5, rtol=0)


def test_reversing_time_negates_a_steady_displacement():
    ramp = torch.linspace(-1, 1, 8).view(1, 8, 1, 1, 1) * random(1, 1, 6, 4, 4)
    torch.testing.assert_close(ccr(ramp.flip(1)), -ccr(ramp))


def test_principal_components_agree_with_scikit_learn_and_have_a_fixed_sign():
    rows = random(50, 7) * torch.linspace(3, 0.2, 7)
    components, projections = principal_components(rows, 3)
    theirs = PCA(3).fit(rows.numpy())
    assert np.allclose(np.abs(components.numpy() @ theirs.components_.T), np.eye(3), atol=1e-4)
    assert all(row[row.abs().argmax()] > 0 for row in components)
    torch.testing.assert_close(principal_components(rows.flip(0), 3)[0], components, atol=1e-5, rtol=1e-4)
    assert projections.shape == (50, 3)


def test_channels_that_carry_the_pan_are_found():
    direction = torch.tensor([-1.0, 1.0]).repeat(20)[:, None]
    features = 0.1 * random(40, 25)
    features[:, [3, 11]] += direction
    assert motion_channels(features, share=2 / 25).tolist() == [3, 11]


def test_two_components_find_horizontal_and_vertical_channels():
    features = 0.1 * random(40, 20)
    features[:20, 4] += torch.tensor([-1.0, 1.0]).repeat(10)
    features[20:, 9] += torch.tensor([-0.8, 0.8]).repeat(10)
    assert motion_channels(features, 2 / 20, components=2).tolist() == [4, 9]


@pytest.mark.parametrize("share", [0, -0.1, 1.5, float("nan")])
def test_an_impossible_share_is_refused(share: float):
    with pytest.raises(RequestError, match="share"):
        motion_channels(random(10, 5), share)


def test_moft_keeps_the_chosen_channels_in_order():
    clip = random(1, 4, 6, 2, 2)
    torch.testing.assert_close(motion_feature(clip, torch.tensor([1, 5])), ccr(clip)[:, :, [1, 5]])


def test_pooling_over_a_region_ignores_the_rest():
    clip = torch.zeros(1, 2, 3, 4, 4)
    clip[..., :2] = 5.0
    left = torch.zeros(4, 4)
    left[:, :2] = 1
    assert torch.allclose(pool(clip, left), torch.full((1, 2, 3), 5.0))
    assert torch.allclose(pool(clip), torch.full((1, 2, 3), 2.5))


def test_a_frame_is_carried_where_a_path_takes_it_and_mirrored_at_the_edge():
    frame = torch.arange(12.0).reshape(1, 1, 1, 3, 4)
    found = carried(frame, [(0, 0), (1, 0), (0, -1), (-0.4, 2.6)])[0, 0]
    assert torch.equal(found[0], frame[0, 0, 0])
    assert torch.equal(found[1][:, 1:], found[0][:, :-1]) and torch.equal(
        found[1][:, 0], found[0][:, 1]
    )  # right
    assert torch.equal(found[2][:-1], found[0][1:]) and torch.equal(found[2][-1], found[0][1])  # up
    assert torch.equal(found[3], found[0][[1, 2, 1]])  # down by three cells: mirrored, and back again
