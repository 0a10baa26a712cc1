"""The scripts of examples/ and what README and the first page show run, on one miniature and few denoising
steps."""

from __future__ import annotations

import inspect
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import moft

ROOT = Path(moft.__file__).parents[1]
STEPS = 4
FEWER = {"seed=0": f"seed=0, steps={STEPS}", "num_inference_steps=25": f"num_inference_steps={STEPS}"}


@pytest.fixture(scope="module")
def miniature() -> moft.Model:
    return moft.load("miniature")


@pytest.fixture(autouse=True)
def one_miniature(miniature: moft.Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(moft, "load", lambda name="miniature": miniature)
    monkeypatch.chdir(tmp_path)


def main_of(name: str) -> Any:
    return runpy.run_path(str(ROOT / "examples" / name))["main"]


@pytest.mark.parametrize(
    ("script", "clip", "asked"),
    [
        ("steer.py", "left.mp4", 1),
        ("regions.py", "apart.mp4", 2),
        ("like.py", "like.mp4", 1),
        ("drag.py", "dragged.mp4", 1),
    ],
)
def test_an_example_writes_its_clip_and_record(script: str, clip: str, asked: int, tmp_path: Path) -> None:
    main_of(script)(steps=STEPS, out=tmp_path)
    record = json.loads((tmp_path / clip).with_suffix(".json").read_text())
    assert len(record["requests"]) == asked
    assert len(moft.read_video(tmp_path / clip)) == 8


def test_an_objective_of_ones_own_steers(capsys: pytest.CaptureFixture[str]) -> None:
    main_of("objective.py")(steps=STEPS)
    assert "px a frame" in capsys.readouterr().out


def test_the_report_is_asked_for_as_it_can_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Reports are made in tests/interpreter, at a minute each on the miniature; here what is asked is looked
    at."""
    whole, asked = inspect.signature(moft.explain), []

    def explain(*args: Any, **kwargs: Any) -> Any:
        asked.append(whole.bind(*args, **kwargs).arguments)
        return {"auc": {"moft": 0.9}}

    monkeypatch.setattr(moft, "explain", explain)
    main_of("explain.py")(out=tmp_path / "explained")
    assert isinstance(asked[0]["model"], moft.Model) and asked[0]["out"] == tmp_path / "explained"


@pytest.mark.parametrize("page", ["README.md"])
def test_python_of_the_first_pages_runs(page: str) -> None:
    (text,) = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    for usual, fewer in FEWER.items():
        assert usual in text
        text = text.replace(usual, fewer)
    exec(compile(text, page, "exec"), {})  # our own page
    assert Path("left.mp4").exists()
