"""The notebook runs from top to bottom, at few steps, and its pictures stand in it."""

from __future__ import annotations

import base64
import io
import warnings
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import numpy as np
import pytest
from PIL import Image

import moft

TOUR = Path(moft.__file__).parents[1] / "examples" / "tour.ipynb"
FEWER = ("STEPS = 25", "STEPS = 4")


@pytest.fixture
def tour() -> Any:
    return nbformat.read(TOUR, as_version=4)


def outputs(cell: Any, kind: str) -> list[str]:
    return [output["data"][kind] for output in cell.get("outputs", ()) if kind in output.get("data", ())]


def test_it_is_kept_as_it_is_before_it_runs(tour: Any) -> None:
    code = [cell for cell in tour.cells if cell.cell_type == "code"]
    assert len(code) == 10
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


def test_it_runs_from_top_to_bottom(tour: Any, tmp_path: Path) -> None:
    first = next(cell for cell in tour.cells if cell.cell_type == "code")
    assert FEWER[0] in first.source
    first.source = first.source.replace(*FEWER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Jupyter, about its own folders
        client = nbclient.NotebookClient(tour, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
        client.execute()
    pictures = [picture for cell in tour.cells for picture in outputs(cell, "image/png")]
    assert len(pictures) == 8
    for picture in pictures:
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB"))
        assert shown.shape[1] > 500 and np.ptp(shown) > 200
    said = "".join(o.get("text", "") for cell in tour.cells for o in cell.get("outputs", ()) if "text" in o)
    assert "followed: True" in said and "the same frames: True" in said
    assert (tmp_path / "out" / "tour" / "left.json").exists()
