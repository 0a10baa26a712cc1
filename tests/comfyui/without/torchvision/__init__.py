"""Stands in for torchvision, which others import for what is not run here. It has everything, and can do
nothing."""

from typing import Any

__version__ = "0.28.0"


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)

    def missing(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"torchvision's {name} is not here")

    return missing
