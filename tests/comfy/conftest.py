"""The nodes, loaded as ComfyUI loads them: a folder by its path, under a name of its own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "comfy"


@pytest.fixture(scope="session")
def nodes() -> Any:
    """The package of the nodes."""
    spec = importlib.util.spec_from_file_location("moft_nodes", FOLDER / "__init__.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["moft_nodes"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def call(nodes: Any) -> Any:
    """What a node gives, by its name; inputs that are not given are at their defaults."""

    def called(name: str, /, **given: Any) -> tuple[Any, ...]:
        kind = nodes.NODE_CLASS_MAPPINGS[name]
        told = kind.INPUT_TYPES()["required"]
        defaults = {key: about["default"] for key, (_, about) in told.items() if "default" in about}
        return getattr(kind(), kind.FUNCTION)(**defaults | given)

    return called
