"""The model that all tests of batches share."""

from __future__ import annotations

import pytest

import moft


@pytest.fixture(scope="session")
def model() -> moft.Model:
    loaded = moft.load("miniature")
    loaded.pipe.set_progress_bar_config(disable=True)
    return loaded
