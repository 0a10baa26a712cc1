"""What a result was made with: versions, and the command."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from moft import __version__


def versions() -> dict[str, str]:
    """Of everything that a result depends on, the processor included."""
    import torch

    found = {"moft": __version__, "python": sys.version.split()[0]}
    for package in ("torch", "diffusers", "transformers", "numpy", "pillow", "av"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    gpu = torch.cuda.is_available()
    found["device"] = (
        torch.cuda.get_device_name() if gpu else f"cpu {torch.backends.cpu.get_cpu_capability()}"
    )
    return found


def command() -> list[str]:
    """The command that is running; `python -m moft.cli` is `moft`."""
    program = Path(sys.argv[0])
    by_module = (program.parent.name, program.name) == ("cli", "__main__.py")
    return ["moft" if by_module else program.name, *sys.argv[1:]]
