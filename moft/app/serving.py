"""The server: one a folder, on this machine alone unless it is told otherwise."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import threading
import time
import webbrowser
from dataclasses import dataclass
from pathlib import Path

from moft.app.desk import Desk
from moft.app.folder import SERVER, Folder
from moft.app.guard import Door
from moft.app.keeper import Keeper
from moft.app.page import application
from moft.app.shelf import Shelf
from moft.errors import MoftError, RequestError
from moft.printing import show

PORT = 8321
_PORTS = 20  # that are tried where none was named
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Serving:
    """How the app is served."""

    model: str = "miniature"
    channels: str | None = None
    folder: Path = Path("moft-app")
    host: str | None = None  # None: this machine alone; else the token decides who may ask
    port: int | None = None  # None: the first free one from PORT on
    browser: bool = True
    token: bool = False  # ask for one on this machine too


def serve(how: Serving) -> None:
    """Serve until the process is told to end; runs go on without it.

    Raises RequestError for a folder that another server has, and for a port or host that cannot be had;
    MediaError for a folder that cannot be written in."""
    import uvicorn

    folder = Folder.made(how.folder)
    listening = _listening(how.host, how.port)
    port = listening.getsockname()[1]
    token = secrets.token_urlsafe(32) if how.token or not is_loopback(how.host) else None
    address = f"http://{_shown(how.host)}:{port}/{f'?token={token}' if token else ''}"
    with folder.held(SERVER, address.partition("?")[0]) as mine, listening:
        if not mine:
            other = folder.note(SERVER) or "another moft app"
            raise RequestError(
                f"expected a folder that nobody serves, got {how.folder}, which {other} does; open that, "
                "or name another --folder"
            )
        desk = Desk(folder, Shelf(folder), how.model, how.channels)
        desk.ask_facts()
        keeper = Keeper(folder)
        keeper.start()
        app = application(desk, door_of(how.host, port, token), keeper)
        show(
            f"moft app: {address}\nclips and uploads: {folder.root}\n"
            "Ctrl-C ends the page; runs that were asked go on without it"
        )
        if how.browser:
            threading.Thread(target=_open, args=(address,), daemon=True).start()
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, server_header=False
        )
        try:
            uvicorn.Server(config).run(sockets=[listening])
        finally:
            keeper.close()
            _tell_left(desk)


def door_of(host: str | None, port: int, token: str | None) -> Door:
    """Who may ask a server that listens there."""
    if not is_loopback(host):
        return Door(None, token)
    names = {*_LOOPBACK, host or ""} - {""}
    return Door(frozenset(f"{name}:{port}" for name in names), token)


def is_loopback(host: str | None) -> bool:
    """Whether only this machine reaches a host."""
    if host in (None, "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _listening(host: str | None, port: int | None) -> socket.socket:
    """A socket at a port, or at the first free one."""
    where = host or "127.0.0.1"
    failed: OSError | None = None
    for candidate in [port] if port is not None else range(PORT, PORT + _PORTS):
        try:
            family = socket.AF_INET6 if ":" in where else socket.AF_INET
            return socket.create_server((where, candidate), family=family)
        except OSError as error:
            failed = error
    got = failed.strerror if failed else "none"
    raise RequestError(
        f"expected a free port at {where}, got: {got}; name another --port or --host"
    ) from failed


def _shown(host: str | None) -> str:
    """The host as a browser on this machine is told it."""
    if host in (None, "0.0.0.0", "::"):
        return "127.0.0.1" if host is None else socket.gethostname()
    return f"[{host}]" if host and ":" in host else str(host)


def _open(address: str) -> None:
    """Show the page, if there is a browser; if not, its address was printed."""
    time.sleep(1)
    webbrowser.open(address)


def _tell_left(desk: Desk) -> None:
    """Say what goes on."""
    try:
        left = sum(row.state in ("queued", "running") for row in desk.clips())
    except MoftError:
        return
    if left:
        show(
            f"{left} {'run goes' if left == 1 else 'runs go'} on without the page; moft app shows them again"
        )
