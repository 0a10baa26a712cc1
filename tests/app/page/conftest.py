"""One server and one browser for the tests of the page; a fresh tab with nothing stored for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser import Hand, app, chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def address(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with app(tmp_path_factory.mktemp("app") / "folder") as found:
        yield found


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Callable[..., Hand]]:
    """Opens a page in a context of its own; what its console said is looked at in the end."""
    made: list[Hand] = []

    def begin(view: str = "draw", **context: Any) -> Hand:
        context = {"viewport": {"width": 1280, "height": 800}} | context
        hand = Hand(browser.new_context(**context).new_page(), address)
        made.append(hand)
        hand.open(view)
        return hand

    yield begin
    for hand in made:
        hand.page.context.close()
        assert hand.console == []


@pytest.fixture
def hand(opened: Callable[..., Hand]) -> Hand:
    return opened()
