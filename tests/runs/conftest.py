"""A steered clip and its recipe, for what is read of recipes and made again from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from program import mask, moft_cli

from moft.runs.recipe import read_recipe


@pytest.fixture(scope="module")
def steered(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a mask and a clip that was steered inside it."""
    folder = tmp_path_factory.mktemp("steered")
    request = ("--motion", "left", "--region", mask(folder / "mask.png", 32), "--seed", 3)
    scene = ("--prompt", "a red ball [on]\nblue stripes, größer", "--steps", 5, "--step-size", 0.2)
    result = moft_cli("steer", "--model", tiny_folder, *scene, *request, "-o", folder / "left.mp4")
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def data(steered: Path) -> dict[str, Any]:
    """The recipe of that clip as JSON, to be bent."""
    return read_recipe(steered / "left.mp4").to_json()
