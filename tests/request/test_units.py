"""A number in another unit than it is read in is understood or refused, never taken in silence."""

from __future__ import annotations

import pytest

import moft
from moft.cli.options import points_of, requests_of
from moft.media.region_text import parse_region
from moft.request.drag import Drag
from moft.request.motion import Motion

SIZE = moft.ClipSize(8, 64, 64)


# ---------------------------------------------------------------- a speed behind a direction


@pytest.mark.parametrize(
    ("text", "direction", "speed"),
    [
        ("left, 1.43 px a frame (-1.42, +0.10)", "left", "1.43px"),
        ("left 2 px", "left", "2px"),
        ("left 2px a frame", "left", "2px"),
        ("up-right at 3% a frame", "up-right", "3%"),
        ("45° at 1.5px a frame", 45.0, "1.5px"),
        ("zoom in 2%", "zoom in", "2%"),
        ("zoom +2.00% a frame", "zoom in", "1%"),
        ("zoom -1.5% a frame", "zoom out", "0.75%"),
    ],
)
def test_what_measure_prints_is_read_wherever_a_direction_is(
    text: str, direction: str | float, speed: str
) -> None:
    wanted = Motion(direction, speed=speed)
    assert Motion(text) == Motion.from_json({"direction": text}) == Motion.from_text(text) == wanted
    assert requests_of(["motion"], {"motion": [text]}) == [wanted]


def test_what_a_request_says_of_itself_is_read_back() -> None:
    for motion in (Motion("left", speed="2px"), Motion(30, speed="2%"), Motion("zoom out", speed="1%")):
        assert Motion(str(motion)) == motion


def test_zoom_as_it_is_measured_grows_the_picture_by_as_much() -> None:
    assert Motion("zoom +2.00% a frame").scale(SIZE)[1] == pytest.approx(1.02)
    assert Motion("zoom -2.00% a frame").scale(SIZE)[1] == pytest.approx(1 / 1.02)


@pytest.mark.parametrize("text", ["left 2", "left, 2", "zoom in 0.02", "up right 3"])
def test_a_number_without_a_unit_behind_a_direction_is_refused_with_how_to_write_it(text: str) -> None:
    number = text.split()[-1]
    with pytest.raises(moft.RequestError, match=f"a unit behind the speed.* {number}px"):
        Motion(text)


def test_two_speeds_are_refused() -> None:
    with pytest.raises(moft.RequestError, match="one speed"):
        Motion("left 2px", speed="1px")


# ---------------------------------------------------------------- shares taken for px, px for sides


@pytest.mark.parametrize(
    "text",
    [
        "box:0.1,0.1,0.5,0.5",
        "box:0,0,1,1",
        "box:0,0,0.5,1",
        "polygon:0,0;1,0;0.5,1",
        "polygon:.1,.1;.9,.1;.9,.9",
    ],
)
def test_a_region_in_shares_is_refused_with_percent_as_the_remedy(text: str) -> None:
    with pytest.raises(moft.RequestError, match="look like shares, 0 to 1.*write 50% for 0.5"):
        parse_region(text)


@pytest.mark.parametrize(
    "text",
    ["box:0.5,0,32,1", "box:0px,0px,1px,1px", "box:0,0,50%,1", "polygon:0,0;2,0;0,2", "box:3,0,1,1"],
)
def test_a_region_that_can_only_be_in_px_is_read_so(text: str) -> None:
    assert parse_region(text).points


@pytest.mark.parametrize(
    "texts", [["0.3,0.5:0.6,0.5"], ["0,0:1,1"], ["0.5,0.5"], ["0.2,0.2:0.4,0.4", "0.9,0.9"]]
)
def test_points_in_shares_are_refused(texts: list[str]) -> None:
    with pytest.raises(moft.RequestError, match="look like shares of the picture"):
        Drag(points_of(texts))


@pytest.mark.parametrize("texts", [["0,0"], ["1,1:20,20"], ["0.5,0.5:3,0.5"], ["0.5,0.5", "30,30:40,40"]])
def test_points_that_can_only_be_in_px_are_taken(texts: list[str]) -> None:
    assert len(Drag(points_of(texts)).points) == len(texts)


@pytest.mark.parametrize("radius", [0.2, 0.99, 0, -1, float("nan"), 1e300])
def test_a_radius_in_shares_or_out_of_range_is_refused(radius: float) -> None:
    with pytest.raises(moft.RequestError, match="a radius of 1 to 16384 px"):
        Drag([[(10, 10), (20, 10)]], radius)


@pytest.mark.parametrize("path", [[(0, 0), (20, 0)], [(0, 0), (-12, 0), (0, 0)], [(0, 0), (0, 64)]])
def test_a_path_in_px_is_refused_once_the_side_is_known(path: list[tuple[float, float]]) -> None:
    with pytest.raises(moft.RequestError, match="not in px: divide px by 64"):
        Motion(path=path).displacement(SIZE)


def test_a_path_in_sides_is_in_sides() -> None:
    assert Motion(path=[(0, 0), (-0.5, 0)]).displacement(SIZE)[-1] == (-32, 0)
