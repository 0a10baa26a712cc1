"""What is drawn means to moft what it means on the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Hand

import moft
from moft.request.parse import read_request

SIZE = {"frames": 9, "width": 96, "height": 64}
CLIP = moft.ClipSize(9, 64, 96)
WHOLE = {"kind": "everywhere"}
LAYER: dict[str, Any] = {
    "id": "l1", "name": "One", "color": "#fff", "seen": True, "region": WHOLE, "way": "stays",
    "regionKeys": [], "span": None, "ease": "", "strength": 1, "steps": None,
}  # fmt: skip
ASK = """async ([layer, size]) => {
  const { requestOf } = await import("/static/draw/requests.js");
  const sent = [];
  const text = (blob) => new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.split(",")[1]);
    reader.readAsDataURL(blob);
  });
  const keep = async (blobs) => {
    sent.push(await Promise.all([blobs].flat().map(text)));
    return "u-1";
  };
  return [await requestOf(layer, size, { mask: keep, field: keep }), sent];
}"""
PLACES = """async ([keys, frames]) => {
  const { placeAt } = await import("/static/draw/timing.js");
  return Array.from({ length: frames }, (_, i) => placeAt(keys, i)).map(({ x, y }) => [x, y]);
}"""
RESTORED = """async ([requests, size]) => {
  const { layersOf } = await import("/static/draw/restore.js");
  const { requestOf } = await import("/static/draw/requests.js");
  return Promise.all(layersOf(requests, size).map((layer) => requestOf(layer, size, {})));
}"""


@pytest.fixture(scope="module")
def hand(browser: Any, address: str) -> Iterator[Hand]:
    """One page for all: nothing is drawn on it."""
    made = Hand(browser.new_page(), address)
    made.open()
    yield made
    made.page.close()
    assert made.console == []


def asked(hand: Hand, motion: dict[str, Any], **layer: Any) -> tuple[dict[str, Any], list[list[bytes]]]:
    """The request of a layer, and the files that are sent for it."""
    request, sent = hand.page.evaluate(ASK, [LAYER | {"motion": motion} | layer, SIZE])
    return request, [[base64.b64decode(one) for one in files] for files in sent]


@pytest.mark.parametrize("span", [None, [0.25, 0.75]])
@pytest.mark.parametrize("ease", ["", "in", "out", "in-out"])
def test_an_arrow_goes_from_its_tail_to_its_head(hand: Hand, span: Any, ease: str) -> None:
    arrow = {"kind": "arrow", "from": {"x": 20, "y": 40}, "to": {"x": 32.5, "y": 31}}
    request, _ = asked(hand, arrow, span=span, ease=ease)
    motion = read_request(request, "")
    assert isinstance(motion, moft.Motion)
    np.testing.assert_allclose(motion.displacement(CLIP)[-1], (12.5, -9), atol=0.02)


def test_a_path_is_where_its_keys_are_at_every_frame(hand: Hand) -> None:
    keys = [
        {"frame": 1, "x": 10, "y": 20},
        {"frame": 3, "x": 22, "y": 18, "ease": "in"},
        {"frame": 7, "x": 40, "y": 44, "ease": "in-out"},
    ]
    request, _ = asked(hand, {"kind": "path", "keys": keys})
    motion = read_request(request, "")
    assert isinstance(motion, moft.Motion)
    drawn = np.array(hand.page.evaluate(PLACES, [keys, 9]))
    np.testing.assert_allclose(np.array(motion.displacement(CLIP)), drawn - drawn[0], atol=1e-3)


def test_even_keys_stay_as_they_are(hand: Hand) -> None:
    keys = [{"frame": 0, "x": 10, "y": 20}, {"frame": 4, "x": 26, "y": 20}, {"frame": 8, "x": 10, "y": 20}]
    request, _ = asked(hand, {"kind": "path", "keys": keys})
    assert request == {"path": [[0, 0], [0.25, 0], [0, 0]]}


def test_a_camera_of_one_part_is_said_in_words(hand: Hand) -> None:
    still = {"x": 0, "y": 0, "zoom": 0, "turn": 0}

    def said(**parts: float) -> dict[str, Any]:
        return asked(hand, {"kind": "camera", "camera": still | parts})[0]

    assert said() == {"direction": "still"}
    assert said(x=-1.5) == {"direction": "left", "speed": "1.5px"}
    assert said(zoom=-3) == {"direction": "zoom out", "speed": "3%"}
    assert said(turn=2) == {"direction": "turn clockwise", "speed": "2deg"}


def test_a_camera_of_several_parts_is_a_field_that_moves_as_they_do(hand: Hand, tmp_path: Path) -> None:
    request, sent = asked(hand, {"kind": "camera", "camera": {"x": 1, "y": 0, "zoom": 2, "turn": 0}})
    assert request == {"field": "media:u-1"}
    file = tmp_path / "camera.json"
    file.write_bytes(sent[0][0])
    field = moft.read_field(file, (64, 96))
    words = (moft.Motion("right", speed="1px"), moft.Motion("zoom in", speed="2%"))
    pan, zoom = (moft.Field.of_motion(motion, CLIP).resized(*field.weight.shape) for motion in words)
    first = (field.steps - (pan + zoom).steps)[0] * CLIP.side
    assert np.abs(first).max() < 0.1  # px a frame


def test_points_are_counted_from_the_middle_of_the_first_px(hand: Hand) -> None:
    ways = [
        {"keys": [{"frame": 0, "x": 10.5, "y": 20.5}, {"frame": 8, "x": 30.5, "y": 12.5}]},
        {"keys": [{"frame": 0, "x": 50.5, "y": 50.5}]},
    ]
    request, _ = asked(hand, {"kind": "points", "points": ways, "radius": None})
    assert request == {"points": [[[10, 20], [30, 12]], [[50, 50]]]}


def test_a_region_that_goes_along_is_a_mask_a_frame_where_it_then_is(hand: Hand) -> None:
    from PIL import Image

    arrow = {"kind": "arrow", "from": {"x": 0, "y": 0}, "to": {"x": 16, "y": -8}}
    box = {"kind": "box", "x": 20, "y": 30, "width": 10, "height": 6}
    request, sent = asked(hand, arrow, region=box, way="along")
    assert request["region"] == "media:u-1"
    masks = [np.asarray(Image.open(io.BytesIO(one)).convert("L")) for one in sent[0]]
    assert len(masks) == 9
    for i, mask in enumerate(masks):
        rows, columns = np.nonzero(mask)
        np.testing.assert_allclose((columns.mean() + 0.5, rows.mean() + 0.5), (25 + 2 * i, 33 - i), atol=0.5)


def test_requests_come_back_as_layers_that_ask_the_same(hand: Hand) -> None:
    requests: list[dict[str, Any]] = [
        {"direction": "left", "speed": "1.5px", "region": "box:10px,12px,30px,20px", "strength": 2},
        {"direction": "up-right", "speed": "2px", "span": [0.25, 1], "ease": "in"},
        {"direction": "zoom in", "speed": "2%", "region": "polygon:1px,2px;30px,4px;20px,40px"},
        {"direction": "still", "region": "rest"},
        {"path": [[0, 0], [0.25, 0], [0, 0]], "region": "media:u-2"},
        {"like": "media:u-3#mover", "like_frames": [2, 6], "region": "rest"},
        {"field": "media:u-4", "steps": [0, 0.5]},
    ]
    assert hand.page.evaluate(RESTORED, [requests, SIZE]) == requests
    assert hand.page.evaluate(RESTORED, [[drag := {"points": [[[3, 4], [8, 9]], [[20, 20]]]}], SIZE]) == [
        drag
    ]
