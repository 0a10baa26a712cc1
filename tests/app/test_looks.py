"""A click lights up what is alike inside the model: as `moft explain` has it, from what was kept."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch
from served import client, noise, png

import moft
from moft.app.desk import Desk
from moft.app.inside import Inside, alike, from_own, noise_of
from moft.app.looks import Looks
from moft.interpreter.similarity import cell_of, similarity
from moft.interpreter.viewpoint import layer_batches
from moft.types import ClipSize

Studio = Any


def clips_of(desk: Desk) -> list[str]:
    return [
        f"{row.key}.{'steered' if row.note == 'steer' else 'plain'}"
        for row in desk.clips()
        if row.state == "done"
    ][:2]


def values(told: dict[str, Any]) -> Any:
    """The cosines of a map, (f h w)."""
    level = np.frombuffer(base64.b64decode(told["values"]), np.uint8).astype(float) / 127.5 - 1
    return level.reshape(told["frames"], told["rows"], told["columns"])


def test_a_click_tells_what_the_model_itself_says(studio: Studio) -> None:
    desk = studio.desk
    first, second = clips_of(desk)
    body = {"media": first, "others": [second], "point": [10, 12], "frame": 1}
    with client(desk) as page:
        asked = page.post("/api/look", json=body)
        assert asked.status_code == 202 and len(asked.json()["runs"]) == 2
        assert page.post("/api/look", json=body).json()["run"] == asked.json()["run"]  # asked once
        assert page.get(f"/api/look/{first}/frames/0.png").status_code == 404
        studio.work()
        told = page.post("/api/look", json=body).json()
        seen = page.post("/api/look", json={**body, "seen": True, "point": [20.5, 24.5], "frame": 2}).json()
        nothing = page.post("/api/look", json={**body, "point": None}).json()
        assert page.get(f"/api/look/{first}/frames/0.png").status_code == 200
        assert page.get(f"/api/look/{first}/frames/99.png").status_code == 400
    size, model = told["size"], moft.load("miniature")
    assert size == {"frames": 8, "height": 64, "width": 64} and nothing["maps"] == []
    assert seen["cell"] == told["cell"]  # clips of 32 px were seen at 64
    clip = Looks(desk).seen(first)
    video, layer = clip.video.numpy()[None], told["layer"]
    feature = next(layer_batches(model.pipe, video, told["timestep"], (layer,), noise_of(first)))[layer]
    kept = moft.Statistics.load(f"{moft.miniature_path()}/motion_channels.safetensors").channels
    exact = feature.index_select(2, kept)
    exact = exact - exact.mean(1, keepdim=True)
    _, row, column = cell_of((20.5, 24.5, 1), ClipSize(8, 64, 64), feature)
    assert told["cell"] == [row, column]
    source = exact[0, :, :, row, column]
    assert np.abs(values(told["maps"][0]) - similarity(source, exact)[0].numpy()).max() < 0.01
    assert [one["media"] for one in told["maps"]] == [first, second]
    assert values(told["maps"][0])[:, row, column].min() > 0.99


def test_motion_and_directions_are_read_once(studio: Studio) -> None:
    desk = studio.desk
    first = clips_of(desk)[0]
    with client(desk) as page:
        waits = page.get("/api/look/plane")
        page.post("/api/look", json={"media": first})
        studio.work()
        plane = page.get("/api/look/plane").json()
        motion = page.post("/api/look/motion", json={"media": first}).json()
        assert page.get("/api/look/plane?design=nothing").status_code == 400
    assert waits.status_code == 202 and plane["status"] == "ready"
    assert len(plane["points"]) == len(plane["way"]) and set(plane["way"]) == {
        "left",
        "right",
        "up",
        "down",
        "still",
    }
    assert plane["separability"] > 0.5
    flow = np.frombuffer(base64.b64decode(motion["values"]), "<f4")
    assert flow.size == motion["steps"] * motion["rows"] * motion["columns"] * 2
    assert np.isfinite(flow).all() and motion["how"] in ("read-out", "response")


def test_motion_of_a_pan_is_its_own(studio: Studio) -> None:
    """A photograph is panned to the left by 3 % of the side a frame, 1.92 px."""
    desk = studio.desk
    from moft.known.photographs import held_out_photographs

    with client(desk) as page:
        given = page.post("/api/uploads", files={"file": ("p.png", png(held_out_photographs()[0]))}).json()
        page.post("/api/look", json={"media": given["id"]})
        studio.work()
        motion = page.post("/api/look/motion", json={"media": given["id"]}).json()
    flow = np.frombuffer(base64.b64decode(motion["values"]), "<f4").reshape(-1, 2)
    assert np.median(flow, 0) == pytest.approx([-1.92, 0], abs=0.5)


def test_the_timestep_that_is_asked_is_that_which_is_taken(desk: Desk) -> None:
    """0 is one."""
    first = clips_of(desk)[0]
    usual = desk.loaded["look"]
    assert [desk.place(first, None, step).timestep for step in (0, 300, None)] == [0, 300, usual["timestep"]]
    assert desk.place(first, None, None).layer == usual["layer"]
    assert desk.place(first, None, None, content=True).layer == usual["content_layer"]


def test_a_clip_that_cannot_be_read_says_so_once(studio: Studio) -> None:
    desk = studio.desk
    with client(desk) as page:
        given = page.post("/api/uploads", files={"file": ("n.png", png(noise()))}).json()["id"]
        ask = {"media": given, "layer": "no such layer", "timestep": 20}
        assert page.post("/api/look", json=ask).status_code == 202
        studio.work()
        told = page.post("/api/look", json=ask)
        assert told.status_code == 400 and "no such layer" in told.text
        assert page.post("/api/look", json=ask).status_code == 202
        page.post("/api/runs/x/cancel")
        studio.work()


def test_a_point_is_found_again_in_what_the_model_sees() -> None:
    """A wide clip is cropped to its middle: its left edge is not seen."""
    own, seen = ClipSize(10, 100, 200), ClipSize(4, 50, 50)
    x, y, frame = from_own((99.5, 49.5), 9, own, seen)
    assert (x, y, frame) == pytest.approx((24.5, 24.5, 3))
    assert from_own((50, 0), 0, own, seen)[:2] == pytest.approx((0, 0), abs=0.3)
    with pytest.raises(moft.RequestError, match="cropped away"):
        from_own((10, 10), 0, own, seen)


def test_places_that_move_alike_are_alike() -> None:
    """A feature of two halves that go opposite ways."""
    feature = torch.zeros(3, 2, 2, 4)
    feature[:, 0, :, :2] = torch.tensor([-1.0, 0, 1])[:, None, None]
    feature[:, 0, :, 2:] = -feature[:, 0, :, :2]
    clip = Inside(
        feature,
        torch.tensor([0, 1]),
        torch.zeros(3, 16, 32, 3, dtype=torch.uint8),
        torch.zeros(2, 2, 4, 2),
        "",
        "",
    )
    cell, (found,) = alike([clip], (4.0, 4.0, 0.0), "moft")
    assert cell == (0, 0)
    assert torch.allclose(found[0], torch.tensor([[1.0, 1, -1, -1]] * 2)) and found[1].abs().max() == 0
    with pytest.raises(moft.RequestError, match="design"):
        alike([clip], (4.0, 4.0, 0.0), "nothing")
    with pytest.raises(moft.RequestError, match="point"):
        alike([clip], (40.0, 4.0, 0.0), "moft")
