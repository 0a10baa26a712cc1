"""What is drawn is stored within half a px of the clip, whatever its size, the screen and the zoom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from browser import Hand

WITHIN = 0.5  # px of the clip


def near(found: Any, drawn: Any) -> None:
    assert np.abs(np.asarray(found, float) - np.asarray(drawn, float)).max() <= WITHIN


def places(points: list[dict[str, float]]) -> list[tuple[float, float]]:
    return [(point["x"], point["y"]) for point in points]


def sized(hand: Hand, width: int, height: int) -> None:
    """Another size of the clip, as a person sets it."""
    hand.page.get_by_text("Size, steps and guidance").click()
    for part, value in (("width", width), ("height", height)):
        box = hand.page.get_by_role("spinbutton", name=f"Size, {part}")
        box.fill(str(value))
        box.press("Enter")
    assert (hand.size["width"], hand.size["height"]) == (width, height)


@pytest.mark.parametrize("size", [(64, 64), (832, 480)], ids=["64x64", "832x480"])
@pytest.mark.parametrize("density", [1, 2])
@pytest.mark.parametrize("zoom", [0, 3])
def test_boxes_brush_paths_and_points_are_stored_where_they_are_drawn(
    opened: Callable[..., Hand], size: tuple[int, int], density: int, zoom: int
) -> None:
    hand = opened(device_scale_factor=density)
    if size != (64, 64):
        sized(hand, *size)
    hand.tool("v")
    hand.press(*["+"] * zoom)
    left, top = visible(hand)
    unit = size[0] / 64 / 2  # half of what a 64th of the width is: small enough to be seen when zoomed

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x * unit, top + y * unit

    hand.tool("b")
    hand.stroke(at(4, 5), at(20, 15))
    hand.press("n")
    hand.tool("r")
    hand.stroke(at(10, 20), at(25, 22))
    hand.press("n")
    hand.tool("p")
    hand.click(at(6, 8), at(18, 12), at(24, 24))
    hand.press("Shift+Enter")
    hand.press("n")
    hand.tool("a")
    hand.stroke(at(8, 25), at(22, 11))
    hand.press("n")
    hand.tool("d")
    hand.stroke(at(12, 6), at(28, 18))
    hand.click(at(5, 28))
    box, brush, path, arrow, points = hand.layers
    region = box["region"]
    near((region["x"], region["y"]), at(4, 5))
    near((region["x"] + region["width"], region["y"] + region["height"]), at(20, 15))
    stroke = places(brush["region"]["strokes"][0]["points"])
    near((stroke[0], stroke[-1]), (at(10, 20), at(25, 22)))
    near(places(path["motion"]["keys"]), (at(6, 8), at(18, 12), at(24, 24)))
    near(places([arrow["motion"]["from"], arrow["motion"]["to"]]), (at(8, 25), at(22, 11)))
    dragged, stays = points["motion"]["points"]
    near(places(dragged["keys"]), (at(12, 6), at(28, 18)))
    near(places(stays["keys"]), [at(5, 28)])


def visible(hand: Hand) -> tuple[float, float]:
    """The first place of the clip that is in sight, px, as the zoom may hide the corner."""
    seen = hand.page.locator(".stage-scroll").bounding_box()
    box = hand.page.locator("svg.drawing").bounding_box()
    size = hand.size
    left = max(seen["x"] - box["x"], 0) / box["width"] * size["width"]
    top = max(seen["y"] - box["y"], 0) / box["height"] * size["height"]
    return left, top


def test_a_painted_mask_lies_where_it_was_painted(hand: Hand) -> None:
    hand.tool("r")
    hand.stroke((20, 30), (44, 30))
    mask = hand.page.evaluate(
        """async () => {
          const { canvasOf } = await import("/static/draw/masks.js");
          const { load } = await import("/static/ground/draft.js");
          const doc = load();
          const canvas = canvasOf(doc.layers[0].region, doc.size);
          return [...canvas.getContext("2d").getImageData(0, 0, 64, 64).data].filter((_, i) => i % 4 === 0);
        }"""
    )
    seen = np.asarray(mask).reshape(64, 64)
    assert set(np.unique(seen)) == {0, 255}
    rows, columns = np.nonzero(seen)
    # a line from 20 to 44 at 30, 8 px wide with round ends: its middle and its edges in px from the corner
    near((columns.mean() + 0.5, rows.mean() + 0.5), (32, 30))
    near((columns.min(), columns.max() + 1, rows.min(), rows.max() + 1), (16, 48, 26, 34))
