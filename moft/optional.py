"""Packages that only some commands need, and how to get them."""

from __future__ import annotations

from importlib.util import find_spec

from moft.errors import MoftError

EXTRAS = {  # module → the extra that brings it
    "diffusers": "diffusers",
    "transformers": "diffusers",
    "cv2": "flow",
    "matplotlib": "explain",
    "jinja2": "explain",
    "sklearn": "explain",
    "skimage": "photos",
    "fastapi": "app",
    "uvicorn": "app",
    "python_multipart": "app",
    "ray": "ray",
    "typer": "cli",
    "rich": "cli",
}


def needs(*modules: str) -> None:
    """Raise MoftError, naming the extras to install, if optional modules are missing."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        extras = ",".join(dict.fromkeys(EXTRAS[module] for module in missing))
        are = "is" if len(missing) == 1 else "are"
        raise MoftError(f"{', '.join(missing)} {are} not installed; pip install 'moft[{extras}]'")
