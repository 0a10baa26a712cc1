"""Packages that only some commands need, and how to get them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from moft.errors import MoftError
from moft.printing import in_a_line

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
    "pyiqa": "quality",
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


def check_importable(module: str) -> None:
    """Import a module of an optional package. Raise MoftError if it is missing, and if it cannot be imported,
    with what that ended in at bottom: of packages that do not fit each other, only that tells."""
    package = module.partition(".")[0]
    needs(package)
    try:
        import_module(module)
    except Exception as error:
        first: BaseException = error
        while (earlier := first.__cause__ or first.__context__) is not None:
            first = earlier
        raise MoftError(
            f"{package} is installed, and cannot be imported: {type(first).__name__}: "
            f"{in_a_line(first):.200}; install what it names, or anew in releases that fit each other (torch "
            "and torchvision must), or remove it if it is not needed"
        ) from error
