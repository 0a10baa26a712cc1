"""Drawing: nothing is lost, all of it works by keyboard alone, and what is hidden is not asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from browser import Hand

BOX_AND_ARROW = {"direction": "right", "speed": "2px", "region": "box:10px,20px,24px,30px"}


def box_and_arrow(hand: Hand) -> None:
    hand.tool("b")
    hand.stroke((10, 20), (34, 50))
    hand.tool("a")
    hand.stroke((20, 30), (34, 30))


def rounded(request: dict[str, Any]) -> dict[str, Any]:
    """With px as whole numbers, as a hand does not hit them exactly."""
    kind, _, numbers = request["region"].partition(":")
    box = ",".join(f"{round(float(number[:-2]))}px" for number in numbers.split(","))
    return request | {"region": f"{kind}:{box}", "speed": f"{round(float(request['speed'][:-2]))}px"}


def test_a_box_and_an_arrow_are_one_request(hand: Hand) -> None:
    jobs = hand.jobs()
    box_and_arrow(hand)
    hand.page.get_by_label("Prompt", exact=True).fill("a red ball")
    job = hand.generate(jobs)
    assert [rounded(request) for request in job["requests"]] == [BOX_AND_ARROW]
    assert (job["prompt"], job["seed"], job["size"]) == (
        "a red ball",
        0,
        {"frames": 8, "width": 64, "height": 64},
    )
    assert [layer["name"] for layer in jobs[0]["drawing"]["layers"]] == ["Layer 1"]


def test_a_hidden_layer_is_not_asked(hand: Hand) -> None:
    jobs = hand.jobs()
    box_and_arrow(hand)
    hand.page.get_by_role("button", name="Hold still (S)").click()
    assert len(hand.generate(jobs)["requests"]) == 2
    hand.page.get_by_role("button", name="Hide Layer 2").click()
    assert len(hand.generate(jobs)["requests"]) == 1


def test_what_is_drawn_survives_a_reload_and_opens_in_a_second_tab(hand: Hand) -> None:
    box_and_arrow(hand)
    drawn = hand.layers
    hand.page.reload()
    hand.page.wait_for_selector(".layer-row")
    assert hand.page.evaluate("document.querySelectorAll('svg.drawing [data-layer]').length") == 1
    second = Hand(hand.page.context.new_page(), hand.address)
    second.open()
    second.tool("a")
    second.stroke((50, 10), (55, 20))
    assert second.layers[:1] == drawn
    assert len(second.layers) == 2
    assert hand.layers == drawn  # each tab draws its own


def test_every_step_can_be_undone_and_done_again(hand: Hand) -> None:
    box_and_arrow(hand)
    hand.press("c")
    seen = [hand.layers]
    hand.page.get_by_role("button", name="Remove Layer 1").click()
    seen.append(hand.layers)
    hand.tool("v")
    for _ in range(4):
        hand.press("Control+z")
    assert hand.layers == []
    for _ in range(3):
        hand.press("Control+Shift+z")
    assert hand.layers == seen[0]
    hand.press("Control+y")
    assert hand.layers == seen[1]


def test_a_grip_that_is_dragged_moves_what_it_holds(hand: Hand) -> None:
    box_and_arrow(hand)
    hand.stroke((34, 30), (40, 24))
    arrow = hand.layers[0]["motion"]
    assert (round(arrow["to"]["x"]), round(arrow["to"]["y"])) == (40, 24)
    before = hand.layers[0]["region"]
    hand.stroke((13, 45), (18, 47))  # inside the box
    after = hand.layers[0]["region"]
    assert (round(after["x"] - before["x"]), round(after["y"] - before["y"])) == (5, 2)
    assert after["width"] == before["width"]


def test_a_box_and_an_arrow_by_keyboard_alone(hand: Hand) -> None:
    jobs = hand.jobs()
    keys = hand.page.keyboard

    def focused() -> str:
        return str(hand.page.evaluate("document.activeElement.getAttribute('aria-label')"))

    hand.press("b", "f")
    assert focused().startswith("Drawing.")
    go(keys, right=-22, down=-12)  # from the middle, 32, 32
    hand.press("Enter")
    go(keys, right=24, down=30)
    hand.press("Enter")
    hand.press("a", "f")
    go(keys, right=-14, down=-20)
    hand.press("Enter")
    go(keys, right=14, down=0)
    hand.press("Enter")
    hand.press("Control+Enter")
    hand.page.wait_for_selector(".queue .run")
    assert jobs[0]["job"]["requests"] == [BOX_AND_ARROW]
    for _ in range(8):  # the grips come next
        hand.press("Tab")
        if focused().startswith("Layer 1, arrow, where it goes"):
            break
    hand.press("ArrowUp", "ArrowUp")
    assert focused().startswith("Layer 1, arrow, where it goes")
    assert hand.layers[0]["motion"]["to"] == {"x": 34, "y": 28}


def go(keys: Any, right: int, down: int) -> None:
    for count, there, back in ((right, "ArrowRight", "ArrowLeft"), (down, "ArrowDown", "ArrowUp")):
        for _ in range(abs(count) // 8):
            keys.press(f"Shift+{there if count > 0 else back}")
        for _ in range(abs(count) % 8):
            keys.press(there if count > 0 else back)


def test_a_key_is_set_at_another_frame_and_moved_in_time(hand: Hand) -> None:
    hand.tool("p")
    hand.click((10, 10), (50, 10))
    hand.press("Shift+Enter")
    hand.press(*["."] * 3)
    at = 10 + 40 * 3 / 7
    hand.stroke((at, 10), (at, 40))  # the ring is where it is now
    keys = hand.layers[0]["motion"]["keys"]
    assert [(key["frame"], round(key["y"])) for key in keys] == [(0, 10), (3, 40), (7, 10)]
    hand.page.get_by_role("button", name="Key of Path at frame 4").focus()
    hand.press("ArrowRight")
    assert [key["frame"] for key in hand.layers[0]["motion"]["keys"]] == [0, 4, 7]


def test_a_region_that_goes_its_own_way_keeps_a_key_a_frame(hand: Hand) -> None:
    box_and_arrow(hand)
    hand.page.get_by_label("The region", exact=True).select_option("keys")
    hand.page.get_by_role("slider", name="Frame of the clip").fill("7")
    hand.tool("v")
    hand.stroke((13, 45), (23, 45))
    layer = hand.layers[0]
    assert [(key["frame"], round(key["x"])) for key in layer["regionKeys"]] == [(0, 0), (7, 10)]
    assert round(layer["region"]["x"]) == 10


def test_the_wheel_shows_both_ways(hand: Hand) -> None:
    hand.page.get_by_role("button", name="Camera (C)").click()
    wheel = hand.page.locator("svg.dial").bounding_box()
    middle = (wheel["x"] + wheel["width"] / 2, wheel["y"] + wheel["height"] / 2)
    hand.page.mouse.move(*middle)
    hand.page.mouse.down()
    hand.page.mouse.move(middle[0] - 60, middle[1], steps=4)
    hand.page.mouse.up()
    assert hand.page.locator("dl .picture-way").inner_text().split("\n")[-1] == "goes left"
    assert hand.page.locator("dl .camera-way").inner_text().split("\n")[-1] == "pans right"
    assert hand.layers[0]["motion"]["camera"]["x"] < 0


def test_two_requests_for_the_whole_picture_are_told_before_they_are_sent(hand: Hand) -> None:
    hand.page.get_by_role("button", name="Camera (C)").click()
    hand.page.get_by_role("button", name="Hold still (S)").click()
    told = hand.page.locator(".problems").inner_text()
    assert "Layer 1 and Layer 2 all ask for the whole picture" in told
    assert hand.page.get_by_role("button", name="Generate").is_disabled()


def test_what_is_unfinished_is_told_calmly_and_what_is_wrong_in_red(hand: Hand) -> None:
    told = hand.page.locator(".problems li")
    assert told.all_inner_texts() == [
        "Nothing is asked yet. Draw an arrow on the picture, or set the camera."
    ]
    assert hand.page.locator(".problems .wrong").count() == 0
    hand.page.get_by_role("button", name="Camera (C)").click()
    hand.page.get_by_role("button", name="Hold still (S)").click()
    assert hand.page.locator(".problems .wrong").count() == 1


def test_texts_are_shown_as_texts(opened: Callable[..., Hand]) -> None:
    hand = opened()
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    dialogs: list[str] = []
    hand.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    hand.jobs()
    box_and_arrow(hand)
    name = hand.page.get_by_label("Name of the layer")
    name.fill(hostile)
    name.press("Enter")
    hand.page.get_by_label("Prompt", exact=True).fill(hostile)
    assert hand.page.locator(".panel h2", has_text="<img src=x").count() == 1
    assert hand.page.locator("body img[src=x], body script").count() == 0
    assert dialogs == []
