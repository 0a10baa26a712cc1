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
}


def needs(*modules: str) -> None:
    """Raise MoftError, naming the extra to install, if an optional module is missing."""
    for module in modules:
        if find_spec(module) is None:
            raise MoftError(f"{module} is not installed; pip install 'moft[{EXTRAS[module]}]'")
