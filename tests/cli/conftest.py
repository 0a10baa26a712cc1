"""A model that starts from an image, for the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from moft.feature.statistics import STATISTICS_FILE


@pytest.fixture(scope="module")
def image_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny Stable Video Diffusion, which starts from an image, and its motion channels."""
    from steered import statistics_of
    from tiny import tiny

    folder = tmp_path_factory.mktemp("svd")
    tiny("svd").save_pretrained(folder)
    replace(statistics_of("svd"), made={"frames": 5}).save(folder / STATISTICS_FILE)
    return folder
