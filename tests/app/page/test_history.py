"""History has every run, a page after the other."""

from __future__ import annotations

from typing import Any

from browser import Hand


def run(key: str, made: int) -> dict[str, Any]:
    return {
        "key": key,
        "kind": "steer",
        "state": "cancelled",
        "made": made,
        "title": f"clip {key}",
        "job": {"requests": [{"direction": "left"}]},
    }


def test_older_runs_are_asked_for_and_come_after_the_newer(hand: Hand) -> None:
    page = hand.page
    newest = {"runs": [run("b", 2)], "more": True, "worker": "up", "event": 0}
    page.route("**/api/runs", lambda route: route.fulfill(json=newest))
    page.route(
        "**/api/runs?before=b", lambda route: route.fulfill(json={"runs": [run("a", 1)], "more": False})
    )
    page.goto("about:blank")
    hand.open("history")
    page.get_by_role("button", name="Older runs").click()
    page.locator(".card", has_text="clip a").wait_for()
    assert page.locator(".card strong").all_inner_texts() == ["clip b", "clip a"]
    assert not page.get_by_role("button", name="Older runs").is_visible()
