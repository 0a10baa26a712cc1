"""Who may ask: this machine's own pages, and whoever holds the token. Before anything else is looked at.

A page of a stranger in the same browser can send requests here. It cannot choose the headers Host and Origin,
and the browser asks first before it sends one of our own; so all three are looked at. Other machines cannot
reach a server on loopback at all; where it is told to listen to them, they need the token.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from moft import plain
from moft.app.refusals import Refused
from moft.media.checks import MAX_BYTES

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "moft"
MOST_UPLOAD = MAX_BYTES  # bytes; what is read of a clip is larger than its file
_FILES = ("/api/uploads", "/api/drop")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; "
    "font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True)
class Door:
    """Under which names a server is asked, and what opens it."""

    hosts: frozenset[str] | None  # "127.0.0.1:8321" …; None: any, the token decides
    token: str | None = None

    def check(self, scope: Scope) -> None:
        """Raise Refused unless this may be asked."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if self.hosts is not None and host.lower() not in self.hosts:
            raise Refused(
                403, f"expected this server's own name, got Host {host!r:.100}; open the address printed"
            )
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in (f"http://{host}".lower(), f"https://{host}".lower()):
            raise Refused(
                403, f"expected a page of this server, got Origin {origin!r:.100}; open its own page"
            )
        if scope["method"] not in ("GET", "HEAD") and headers.get("x-moft") != "1":
            raise Refused(403, "expected the header X-Moft: 1, got none; ask from the page, or send it")
        if self.token is not None and not self._opens(scope, headers):
            raise Refused(
                401, "expected the token of this server, got none that opens it; open the address printed"
            )

    def _opens(self, scope: Scope, headers: dict[str, str]) -> bool:
        given = [
            headers.get("authorization", "").removeprefix("Bearer "),
            self.asked(scope),
            _cookie(headers),
        ]
        fits = [secrets.compare_digest(one.encode(), str(self.token).encode()) for one in given]
        return any(fits)  # all are compared, so that time tells nothing

    @staticmethod
    def asked(scope: Scope) -> str:
        """The token in an address."""
        return parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]


def _cookie(headers: dict[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


class Guard:
    """Around the application: asks `Door`, holds bodies to their bounds, and sets the headers of every
    answer."""

    def __init__(self, app: App, door: Door) -> None:
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = self._answering(send)
        try:
            self.door.check(scope)
        except Refused as error:
            await _refuse(error, scope, receive, answer)
            return
        if self.door.token is not None and self.door.asked(scope) and scope["method"] == "GET":
            await self._admit(scope, receive, answer)
            return
        await self.app(scope, self._bounded(scope, receive), answer)

    def _answering(self, send: Send) -> Send:
        async def answer(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = [
                    (name, value)
                    for name, value in message["headers"]
                    if name.decode().lower() not in HEADERS
                ]
                ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*own, *ours]}
            await send(message)

        return answer

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Turn the token of an address, which stands in the browser's history, into a cookie."""
        from starlette.responses import RedirectResponse

        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(COOKIE, str(self.door.token), httponly=True, samesite="strict")
        await answer(scope, receive, send)

    @staticmethod
    def _bounded(scope: Scope, receive: Receive) -> Receive:
        most = MOST_UPLOAD if scope["path"] in _FILES else plain.MAX_BYTES
        so_far = 0

        async def bounded() -> MutableMapping[str, Any]:
            nonlocal so_far
            message = await receive()
            so_far += len(message.get("body", b""))
            if so_far > most:
                raise Refused(413, f"expected at most {most} bytes, got more; cut it, or scale it down first")
            return message

        return bounded


async def _refuse(error: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    from starlette.responses import JSONResponse

    from moft.app.refusals import told

    await JSONResponse(told(error), error.status)(scope, receive, send)
