"""The program as a whole: its demo, its lists, its help, how it starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from program import moft_cli

import moft
import moft.cli


def test_the_demo_shows_both_runs_and_where_the_pictures_are(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import demo

    demo.main(str(tiny_folder), tmp_path)
    shown = capsys.readouterr().out
    assert shown.count("steered:") == 2 and "reference:" in shown
    for name in ("left.compare.gif", "like.compare.gif"):
        assert str(tmp_path / name) in shown
        assert moft.read_video(tmp_path / name).shape[1] > 192  # large enough to see


def test_the_demo_follows_a_photograph_that_turns(tmp_path: Path) -> None:
    import demo

    pytest.importorskip("sklearn")
    found = moft.measure(moft.read_video(demo.shown(tmp_path, moft.ClipSize(8, 64, 64))))
    assert found.named.startswith("turning")


def test_models_lists_every_family() -> None:
    from moft.models.families import FAMILIES

    shown = moft_cli("models").stdout
    for family in FAMILIES:
        assert family.name in shown


def test_models_as_json_says_what_each_starts_from() -> None:
    rows = {row["family"]: row for row in json.loads(moft_cli("models", "--json").stdout)}
    assert rows["Latte"]["pipelines"] == {"LattePipeline": "text"}
    assert rows["Mochi"]["frames_per_latent"] == 6


@pytest.mark.parametrize(
    "command", [(), ("steer",), ("replay",), ("info",), ("channels",), ("measure",), ("score",), ("models",)]
)
def test_every_help_has_an_example_and_the_convention(command: tuple[str, ...]) -> None:
    shown = " ".join(moft_cli(*command, "--help").stdout.split())
    assert "Example: moft " in shown
    assert "left = the picture content goes left (camera right)" in shown


def test_the_command_line_starts_without_anything_heavy() -> None:
    program = "import sys; sys.argv = ['moft', '--version']; from moft.cli import main; main()"
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == f"moft {moft.__version__}\n"
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"torch", "diffusers", "transformers", "av", "cv2", "numpy"}


def test_the_program_that_is_installed_is_this_one() -> None:
    from importlib.metadata import entry_points

    (program,) = entry_points(group="console_scripts", name="moft")
    assert program.load() is moft.cli.main
