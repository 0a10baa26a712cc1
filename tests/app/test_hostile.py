"""What is sent to hurt is refused in words, or is text; the app goes on."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from served import a_desk, client, job, noise, png

from moft.app.desk import MOST_WAITING, Desk
from moft.app.guard import HEADERS

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
OUTSIDE = (
    "/etc/passwd",
    "../../../etc/passwd",
    "file:///etc/passwd",
    "http://evil.example/x.mp4",
    "media:../x",
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return a_desk(tmp_path)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../desk.py",
        "/static/%2e%2e/desk.py",
        "/static/..%2f..%2fcli/app.py",
        "/static//etc/passwd",
        "/api/media/..%2f..%2fjobs.sqlite",
        "/api/media/%2e%2e/file",
        "/api/media/u-0123456789abcdef/file",
        "/api/runs/..%2f..%2fetc/files/passwd",
        "/api/runs/../files/jobs.sqlite",
        "/api/look/..%2fjobs.sqlite/frames/0.png",
    ],
)
def test_no_file_leaves_that_was_not_given_or_made(desk: Desk, path: str) -> None:
    with client(desk) as page:
        answer = page.get(path)
    assert answer.status_code in (400, 404, 409)
    assert (
        b"root:" not in answer.content and b"SQLite" not in answer.content and b"import" not in answer.content
    )


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("where", ["like", "field", "region", "image", "video", "like_region", "inpaint"])
def test_a_job_names_no_file_but_the_page_s(desk: Desk, name: str, where: str) -> None:
    request: dict[str, Any] = {"direction": "left"}
    scene: dict[str, Any] = {}
    if where in ("image", "video", "inpaint"):
        scene[where] = name
    elif where == "like_region":
        request = {"like": "media:u-0123456789abcdef", "like_region": name}
    else:
        request = {"direction": "left", "region": name} if where == "region" else {where: name}
    with client(desk) as page:
        for path, extra in (
            ("/api/runs", {}),
            ("/api/runs", {"kind": "plain"} if scene else {}),
            ("/api/preview", {}),
            ("/api/check", {}),
            ("/api/job/export", {}),
        ):
            answer = page.post(path, json={"job": job(request, **scene), **extra})
            assert answer.status_code in (400, 404), (path, answer.text)
            assert "root:" not in answer.text
    assert desk.folder.jobs.counts()["queued"] == 0


BENT = [
    None, [], "x", 3, {}, {"requests": []}, {"requests": [{}]}, {"requests": [{"direction": 1e999}]},
    {"requests": [{"direction": "left", "speed": -1}]},
    {"requests": [{"direction": "left"}], "steps": 10**30},
    {"requests": [{"direction": "left"}], "size": {"frames": 10**9, "height": 8, "width": 8}},
    {"requests": [{"direction": "left"}] * 101}, {"requests": [{"direction": "left"}], "prompt": 3},
    {"requests": [{"direction": "left", "region": "box:1,2"}]}, {"requests": [{"points": [[["a", 1]]]}]},
    {"requests": [{"path": [[0, 0]] * 3 + [["x", "y"]]}]},
    {"requests": [{"direction": "left", "nonsense": 1}]},
    {"requests": [{"direction": "left"}], "settings": {"rule": "rm -rf"}}, {"requests": "left"},
]  # fmt: skip


@pytest.mark.parametrize("bent", BENT, ids=range(len(BENT)))
def test_a_job_that_is_none_is_refused_with_what_to_do(desk: Desk, bent: Any) -> None:
    with client(desk) as page:
        for path in ("/api/runs", "/api/preview", "/api/estimate", "/api/check", "/api/job/export"):
            content = json.dumps({"job": bent})
            answer = page.post(path, content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == 400, (path, answer.text)
            assert set(answer.json()) == {"error", "do", "where"} and "Traceback" not in answer.text
    assert desk.folder.jobs.counts()["queued"] == 0


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[1]", b'{"job": NaN}', b"[" * 1000, b'{"a":1,"a":2}']
)
def test_what_is_no_json_is_refused(desk: Desk, content: bytes) -> None:
    with client(desk) as page:
        for path in ("/api/runs", "/api/look", "/api/look/motion", "/api/preview"):
            answer = page.post(path, content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == 400, path
        form = page.post("/api/runs", content=b'{"job": 1}', headers={"Content-Type": "text/plain"})
        assert form.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"media": 3}, {"media": "x"}, {"media": "u-0123456789abcdef", "point": [1]}, {},
        {"media": "x", "others": ["x"] * 9}, {"media": "x", "frame": "y"}, {"media": "x", "timestep": 5000},
    ],
)  # fmt: skip
def test_a_look_that_is_none_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    with client(desk) as page:
        assert page.post("/api/look", json=body).status_code in (400, 404, 409)
        assert page.post("/api/look/motion", json={"media": 1}).status_code == 400


def test_script_in_names_and_prompts_is_text(desk: Desk) -> None:
    with client(desk) as page:
        given = page.post("/api/uploads", files={"file": (SCRIPT + ".png", png(noise()))})
        assert given.status_code == 201 and given.headers["content-type"] == "application/json"
        run = page.post("/api/runs", json={"job": job(prompt=SCRIPT)}).json()
        assert run["title"] == run["job"]["prompt"] == SCRIPT
        told = page.get(f"/api/media/{SCRIPT}")
        assert told.status_code == 404 and told.headers["content-type"] == "application/json"
        kept = page.get(f"/api/media/{given.json()['id']}/file")
        assert kept.headers["content-disposition"].startswith('attachment; filename="u-')
        assert kept.headers["content-type"] == "application/octet-stream"


def test_two_hundred_jobs_at_once_are_queued_or_refused(desk: Desk) -> None:
    found: Counter[int] = Counter()
    with client(desk) as page:

        def ask() -> None:
            for _ in range(20):
                found[page.post("/api/runs", json={"job": job()}).status_code] += 1

        threads = [threading.Thread(target=ask) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = page.post("/api/runs", json={"job": job()})
        assert refused.status_code == 429 and "64" in refused.json()["error"] and refused.json()["do"]
        listed = page.get("/api/runs?limit=500").json()
    assert found == {201: MOST_WAITING, 429: 200 - MOST_WAITING}
    assert len(listed["runs"]) == listed["waiting"] == MOST_WAITING


def test_uploads_of_the_wrong_kind_are_refused(desk: Desk) -> None:
    with client(desk) as page:
        for files in ({"file": ("a.mp4", b"no clip")}, {"file": ("a.html", SCRIPT.encode())}):
            assert page.post("/api/uploads", files=files).status_code == 415
        assert page.post("/api/uploads", files={"other": ("a", b"x")}).status_code == 400
        assert page.post("/api/uploads", data={"file": "text"}).status_code == 400
        assert page.post("/api/uploads", content=b"x").status_code == 400
        picture = {"file": ("a.png", png(noise()))}
        assert page.post("/api/uploads", files=picture, data={"kind": "program"}).status_code == 400
        assert page.post("/api/drop", files=picture).status_code == 400


def test_an_error_that_nobody_foresaw_tells_nothing_of_the_inside(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a secret")

    monkeypatch.setattr("moft.app.routes.runs.runs_told", broken)
    with client(desk) as page:
        answer = page.get("/api/runs")
        assert answer.status_code == 500 and "secret" not in answer.text
        assert answer.headers.items() >= HEADERS.items()
        assert page.get("/api/media").status_code == 200
