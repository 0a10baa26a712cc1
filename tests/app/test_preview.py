"""What is asked is shown as a run would be asked for it: in px of the clip, in its own time."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from served import noise

import moft
from moft.app.asked.preview import preview, small
from moft.field.asked import asked_flow

SIZE = moft.ClipSize(8, 64, 96)


def steps(*requests: Any, size: moft.ClipSize = SIZE, **how: Any) -> Any:
    return preview(requests, size, None, **how).steps


def test_arrows_are_px_a_frame_of_the_clip() -> None:
    assert np.allclose(steps(moft.Motion("left 2px")), (-2, 0), atol=1e-4)
    assert np.allclose(steps(moft.Motion("down", speed=0.03)), (0, 0.03 * 64), atol=1e-4)


@pytest.mark.parametrize("text", ["zoom in 2%", "turn clockwise 3deg"])
def test_zooms_and_turns_are_those_of_the_pixels(text: str) -> None:
    """Against the exact flow of every pixel, at the places of the arrows."""
    shown = preview([moft.Motion(text)], SIZE, None)
    x, y = shown.places.round().astype(int).T
    exact = asked_flow(moft.Motion(text), SIZE)[:, y, x]
    assert np.abs(shown.steps - exact).max() < 0.1 * np.abs(exact).max() + 0.05


def test_fewer_frames_show_the_whole_way() -> None:
    long = moft.ClipSize(81, 64, 96)
    shown = preview([moft.Motion("right 1px")], long, None, most=5)
    assert shown.at == (0, 20, 40, 60, 80) and len(shown.video) == 5
    assert np.allclose(shown.steps, (1, 0), atol=1e-3)


def test_a_picture_goes_as_far_as_it_is_asked() -> None:
    picture = noise(64, 96)
    shown = preview([moft.Motion("right 3px")], SIZE, picture)
    assert (shown.video[0] == picture).all()
    assert np.abs(shown.video[5, :, 15:].astype(int) - picture[:, :-15]).mean() < 3


def test_each_place_goes_by_the_request_that_counts_there() -> None:
    found = preview(
        [moft.Motion("left 2px", region="box:0,0,50%,100%"), moft.Motion("up 1px", region="rest")], SIZE, None
    )
    left = found.places[:, 0] < 40
    right = found.places[:, 0] > 56
    assert np.allclose(found.steps[:, left], (-2, 0), atol=1e-3)
    assert np.allclose(found.steps[:, right], (0, -1), atol=1e-3)


def test_points_take_along_what_lies_around_them() -> None:
    drag = moft.Drag((((20.0, 30.0), (41.0, 30.0)), ((80.0, 30.0),)), radius=12)
    found = preview([drag], SIZE, None)
    first, sure = found.steps[0], ~np.isnan(found.steps[0, :, 0])
    near = np.hypot(*(found.places - (20, 30)).T) < 8
    assert np.allclose(first[near & sure], (3, 0), atol=0.3) and (near & sure).any()
    stays = np.hypot(*(found.places - (80, 30)).T) < 8
    assert np.allclose(first[stays & sure], 0, atol=1e-6)
    assert not sure[found.places[:, 1] > 55].any()


def test_what_asks_nothing_shows_nothing() -> None:
    assert np.isnan(steps(moft.Motion("left", strength=0))).all()


def test_requests_that_contradict_each_other_are_refused_as_in_a_run() -> None:
    with pytest.raises(moft.RequestError, match="one request at most"):
        preview([moft.Motion("left"), moft.Motion("right")], SIZE, None)


def test_it_is_told_as_pictures_and_arrows() -> None:
    told = preview([moft.Motion("left", region="box:0,0,50%,100%")], SIZE, None).to_json()
    kind, _, data = told["frames"][0].partition(",")
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert (
        kind == "data:image/jpeg;base64"
        and picture.size == (told["width"], told["height"]) == small(SIZE)[::-1]
    )
    arrows = told["arrows"]
    assert len(arrows["steps"]) == 7 and len(arrows["steps"][0]) == len(arrows["places"])
    assert None in arrows["steps"][0] and [-1.92, 0.0] in arrows["steps"][0]
