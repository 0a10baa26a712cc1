"""`moft app`: the page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from moft.cli.app import CONVENTION, Channels, Model, app
from moft.optional import needs


@app.command("app", epilog=f"Example: moft app --folder clips, then open what it prints.  {CONVENTION}")
def page(
    model: Model = "miniature",
    channels: Channels = None,
    folder: Annotated[
        Path, typer.Option(help="Where clips, uploads and the queue are kept; made if it is not there.")
    ] = Path("moft-app"),
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Default: the first free one from 8321 on.")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Listen to other machines too, at this address; the link printed has the token."),
    ] = None,
    token: Annotated[
        bool, typer.Option("--token", help="Ask for the token on this machine too, if it has other users.")
    ] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
) -> None:
    """Draw a motion, try it, make the clip, compare and look inside: a page on this machine."""
    needs("fastapi", "uvicorn", "python_multipart", "cv2", "diffusers")
    from moft.app.serving import Serving, serve

    if os.path.isdir(model):  # the worker stands in another folder
        model = os.path.abspath(model)
    where = None if channels is None else os.path.abspath(channels)
    serve(Serving(model, where, folder, host, port, browser, token))
