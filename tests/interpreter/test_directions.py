"""Directions told apart and curves that follow, on planted features whose answers are known."""

from __future__ import annotations

import torch
from planted import CHANNELS, planted_pans

from moft.interpreter.directions import best_channel, curve_correlations, direction_plane, separability
from moft.known.pans import WAYS


def test_separability_is_one_for_clear_directions_and_chance_for_none():
    direction, group = torch.arange(4).repeat(20), torch.arange(20).repeat_interleave(4)
    corner = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]])[direction]
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(80, 6, generator=rng)
    assert separability(torch.cat([5 * corner, 0.1 * noise], 1), direction, group) == 1
    assert separability(noise, direction, group) < 0.5


def test_directions_part_without_content_and_not_with_it():
    pans = planted_pans()
    clean, plain = direction_plane(pans, "ccr"), direction_plane(pans, "vanilla")
    assert clean.separability == 1 and clean.silhouette > 0.8
    assert plain.separability < 0.5 and len(clean.points) == 3 * len(WAYS)
    assert (clean.weights[:, :2].square().sum(1) > 0.99).all()


def test_a_channel_that_is_the_displacement_correlates_fully_and_content_does_not():
    table = curve_correlations(planted_pans())
    assert table[0, 0] > 0.99 and table[1, 1] > 0.99
    assert table[2:].abs().max() < 0.5 and table[0, 1].abs() < 0.3


def test_the_best_channel_is_chosen_on_photographs_on_which_it_is_not_scored():
    best = best_channel(planted_pans(), torch.arange(8))
    assert best.channel in (0, 1) and best.axis == best.channel and best.correlation > 0.99
    assert len(best.per_photo) == 3
    chance = best_channel(planted_pans(code=0.0), torch.arange(8))
    assert abs(chance.correlation) < 0.6


def test_a_curve_that_falls_with_the_displacement_correlates_negatively():
    pans = planted_pans(code=-1.0)
    assert best_channel(pans, CHANNELS).correlation < -0.99
