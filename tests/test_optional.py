"""Where an extra is not installed, one line names it: in Python and on the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program import PROMPT, moft_cli, refused

import moft
from moft.field.carried import carried
from moft.optional import EXTRAS, needs

NOISE = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), np.uint8)
MOVED = moft.Field.of_motion(moft.Motion("left"), moft.ClipSize(3, 32, 32))


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Hides modules, as if they were not installed."""

    def hide(*modules: str) -> None:
        for module in modules:
            monkeypatch.setitem(sys.modules, module, None)

    return hide


@pytest.mark.parametrize(
    ("missing", "extra", "call"),
    [
        ("cv2", "flow", lambda: moft.measure(NOISE)),
        ("cv2", "flow", lambda: moft.score(NOISE, NOISE)),
        ("skimage", "photos", lambda: moft.score(NOISE, NOISE)),
        ("cv2", "flow", lambda: carried(NOISE[0], MOVED)),
        ("diffusers", "diffusers", lambda: moft.load("miniature")),
        ("diffusers", "diffusers", lambda: moft.doctor("miniature")),
        ("sklearn", "explain", lambda: moft.explain("miniature", (), Path("never"))),
    ],
)
def test_a_call_names_the_extra(missing: str, extra: str, call: Callable[[], Any], without: Any) -> None:
    without(missing)
    with pytest.raises(moft.MoftError, match=rf"^{missing} is not installed; pip install 'moft\[{extra}\]'$"):
        call()


def test_all_that_is_missing_is_named_at_once(without: Any) -> None:
    without("cv2", "diffusers", "transformers")
    with pytest.raises(
        moft.MoftError, match=r"^cv2, diffusers, transformers are .* 'moft\[flow,diffusers\]'$"
    ):
        needs("cv2", "diffusers", "einops", "transformers")


@pytest.fixture
def misfit(tmp_path: Path) -> str:
    """PYTHONPATH of a torchvision that was built for another torch."""
    told = tmp_path / "torchvision-0.28.0.dist-info"
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("raise RuntimeError('operator nms does not exist')")
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: torchvision\nVersion: 0.28.0\n")
    return os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.mark.parametrize("command", [("steer", *PROMPT, "--motion", "left"), ("doctor",)])
def test_packages_that_do_not_fit_each_other_are_told_from_a_wrong_model(
    command: tuple[str, ...], misfit: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "moft.cli", *command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": misfit},
    )
    told = (
        "error: diffusers is installed, and cannot be imported: RuntimeError: operator nms does not exist; "
    )
    assert done.returncode == 2 and done.stderr.startswith(told) and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("missing", "extras", "arguments"),
    [
        (("cv2", "diffusers"), "diffusers,flow", ("steer", *PROMPT, "--motion", "left")),
        (("cv2", "diffusers"), "diffusers,flow", ("batch", "run", "jobs.jsonl")),
        (("ray",), "ray", ("batch", "run", "jobs.jsonl", "--ray", "local")),
        (("fastapi", "cv2"), "app,flow", ("app",)),
        (("jinja2", "sklearn"), "explain", ("explain", "--probe")),
        (("cv2",), "flow", ("measure", "clip.mp4")),
        (("skimage",), "photos", ("score", "a.mp4", "b.mp4")),
        (("cv2",), "flow", ("field", "left")),
    ],
)
def test_a_command_names_the_extras_before_it_begins(
    missing: tuple[str, ...], extras: str, arguments: tuple[str, ...], without: Any, tmp_path: Path
) -> None:
    without(*missing)
    refused(moft_cli(*arguments), *missing, f"pip install 'moft[{extras}]'")


def test_the_command_without_its_own_extra_names_it() -> None:
    hidden = "import sys; sys.modules['typer'] = None; from moft.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True)
    told = "error: typer is not installed; pip install 'moft[cli]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


def test_extras_that_errors_name_are_those_of_the_package() -> None:
    from importlib.metadata import metadata

    assert set(EXTRAS.values()) <= set(metadata("moft").get_all("Provides-Extra") or ())
