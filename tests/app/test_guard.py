"""Who may ask: pages of this server alone, and with a token whoever has it."""

from __future__ import annotations

from pathlib import Path

import pytest
from served import HOST, OURS, a_desk, client, job, png

from moft.app import guard
from moft.app.desk import Desk
from moft.app.guard import HEADERS, Door
from moft.app.serving import door_of, is_loopback


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return a_desk(tmp_path)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": f"http://{HOST}"}, 200),
        ({"Host": "evil.example:8321"}, 403),  # a name of theirs that now leads here
        ({"Host": "127.0.0.1:80"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
    ],
)
def test_host_and_origin_are_those_of_the_page(desk: Desk, headers: dict[str, str], status: int) -> None:
    with client(desk) as page:
        answer = page.get("/api/runs", headers=headers)
    assert answer.status_code == status
    if status != 200:
        assert set(answer.json()) == {"error", "do", "where"} and answer.json()["do"]


@pytest.mark.parametrize("header", ["", "0", "2"])
def test_what_changes_something_needs_a_header_that_no_other_page_may_send(desk: Desk, header: str) -> None:
    with client(desk) as page:
        page.headers["X-Moft"] = header
        for method, path in (("POST", "/api/runs"), ("DELETE", "/api/runs/x"), ("OPTIONS", "/api/runs")):
            assert page.request(method, path, json={"job": job()}).status_code == 403
    assert desk.folder.jobs.counts()["queued"] == 0


def test_a_token_is_asked_of_everything_and_turned_into_a_cookie(desk: Desk) -> None:
    door = door_of("0.0.0.0", 8321, "secret")
    with client(desk, door) as page:
        for path in ("/", "/static/x.js", "/api/runs", "/api/events", "/api/runs?token=wrong", "/nothing"):
            assert page.get(path).status_code == 401, path
        assert page.get("/api/runs", headers={"Authorization": "Bearer secret"}).status_code == 200
        opened = page.get("/?token=secret", follow_redirects=False)
        assert opened.status_code == 303 and opened.headers["location"] == "/"
        kept = opened.headers["set-cookie"].lower()
        assert "httponly" in kept and "samesite=strict" in kept
        page.cookies.clear()
        assert page.get("/api/runs", headers={"Host": "studio.lan:8321"}).status_code == 401
        page.headers["Cookie"] = f"{guard.COOKIE}=secret"
        assert page.get("/api/runs", headers={"Host": "studio.lan:8321"}).status_code == 200
        page.headers["Cookie"] = f"{guard.COOKIE}=secrets"
        assert page.get("/api/runs").status_code == 401


@pytest.mark.parametrize(
    ("host", "only_here"),
    [(None, True), ("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True),
     ("0.0.0.0", False), ("::", False), ("192.168.1.5", False), ("studio.lan", False)],
)  # fmt: skip
def test_only_loopback_needs_no_token(host: str | None, only_here: bool) -> None:
    assert is_loopback(host) is only_here


def test_every_answer_carries_the_policy(desk: Desk) -> None:
    with client(desk) as page:
        for path in ("/api/runs", "/nothing", "/api/media/u-0", "/favicon.ico", "/static/none.js"):
            answer = page.get(path)
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, path
        refused = page.get("/api/runs", headers={"Host": "evil"})
        assert refused.headers["content-security-policy"] == HEADERS["content-security-policy"]
    policy = HEADERS["content-security-policy"]
    assert "unsafe" not in policy and "*" not in policy and "http" not in policy
    assert "frame-ancestors 'none'" in policy


def test_bodies_are_held_to_their_bounds(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_UPLOAD", 1000)
    with client(desk) as page:
        for files in (
            {"file": ("a.png", b"x" * 2000)},
            {"file": ("a.png", png([[0] * 99] * 9) + b"0" * 2000)},
        ):
            assert page.post("/api/uploads", files=files).status_code == 413
        assert (
            page.post(
                "/api/runs", content=b"[" * 2**21, headers={"Content-Type": "application/json"}
            ).status_code
            == 413
        )
        assert page.get("/api/media").json() == []
    assert list(desk.folder.uploads.iterdir()) == []


def test_the_door_is_of_the_address_that_is_served() -> None:
    assert door_of(None, 9000, None).hosts == {"127.0.0.1:9000", "localhost:9000", "[::1]:9000"}
    assert door_of("127.0.0.2", 9000, None) == Door(
        frozenset({"127.0.0.1:9000", "localhost:9000", "[::1]:9000", "127.0.0.2:9000"})
    )
    assert OURS == {"X-Moft": "1"}
