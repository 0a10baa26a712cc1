"""Every kind of drawing is understood by the server: it is carried along, and nothing is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from browser import Hand, wait_for_page


def brush(hand: Hand) -> None:
    hand.tool("r")
    hand.stroke((12, 24), (26, 24), (26, 44))
    hand.tool("a")
    hand.stroke((20, 30), (30, 30))


def camera(hand: Hand) -> None:
    """Pan, zoom and roll at once: tracks."""
    hand.press("c")
    hand.page.locator("[data-key=pan]").fill("1.5")
    hand.page.locator("[data-key=pan]").press("Enter")
    hand.page.get_by_role("button", name="Zoom in", exact=True).last.click()
    hand.page.get_by_role("button", name="Roll", exact=True).click()


def region_along(hand: Hand) -> None:
    hand.tool("b")
    hand.stroke((10, 20), (34, 50))
    hand.tool("a")
    hand.stroke((20, 30), (32, 30))
    hand.page.get_by_label("The region", exact=True).select_option("along")


def points(hand: Hand) -> None:
    hand.tool("d")
    hand.stroke((20, 30), (32, 30))
    hand.click((50, 50))


@pytest.mark.parametrize("drawing", [brush, camera, region_along, points])
def test_a_drawing_is_previewed(hand: Hand, drawing: Callable[[Hand], None]) -> None:
    answers: list[Any] = []
    drawing(hand)
    hand.page.on("response", lambda answer: "/api/preview" in answer.url and answers.append(answer.status))
    hand.page.get_by_role("button", name="Preview").click()
    shown = hand.page.locator(".sheet img")
    wait_for_page(hand.page, lambda: (shown.get_attribute("src") or "").startswith("data:"), 60)
    assert answers == [200]
    assert hand.page.locator(".notice.wrong").count() == 0
