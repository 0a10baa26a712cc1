"""The shipped model: small enough for a laptop, real in every part. `python -m moft.miniature --help` remakes it."""

from __future__ import annotations

from pathlib import Path


def miniature_path(family: str = "animatediff") -> str:
    """The folder that `AnimateDiffPipeline.from_pretrained(moft.miniature_path(), local_files_only=True)` opens.

    "latte", for `LattePipeline`, is unfinished and lies in a checkout alone, so that its training can go on.
    """
    return str(Path(__file__).parent / "weights" / family)
