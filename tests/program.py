"""The command line, run in this process, and what it says when it refuses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from moft.cli.commands import app

PROMPT = ["--prompt", "a red ball over blue stripes", "--steps", "5"]


def moft_cli(*arguments: object) -> Any:
    """What `moft ARGUMENTS` did."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def mask(path: Path, left: int) -> Path:
    """A mask of 64 x 64 px, white in so many columns from the left."""
    picture = np.zeros((64, 64), np.uint8)
    picture[:, :left] = 255
    Image.fromarray(picture).save(path)
    return path


def refused(result: Any, *words: str) -> None:
    """Exit code 2 and one line that names what is wrong, no traceback."""
    assert result.exit_code == 2 and result.stdout == "", result.output
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr


def left_nothing(result: Any, folder: Path, *words: str) -> None:
    """The same, and the folder is as empty as it was."""
    refused(result, *words)
    assert os.listdir(folder) == []
