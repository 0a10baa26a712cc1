"""What objects look like: their colours and their shapes."""

from __future__ import annotations

import math

import torch

# Each colour runs from a dark to a bright tone: a texture keeps contrast and still reads as its colour.
COLOURS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "red": ((0.40, 0.02, 0.02), (1.00, 0.22, 0.18)),
    "orange": ((0.60, 0.22, 0.00), (1.00, 0.62, 0.12)),
    "yellow": ((0.60, 0.55, 0.00), (1.00, 0.98, 0.25)),
    "green": ((0.00, 0.25, 0.03), (0.25, 0.90, 0.30)),
    "blue": ((0.02, 0.05, 0.40), (0.22, 0.45, 1.00)),
    "purple": ((0.25, 0.02, 0.35), (0.75, 0.30, 0.95)),
    "white": ((0.68, 0.68, 0.68), (1.00, 1.00, 1.00)),
    "grey": ((0.28, 0.28, 0.28), (0.66, 0.66, 0.66)),
    "black": ((0.00, 0.00, 0.00), (0.26, 0.26, 0.26)),
}
SHAPES = ("ball", "square", "triangle", "cross", "star")
RADII = (10.0, 17.0)  # px, of objects


def shape_distance(p: torch.Tensor, shape: torch.Tensor, radius: torch.Tensor) -> torch.Tensor:
    """Signed distance in px (negative inside) of points p (… 2) px to shapes at (0, 0): (…).

    shape: their numbers in `SHAPES`. radius: px. Both broadcast.
    """
    x, y = p[..., 0], p[..., 1]
    ax, ay = x.abs(), y.abs()
    ball = torch.hypot(x, y) - radius
    square = torch.maximum(ax, ay) - 0.85 * radius
    triangle = torch.maximum(0.866 * ax + 0.5 * y, -y) - 0.6 * radius
    cross = torch.minimum(
        torch.maximum(ax - radius, ay - 0.36 * radius), torch.maximum(ay - radius, ax - 0.36 * radius)
    )
    angle = torch.atan2(y, x) + math.pi / 2
    # 0 at a tip, 1 between tips.
    spike = (torch.remainder(angle * 5 / (2 * math.pi) + 0.5, 1) - 0.5).abs() * 2
    star = torch.hypot(x, y) - radius * (1.15 - 0.68 * spike)
    distances = torch.stack([ball, square, triangle, cross, star], -1)
    return distances.gather(-1, shape[..., None].expand(*x.shape, 1))[..., 0]
