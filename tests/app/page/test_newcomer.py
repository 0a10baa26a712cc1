"""A newcomer's way through the page, from the command to the file that is dropped back."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import pytest
from browser import Hand, app, wait_for_page

MINUTES = 3
DROP = """([data, name]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type: "video/mp4" }));
  const how = { dataTransfer: carried, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new DragEvent("drop", how));
}"""


def test_from_the_command_to_the_file_that_is_dropped_back(browser: Any, tmp_path: Path) -> None:
    began = time.monotonic()
    with app(tmp_path / "folder") as address:
        hand = Hand(browser.new_page(viewport={"width": 1280, "height": 800}), address)
        page = hand.page
        hand.open()
        page.get_by_label("Prompt", exact=True).fill("a red ball over blue cells")
        page.get_by_role("button", name="Make the plain clip").click()
        wait_for_page(page, lambda: page.locator("#draw-on").input_value() != "", 60)
        box_and_arrow(hand)
        preview(hand)
        page.get_by_role("button", name="Generate").click()
        page.locator(".queue").get_by_role("link", name="Compare").click(timeout=120_000)
        page.wait_for_selector(".verdict p", timeout=20_000)
        assert page.locator(".pictures img").count() == 4
        file = tmp_path / "steered.mp4"
        download(hand, file)
        drop_back(hand, file)
        page.close()
    seconds = time.monotonic() - began
    assert hand.console == []
    assert {url.split("/")[2] for url in hand.asked if not url.startswith(("data:", "blob:"))} == {
        address.removeprefix("http://")
    }
    print(f"{seconds:.0f} s")
    assert seconds < 60 * MINUTES


def box_and_arrow(hand: Hand) -> None:
    hand.page.get_by_role("button", name="Box region (B)").click()
    hand.stroke((8, 20), (40, 52))
    hand.page.get_by_role("button", name="Direction arrow (A)").click()
    hand.stroke((18, 34), (32, 34))


def preview(hand: Hand) -> None:
    """The picture is carried along, and arrows say where."""
    hand.page.get_by_role("button", name="Preview").click()
    shown = hand.page.locator(".sheet img")
    wait_for_page(hand.page, lambda: (shown.get_attribute("src") or "").startswith("data:"))
    assert hand.page.locator(".asked-field .tip").count() > 4
    hand.page.get_by_role("button", name="Pause").click()


def download(hand: Hand, file: Path) -> None:
    hand.page.locator("summary", has_text="Download").first.click()
    with hand.page.expect_download() as coming:
        hand.page.get_by_role("link", name="Steered clip").click()
    coming.value.save_as(file)
    assert file.read_bytes()[4:8] == b"ftyp"


def drop_back(hand: Hand, file: Path) -> None:
    """The clip carries its recipe: it becomes the job that it was."""
    before = hand.layers
    hand.page.get_by_role("link", name="Draw", exact=True).click()
    hand.page.get_by_role("button", name="Remove Layer 1").click()
    assert hand.layers == []
    hand.page.evaluate(DROP, [base64.b64encode(file.read_bytes()).decode(), file.name])
    wait_for_page(hand.page, lambda: len(hand.layers) == 1)
    after = hand.layers[0]
    assert after["region"] == before[0]["region"]
    assert way(after) == pytest.approx(way(before[0]), abs=0.05)


def way(layer: dict[str, Any]) -> tuple[float, float]:
    tail, head = layer["motion"]["from"], layer["motion"]["to"]
    return head["x"] - tail["x"], head["y"] - tail["y"]
