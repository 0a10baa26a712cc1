"""Requests that are wrong in one place, made at random among good ones: one typed error, which names the
place."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import moft
from moft.errors import MoftError, RequestError
from moft.request.parse import read_requests
from moft.runs.outcome import lay_out
from moft.steering.settings import Settings
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)
BANDS = [f"box:0,{16 * i},64,16" for i in range(3)]  # where the good ones count; a fourth is free
FREE = "box:0,48,64,16"

NEGATIVE = st.floats(max_value=-1e-6, allow_nan=False, allow_infinity=False)
NO_NUMBER = st.sampled_from([math.nan, math.inf, -math.inf])
OUTSIDE = st.floats(min_value=1.001, max_value=1e6) | st.floats(min_value=-1e6, max_value=-0.001)
SHARES = (
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda pair: [max(pair), min(pair)])
    | OUTSIDE.map(lambda x: [0, x])
    | OUTSIDE.map(lambda x: [x, 1])
    | NO_NUMBER.map(lambda x: [0, x])
    | NO_NUMBER.map(lambda x: [x, 1])
)
POINT = st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(list)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Masks and clips that cannot be used, by name."""
    folder: Path = tmp_path_factory.mktemp("files")
    Image.new("L", (64, 64)).save(folder / "empty.png")
    Image.new("L", (64, 48), 255).save(folder / "other_size.png")
    (folder / "no_masks").mkdir()
    (folder / "text.png").write_text("no picture")
    noise = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3)).astype(np.uint8)
    moft.write_video(folder / "short.mp4", noise)
    moft.write_video(folder / "picture.gif", noise[:1])
    return {path.name: str(path) for path in folder.iterdir()} | {"gone.mp4": str(folder / "gone.mp4")}


def motion(**fields: Any) -> dict[str, Any]:
    return {"direction": "left", "region": FREE, **fields}


def wrong_motion(files: dict[str, str]) -> st.SearchStrategy[tuple[dict[str, Any], str]]:
    """One bad request, and what its error must name."""
    speeds = (
        NEGATIVE
        | NO_NUMBER
        | st.floats(min_value=1.001, max_value=1e9)
        | st.sampled_from(["nanpx", "-1px", "infpx", "150%", "fast", ""])
    )
    paths = (
        st.lists(POINT, max_size=1)
        | POINT.filter(any).map(lambda p: [p, [0, 0]])
        | NO_NUMBER.map(lambda x: [[0, 0], [x, 0]])
        | st.just([[0, 0], [1e9, 0]])
    )
    number = st.sampled_from(["nan", "inf", "x", "", "1e3", "--1"])
    boxes = (
        number.map(lambda n: f"box:{n},0,1,1")
        | st.floats(64, 1e5).map(lambda x: f"box:{x:.3f},0,5,5")
        | st.floats(-1e5, 0).map(lambda w: f"box:0,0,{w:.3f},5")
    )
    polygons = st.lists(st.integers(0, 9), max_size=2).map(
        lambda points: "polygon:" + ";".join(f"{p},{p}" for p in points)
    )
    masks = st.sampled_from([files[name] for name in ("empty.png", "other_size.png", "no_masks", "text.png")])
    frames = st.sampled_from([[0, 1], [3, 2], [-1, 4], [2, 9]])

    def like(**fields: Any) -> dict[str, Any]:
        return {"like": files["short.mp4"], "region": FREE, **fields}

    return st.one_of(
        speeds.map(lambda v: (motion(speed=v), "speed")),
        st.text(max_size=8).map(lambda t: (motion(direction=f"{t}wards"), "direction")),
        NO_NUMBER.map(lambda v: (motion(direction=v), "direction")),
        paths.map(lambda v: ({"path": v, "region": FREE}, "path")),
        (NEGATIVE | NO_NUMBER).map(lambda v: (motion(strength=v), "strength")),
        (NEGATIVE | NO_NUMBER).map(lambda v: (like(strength=v), "strength")),
        SHARES.map(lambda v: (motion(span=v), "span")),
        SHARES.map(lambda v: (motion(steps=v), "steps")),
        st.text(max_size=8).map(lambda t: (motion(ease=f"{t}!"), "ease")),
        (boxes | polygons | masks).map(lambda v: (motion(region=v), v)),
        masks.map(lambda v: (like(like_region=v), v)),
        boxes.map(lambda v: (like(like_region=v), v)),
        frames.map(lambda v: (like(like_frames=v), "short.mp4" if v == [2, 9] else "like_frames")),
        st.sampled_from(["gone.mp4", "picture.gif", "text.png"]).map(lambda v: (like(like=files[v]), v)),
        st.sampled_from(BANDS).map(lambda band: (motion(direction="right", region=band), "request")),
        st.just((motion(direction="right", region="box:0,0,100%,100%"), "request")),
        st.just(({"direction": "left", "speed": 0.1, "path": [[0, 0], [1, 1]]}, "direction or a path")),
        st.text(min_size=1, max_size=8).map(lambda t: (motion(**{f"no_{t}": 1}), f"no_{t}"[:10])),
    )


def ask(asked: list[dict[str, Any]]) -> Any:
    """As `moft steer --requests` and a replay do, up to the first sampled frame."""
    requests = read_requests(json.loads(json.dumps(asked)))
    return lay_out(requests, SIZE, lambda _: None)


@settings(max_examples=400, deadline=None)
@given(choices=st.data())
def test_a_bad_request_among_good_ones_is_one_error_that_names_it(
    files: dict[str, str], choices: Any
) -> None:
    good = [{"direction": "left", "region": band, "speed": "1px"} for band in BANDS]
    ask(good)
    bad, name = choices.draw(wrong_motion(files))
    at = choices.draw(st.integers(0, len(good)))
    with pytest.raises(MoftError) as error:
        ask([*good[:at], bad, *good[at:]])
    message = str(error.value)
    assert name in message or repr(name)[1:-1] in message, message
    assert "expected" in message and len(message) < 2000


@settings(max_examples=100, deadline=None)
@given(speed=st.floats(min_value=64.01, max_value=1e6), height=st.sampled_from([64, 128]))
def test_a_speed_beyond_the_picture_is_refused_once_its_size_is_known(speed: float, height: int) -> None:
    with pytest.raises(RequestError, match="speed.*64 px"):
        moft.Motion("left", speed=f"{speed}px").displacement(ClipSize(8, height, 64))


BAD_SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "steps": SHARES.map(tuple),
    "gradient_steps": st.integers(max_value=0),
    "step_size": NEGATIVE | NO_NUMBER,
    "keep": OUTSIDE | NO_NUMBER,
    "clip_frames": st.integers(max_value=0),
    "rule": st.text(max_size=8).map(lambda t: f"{t}?"),
    "loss": st.text(max_size=8).map(lambda t: f"{t}?"),
}


@settings(max_examples=200, deadline=None)
@given(choices=st.data())
def test_a_bad_setting_is_one_error_that_names_it(choices: Any) -> None:
    name = choices.draw(st.sampled_from(sorted(BAD_SETTINGS)))
    value = choices.draw(BAD_SETTINGS[name])
    build: Callable[..., Settings] = Settings
    with pytest.raises(RequestError, match=name):
        build(**{name: value})
