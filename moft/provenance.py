"""What a result was made with: versions, the command, and digests of plain values."""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from moft import __version__


def installed() -> dict[str, str]:
    """The versions of the packages that a result depends on."""
    found = {"moft": __version__, "python": sys.version.split()[0]}
    for package in ("torch", "diffusers", "transformers", "numpy", "pillow", "av"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def versions() -> dict[str, str]:
    """Of everything that a result depends on, the processor included."""
    import torch

    if torch.cuda.is_available():
        return {**installed(), "device": torch.cuda.get_device_name()}
    return {**installed(), "device": f"cpu {torch.backends.cpu.get_cpu_capability()}"}


def command() -> list[str]:
    """The command that is running; `python -m moft.cli` is `moft`."""
    program = Path(sys.argv[0])
    by_module = (program.parent.name, program.name) == ("cli", "__main__.py")
    return ["moft" if by_module else program.name, *sys.argv[1:]]


def digest_of(parts: list[Any]) -> str:
    """ "sha256:…" of plain JSON values."""
    return f"sha256:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"
