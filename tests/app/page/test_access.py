"""axe finds nothing serious in any view, light, dark or narrow; nothing needs a pointer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import Hand

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
VIEWS = ("draw", "compare", "look", "history")
SERIOUS = ("serious", "critical")


def axe() -> str:
    import axe_core_python

    return (Path(axe_core_python.__file__).parent / "axe.min.js").read_text("utf-8")


def faults(page: Any) -> list[str]:
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{fault['id']}: {node['html']:.200}"
        for fault in found["violations"]
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]


def drawn(hand: Hand) -> None:
    """All that can be on the page at once."""
    hand.tool("b")
    hand.stroke((8, 20), (40, 52))
    hand.tool("p")
    hand.click((18, 34), (32, 34), (40, 20))
    hand.press("Shift+Enter", "n", "c", "n", "l", "n", "d")
    hand.stroke((10, 10), (20, 12))
    hand.page.locator(".layer-row input").first.click()
    for summary in hand.page.locator("details:not([open]) > summary").all():
        if summary.is_visible():
            summary.click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing_serious(
    opened: Callable[..., Hand], scheme: str, viewport: dict[str, int]
) -> None:
    hand = opened(color_scheme=scheme, viewport=viewport)
    drawn(hand)
    hand.page.evaluate(axe())
    for view in VIEWS:
        hand.page.evaluate("(view) => (location.hash = view)", view)
        hand.page.locator(f".{view}-view").wait_for()
        assert faults(hand.page) == [], view
        assert hand.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view


@pytest.mark.parametrize("view", ["draw", "look"])
def test_a_phone_shows_one_column(opened: Callable[..., Hand], view: str) -> None:
    hand = opened(view, viewport=NARROW)
    for part in (".middle", ".side.right"):
        assert hand.page.locator(f".{view}-view {part}").bounding_box()["width"] == NARROW["width"]


def test_help_lists_the_keys_and_closes(hand: Hand) -> None:
    hand.press("?")
    dialog = hand.page.get_by_role("dialog", name="Keyboard")
    assert "Undo" in dialog.inner_text()
    hand.page.evaluate(axe())
    assert faults(hand.page) == []
    hand.press("Escape")
    dialog.wait_for(state="detached")


def test_the_switch_turns_dark_and_stays_so(opened: Callable[..., Hand]) -> None:
    hand = opened(color_scheme="light")
    hand.page.get_by_role("button", name="Dark colours").click()
    theme = "document.documentElement.dataset.theme"
    assert hand.page.evaluate(theme) == "dark"
    hand.page.reload()
    hand.page.wait_for_selector(".toolbar")
    assert hand.page.evaluate(theme) == "dark"


def test_all_views_are_reached_by_tab_alone(hand: Hand) -> None:
    seen: list[str] = []
    for _ in range(60):
        hand.press("Tab")
        seen.append(
            hand.page.evaluate(
                "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
            )
        )
    for name in ("To the content", "Draw", "History", "Box region (B)", "Preview", "New layer"):
        assert name in seen, seen
    assert any(name.startswith("Drawing.") for name in seen)
