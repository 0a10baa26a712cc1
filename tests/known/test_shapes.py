"""Shapes are where geometry puts them."""

from __future__ import annotations

import math

import pytest
import torch

from moft.known.shapes import COLOURS, SHAPES, shape_distance


def area(shape: str, radius: float) -> float:
    """In px², counted on a fine grid."""
    axis = torch.arange(-30, 30, 0.1)
    points = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
    number = torch.full(points.shape[:-1], SHAPES.index(shape))
    return float((shape_distance(points, number, torch.tensor(radius)) < 0).sum()) / 100


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("ball", math.pi * 144),
        ("square", (1.7 * 12) ** 2),
        ("cross", 2 * 24 * 0.72 * 12 - (0.72 * 12) ** 2),
        ("triangle", 3 * 3**0.5 * (0.6 * 12) ** 2),
    ],
)
def test_areas_are_those_of_geometry(shape: str, expected: float) -> None:
    assert area(shape, 12) == pytest.approx(expected, rel=0.01)


def test_a_star_has_five_tips_and_the_first_points_up() -> None:
    turns = torch.arange(360) * math.pi / 180
    rim = 9 * torch.stack(
        [turns.cos(), turns.sin()], -1
    )  # between the valleys and the tips of a star of 12 px
    inside = shape_distance(rim, torch.full((360,), SHAPES.index("star")), torch.tensor(12.0)) < 0
    assert (inside != inside.roll(1)).sum() == 10 and inside[270]  # y goes down, so that 270 degrees is up


def test_each_colour_runs_from_dark_to_bright() -> None:
    for dark, bright in COLOURS.values():
        assert all(0 <= low <= high <= 1 for low, high in zip(dark, bright, strict=True)) and sum(
            bright
        ) > sum(dark)
