"""What is asked is made as the command line would make it, told step by step, and kept with its recipe."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from served import SMALL, a_desk, client, job, noise, png

import moft
from moft.app.desk import Desk
from moft.batch.store import PASSING

Studio = Any


@pytest.fixture(scope="module")
def made(studio: Studio) -> dict[str, Any]:
    """The steered run of the studio, with all that came of it."""
    with client(studio.desk) as page:
        key = next(run["key"] for run in page.get("/api/runs").json()["runs"] if run["kind"] == "steer")
        told: dict[str, Any] = page.get(f"/api/runs/{key}").json()
    return told


def test_a_run_is_told_with_its_outcome_recipe_and_files(made: dict[str, Any], desk: Desk) -> None:
    assert (made["state"], made["attempts"], made["error"]) == ("done", 1, None)
    assert made["drawing"] == {"layers": [1]} and made["recipe"]["prompt"] == SMALL["prompt"]
    assert [one["asked"] for one in made["outcome"]] == [
        "left at 3% a frame, in box:0,0,50%,100%",
        "right at 3% a frame, in rest",
    ]
    left, right = (one["arrow"] for one in made["outcome"])
    assert left["asked"] == pytest.approx([-0.96, 0]) and right["asked"] == pytest.approx([0.96, 0])
    assert left["at"] == [7.5, 15.5] and right["at"] == [23.5, 15.5]
    record = json.loads((desk.folder.runs / made["key"] / "clip.json").read_text())
    assert made["followed"] == record["followed"]
    assert left["steered"] == record["outcome"][0]["steered"]["motion"]["inside"]
    assert ["rate", "8 frames a second"] in made["words"]
    for one in made["outcome"]:
        assert bool(one["try"]) == (one["followed"] is False)


def test_the_clips_are_what_the_library_makes(made: dict[str, Any], desk: Desk, studio: Studio) -> None:
    """The same job, run in Python: the same frames, bit for bit."""
    again = moft.run(moft.load("miniature"), moft.Job.from_json(made["job"]))
    assert again.recipe.frames_digest == made["recipe"]["frames_digest"]
    shown = desk.shelf.frame(made["media"]["plain"], 3).astype(int)
    assert np.abs(shown - again.plain[3]).mean() < 12  # what the codec loses


def test_files_are_served_whole_in_part_and_to_be_kept(made: dict[str, Any], desk: Desk) -> None:
    with client(desk) as page:
        for kind, name in made["files"].items():
            whole = page.get(f"/api/runs/{made['key']}/files/{name}")
            assert whole.content == (desk.folder.runs / made["key"] / name).read_bytes(), kind
        part = page.get(f"/api/runs/{made['key']}/files/clip.mp4", headers={"Range": "bytes=4-7"})
        assert part.status_code == 206 and part.content == b"ftyp"
        kept = page.get(f"/api/runs/{made['key']}/files/clip.mp4?download=1")
        assert kept.headers["content-disposition"] == f'attachment; filename="{made["key"]}-clip.mp4"'
        for name in ("live.jpg", "drawing.json", "clip.wav", "..%2f..%2fjobs.sqlite"):
            assert page.get(f"/api/runs/{made['key']}/files/{name}").status_code == 404
        assert page.get(f"/api/runs/{made['key']}/live.jpg").status_code == 204  # it has ended
        assert page.get(f"/api/runs/{'0' * len(made['key'])}/live.jpg").status_code == 404
        frame = page.get(f"/api/media/{made['media']['steered']}/frames/0.png")
        assert frame.headers["content-type"] == "image/png" and "immutable" in frame.headers["cache-control"]
        assert page.get(f"/api/media/{made['media']['steered']}/frames/9.png").status_code == 404


def test_a_plain_clip_is_only_to_draw_on(desk: Desk) -> None:
    with client(desk) as page:
        key = next(run["key"] for run in page.get("/api/runs").json()["runs"] if run["kind"] == "plain")
        told = page.get(f"/api/runs/{key}").json()
        assert told["media"] == {"plain": f"{key}.plain"} and told["recipe"] is None
        assert page.get(f"/api/media/{key}.plain").json()["frames"] == 4
        assert page.get(f"/api/runs/{key}/export").status_code == 409


def test_the_model_is_told_and_so_is_what_a_run_would_take(desk: Desk) -> None:
    with client(desk) as page:
        model = page.get("/api/model").json()
        assert model["status"] == "ready" and model["size"] == {"frames": 8, "height": 64, "width": 64}
        assert model["starts_from"] == ["prompt"] and model["look"]["layer"] in model["layers"]
        first = page.post("/api/estimate", json={"job": job()}).json()
        twice = page.post("/api/estimate", json={"job": job(steps=6)}).json()
        assert first["seconds"] > first["plain_seconds"] > 0 and first["memory_mb"] > 50
        assert twice["seconds"] == pytest.approx(2 * first["seconds"])
        checked = page.post("/api/check", json={"job": {**job(), "image": "media:u-0123456789abcdef"}})
        assert checked.status_code == 404
        assert page.post("/api/check", json={"job": {**job(), "prompt": None}}).status_code == 400


def test_a_waiting_run_is_cancelled_tried_again_and_taken_away(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    with client(desk) as page:
        key = page.post("/api/runs", json={"job": job()}).json()["key"]
        assert page.post(f"/api/runs/{key}/retry").status_code == 409
        assert page.post(f"/api/runs/{key}/cancel").json()["state"] == "cancelled"
        assert page.post(f"/api/runs/{key}/cancel").status_code == 409
        assert page.post(f"/api/runs/{key}/retry").json()["state"] == "waiting"
        other = page.post(f"/api/runs/{key}/again", json={"seed": 5}).json()
        assert other["key"] != key and other["job"] == {
            **page.get(f"/api/runs/{key}").json()["job"],
            "seed": 5,
        }
        assert page.post(f"/api/runs/{key}/again").json()["job"]["seed"] == 0
        assert page.post(f"/api/runs/{key}/again", json={"seed": -1}).status_code == 400
        assert page.delete(f"/api/runs/{key}").status_code == 204
        assert page.get(f"/api/runs/{key}").status_code == page.delete(f"/api/runs/{key}").status_code == 404
        assert not (desk.folder.runs / key).exists()


def test_a_run_stays_as_long_as_another_waits_for_its_clip(studio: Studio) -> None:
    with client(studio.desk) as page:
        key = next(run["key"] for run in page.get("/api/runs").json()["runs"] if run["kind"] == "plain")
        assert page.delete(f"/api/media/{key}.plain").status_code == 404  # it goes with its run
        other = page.post("/api/runs", json={"job": job({"like": f"media:{key}.plain"})}).json()["key"]
        assert page.delete(f"/api/runs/{key}").status_code == 409
        assert page.delete(f"/api/runs/{other}").status_code == 204
        assert page.get(f"/api/media/{key}.plain").status_code == 200


def test_a_running_run_is_told_and_called_off_after_its_step(tmp_path: Path) -> None:
    desk, store = a_desk(tmp_path), a_desk(tmp_path).folder.jobs
    with client(desk) as page, store.worker() as me:
        key = page.post("/api/runs", json={"job": job()}).json()["key"]
        store.claim(me)
        store.event(key, PASSING, {"part": "steered", "index": 1, "count": 2, "live": 3})
        told = page.get(f"/api/runs/{key}").json()
        assert told["state"] == "running" and told["live"] == 3
        assert told["progress"]["part"] == "steered" and told["progress"]["done"] == 0.75
        assert page.delete(f"/api/runs/{key}").status_code == 409
        page.post(f"/api/runs/{key}/cancel")
        assert not store.wanted(key)
        store.stopped(key)
        assert page.get(f"/api/runs/{key}").json()["state"] == "cancelled"


def test_a_run_that_fails_says_why_and_what_to_do(studio: Studio) -> None:
    with client(studio.desk) as page:
        asked = {**job(), "size": {"frames": 4, "height": 33, "width": 32}}
        key = page.post("/api/runs", json={"job": asked}).json()["key"]
        studio.work()
        told = page.get(f"/api/runs/{key}").json()
        assert told["state"] == "failed" and told["media"] == {}
        assert "multiples of" in told["error"]["error"] and "33" in told["error"]["do"]
        assert page.delete(f"/api/runs/{key}").status_code == 204


def test_a_job_of_files_is_exported_with_them_and_found_again_when_dropped(
    studio: Studio, tmp_path: Path
) -> None:
    """Exported before or after it was made, the command line makes the same frames of it, bit for bit."""
    desk, mask = studio.desk, np.zeros((32, 32), np.uint8)
    mask[4:20, 4:20] = 255
    with client(desk) as page:
        given = page.post("/api/uploads", files={"file": ("m.png", png(mask))}, data={"kind": "mask"}).json()
        clip = {"file": ("c.png", png(noise()))}
        unused = page.post("/api/uploads", files=clip).json()["id"]
        asked = job({"direction": "up", "region": f"media:{given['id']}"})
        key = page.post("/api/runs", json={"job": asked}).json()["key"]
        assert page.delete(f"/api/media/{given['id']}").status_code == 409
        assert page.delete(f"/api/media/{unused}").status_code == 204
        before = zipfile.ZipFile(io.BytesIO(page.post("/api/job/export", json={"job": asked}).content))
        assert sorted(before.namelist()) == ["job.json", "manifest.jsonl", f"{given['id']}.png"]
        studio.work()
        told = page.get(f"/api/runs/{key}").json()
        assert told["state"] == "done" and told["job"]["requests"][0]["region"] == f"media:{given['id']}"
        after = zipfile.ZipFile(io.BytesIO(page.get(f"/api/runs/{key}/export").content))
        assert json.loads(after.read("job.json"))["frames_digest"] == told["recipe"]["frames_digest"]
        for name, archive in (("before", before), ("after", after)):
            archive.extractall(tmp_path / name)
            again = moft.replay(tmp_path / name / "job.json", tell=list[str]().append)
            assert again.recipe.frames_digest == told["recipe"]["frames_digest"]
            assert again.identical is (True if name == "after" else None)
        file = page.get(f"/api/runs/{key}/files/clip.mp4").content
        dropped = page.post("/api/drop", files={"file": ("mine.mp4", file)}).json()
        assert dropped["job"]["requests"] == told["job"]["requests"] and dropped["missing"] == []
        assert dropped["same_model"] and dropped["media"]["recipe"]
        assert page.post("/api/check", json={"job": dropped["job"]}).status_code == 200
        page.delete(f"/api/media/{given['id']}")
        without = page.post("/api/drop", files={"file": ("mine.json", after.read("job.json"))}).json()
        assert [one["name"] for one in without["missing"]] == [f"{given['id']}.png"]


def test_dragged_points_are_told_with_their_ways(studio: Studio) -> None:
    with client(studio.desk) as page:
        asked = job({"points": [[[8, 8], [14, 8]], [[24, 24]]]})
        key = page.post("/api/runs", json={"job": asked}).json()["key"]
        studio.work()
        told = page.get(f"/api/runs/{key}").json()
        assert told["state"] == "done", told["error"]
        first, second = told["outcome"]
        assert first["path"][0] == [8, 8] and first["path"][-1] == [14, 8] and len(first["path"]) == 4
        assert len(second["steered"]) == len(second["plain"]) == 4 and "px" in second["words"]
        assert told["scores"]["seconds"] > 0 and told["media"]["steered"]
        assert page.delete(f"/api/runs/{key}").status_code == 204


def test_what_was_learned_of_a_model_holds_for_the_next_server(studio: Studio, tmp_path: Path) -> None:
    desk = Desk(studio.desk.folder, studio.desk.shelf)
    desk.ask_facts()
    try:
        assert desk.model_told()["status"] == "ready" and a_desk(tmp_path).model_told()["status"] == "loading"
    finally:
        studio.work()


def test_history_comes_in_pages_newest_first(desk: Desk) -> None:
    with client(desk) as page:
        every = [run["key"] for run in page.get("/api/runs").json()["runs"]]
        assert every == sorted(every, reverse=True)
        first = page.get("/api/runs?limit=1").json()
        rest = page.get(f"/api/runs?before={every[0]}").json()
        assert [run["key"] for run in first["runs"]] == every[:1] and first["more"]
        assert [run["key"] for run in rest["runs"]] == every[1:] and not rest["more"]
        assert page.get("/api/runs?limit=0").status_code == 400
