"""Preview and look are there at once: from the key that is pressed to what is seen."""

from __future__ import annotations

from statistics import median
from typing import Any

import pytest
from browser import Hand, wait_for_page

COUNT = 20
PREVIEW, LOOK = 200, 300  # ms, medians

# Notes when a key goes down and when an attribute of what is watched changes next.
WATCH = """([selector, attribute]) => {
  window.pressed = 0;
  window.taken = [];
  addEventListener("keydown", () => (window.pressed = performance.now()), true);
  const seen = new MutationObserver((all) => {
    if (!window.pressed || !all.some(({ target }) => target.matches(selector))) return;
    window.taken.push(performance.now() - window.pressed);
    window.pressed = 0;
  });
  seen.observe(document.body, { subtree: true, attributes: true, attributeFilter: [attribute] });
}"""


def taken(page: Any) -> list[float]:
    return list(page.evaluate("window.taken"))


def twenty(page: Any, press: Any) -> float:
    """The median of so many in one run, ms."""
    for i in range(COUNT):
        press(i)
        wait_for_page(page, lambda count=i: len(taken(page)) > count)
    print([round(one) for one in taken(page)])
    return median(taken(page))


@pytest.fixture
def clip(hand: Hand) -> str:
    """A plain clip to draw on and to look into; made once."""
    page = hand.page
    if page.locator("#draw-on option").count() < 2:
        page.get_by_label("Prompt", exact=True).fill("a red ball over blue cells")
        page.get_by_role("button", name="Make the plain clip").click()
        wait_for_page(page, lambda: page.locator("#draw-on").input_value() != "", 60)
    else:
        page.locator("#draw-on").select_option(index=1)
    return str(page.locator("#draw-on").input_value())


def test_a_change_of_the_drawing_is_previewed_at_once(hand: Hand, clip: str) -> None:
    page = hand.page
    hand.tool("b")
    hand.stroke((8, 20), (40, 52))
    hand.tool("a")
    hand.stroke((18, 34), (32, 34))
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("slider", name="Frame of the clip").fill("7")
    page.locator("[data-grip=to]").focus()
    page.evaluate(WATCH, [".sheet img", "src"])
    assert twenty(page, lambda i: hand.press("ArrowUp" if i % 4 < 2 else "ArrowRight")) <= PREVIEW


def test_a_point_lights_up_at_once_where_features_are_kept(hand: Hand, clip: str) -> None:
    page = hand.page
    page.goto(f"{hand.address}/#look/{clip}")
    page.get_by_text("Click on something").wait_for(timeout=60_000)
    page.locator("svg.look-over").focus()
    hand.press("Enter")
    page.locator(".strip canvas").first.wait_for()
    page.evaluate(WATCH, [".look-main canvas", "width"])

    def press(i: int) -> None:
        page.locator("svg.look-over").focus()
        hand.press("ArrowRight" if i % 4 < 2 else "ArrowDown", "Enter")

    assert twenty(page, press) <= LOOK
    assert page.locator(".strip canvas").count() == 8
