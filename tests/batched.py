"""Small jobs, as a manifest and a store have them."""

from __future__ import annotations

from typing import Any

import moft
from moft.batch.work import Work

SMALL = {"steps": 3, "size": {"frames": 4, "height": 32, "width": 32}, "settings": {"steps": [0, 1]}}


def small(**changes: Any) -> dict[str, Any]:
    """A job of a few frames and steps, as in a manifest."""
    return {"prompt": "red cells", "requests": [{"direction": "left"}], **SMALL, **changes}


def row(model: moft.Model, **changes: Any) -> tuple[str, str, str]:
    """What `Store.add` takes."""
    return Work.from_json(small(**changes)).ready(model, {}).row(model)
