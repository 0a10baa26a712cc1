"""What likeness tells of motion, on planted features whose answers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from planted import CHANNELS, SIZE, planted
from sklearn.metrics import roc_auc_score

from moft.errors import RequestError
from moft.interpreter.similarity import (
    DESIGNS,
    Places,
    cell_of,
    curve_similarity,
    map_agreement,
    roc_auc,
    similarity,
)


def test_roc_auc_is_that_of_scikit_learn_ties_included():
    draw = np.random.default_rng(0)
    score, positive = draw.integers(0, 6, 200).astype(float), draw.random(200) < 0.3
    auc = roc_auc(torch.from_numpy(score), torch.from_numpy(positive))
    assert auc == pytest.approx(roc_auc_score(positive, score))
    assert roc_auc(torch.ones(3), torch.ones(3)) is None


def test_similarity_is_a_cosine_frame_by_frame():
    feature = torch.randn(2, 4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    alike = similarity(feature[0, :, :, 1, 2], feature)
    assert torch.allclose(alike[0, :, 1, 2], torch.ones(4)) and alike.abs().max() <= 1 + 1e-6
    expected = torch.cosine_similarity(feature[0, 3, :, 1, 2], feature[1, 3, :, 4, 0], dim=0)
    assert alike[1, 3, 4, 0] == pytest.approx(float(expected), abs=1e-6)
    assert curve_similarity(feature[0, :, :, 1, 2], feature)[0, 1, 2] == pytest.approx(1)


def test_similarity_tells_what_moves_the_same_way_only_once_content_is_gone():
    compared = places(*planted())
    scores = {name: compared.same_way(design, CHANNELS) for name, design in DESIGNS.items()}
    assert scores["moft"].auc > 0.97 and scores["moft"].correlation > 0.95
    assert scores["moft"].auc > scores["ccr"].auc > scores["vanilla"].auc
    assert abs(scores["vanilla"].auc - 0.5) < 0.1


def test_pairs_are_of_different_clips_and_a_still_set_has_no_score():
    feature, flow = planted(n=1)
    assert places(feature, flow).same_way(DESIGNS["ccr"], CHANNELS).pairs == 0
    still = places(feature, torch.zeros_like(flow)).same_way(DESIGNS["ccr"], CHANNELS)
    assert still.auc is None and still.correlation is None


@pytest.mark.parametrize("curves", [True, False])
def test_what_is_compared_is_the_same_however_many_clips_are_added_at_a_time(curves: bool) -> None:
    feature, flow = planted()
    whole, parts = places(feature, flow), Places(lambda _: flow, 0.5)
    for some in feature.split(3):
        parts.add(some)
    for design in DESIGNS.values():
        assert whole.same_way(design, CHANNELS, curves) == parts.same_way(design, CHANNELS, curves)


def test_places_hold_what_the_feature_has_there() -> None:
    feature, flow = planted()
    compared = places(feature, flow)
    drawn = compared._drawn[True]
    flat = feature.permute(0, 3, 4, 1, 2).flatten(0, 2)
    assert torch.equal(drawn.held[0], flat[drawn.start]) and torch.equal(drawn.held[1], flat[drawn.end])


def places(feature: torch.Tensor, flow: torch.Tensor) -> Places:
    compared = Places(lambda _: flow, 0.5)
    compared.add(feature)
    return compared


def test_a_heat_map_is_scored_against_the_flow_of_its_target():
    flow = torch.tensor([[[2.0, 0], [2, 0.2]], [[-2, 0], [0, 0]]])
    good = torch.tensor([[1.0, 0.9], [-1, 0]])
    assert map_agreement(good, flow, torch.tensor([1.0, 0]), 0.5).auc == 1
    assert map_agreement(-good, flow, torch.tensor([1.0, 0]), 0.5).auc == 0
    assert map_agreement(good, flow, torch.zeros(2), 0.5).auc is None


@pytest.mark.parametrize(("along", "told"), [(1, False), (2, True), (8, True), (15, False), (19, False)])
def test_a_map_has_no_auc_where_nearly_everything_goes_one_way(along: int, told: bool):
    flow = torch.tensor([[1.0, 0]] * along + [[-1.0, 0]] * (16 - along if along < 16 else 1))[:, None]
    found = map_agreement(torch.rand(flow.shape[:2]), flow, torch.tensor([1.0, 0]), 0.5)
    assert (found.auc is not None) is told and found.correlation is not None


def test_a_point_is_found_in_its_cell_and_refused_outside():
    feature = torch.zeros(1, 2, 1, 4, 8)
    assert cell_of((63, 0, 7), SIZE, feature) == (1, 0, 7)
    assert cell_of((0, 40, 0), SIZE, feature) == (0, 2, 0)
    for point in ((64, 0, 0), (0, -1, 0), (0, 0, 8), (math.nan, 0, 0)):
        with pytest.raises(RequestError, match="inside"):
            cell_of(point, SIZE, feature)
