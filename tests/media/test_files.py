"""Files appear whole or not at all, several together, whenever a process ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from moft.errors import MediaError
from moft.media import files
from moft.media.files import check_writable, passing, ready_folder, replacing, staging

NAMES = ("a.mp4", "a.plain.mp4", "b/c.txt", "a.json")
WRITES = """
import os, sys, signal
from pathlib import Path
from moft.media.files import staging
where, text, kill_at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
moved, move = 0, os.replace
def counted(*names):
    global moved
    if moved == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
    moved += 1
    move(*names)
os.replace = counted
with staging(where, last="a.json") as folder:
    (folder / "b").mkdir()
    for name in ("a.mp4", "a.plain.mp4", "b/c.txt", "a.json"):
        (folder / name).write_text(text)
    if kill_at == -2:
        print("staged", flush=True)
        sys.stdin.read()
"""


def written(where: Path, text: str, kill_at: int = -1) -> int:
    """Write the four files in a process of its own, which kills itself before that move; its status."""
    done = subprocess.run([sys.executable, "-c", WRITES, str(where), text, str(kill_at)], timeout=60)
    return done.returncode


def held(where: Path) -> list[str]:
    """What the four files say."""
    return [(where / name).read_text() for name in NAMES]


def left(where: Path) -> list[str]:
    return [name for name in os.listdir(where) if name.startswith(".moft")]


def test_what_is_staged_takes_its_places_with_its_folders(tmp_path: Path) -> None:
    with staging(tmp_path) as folder:
        (folder / "figures").mkdir()
        (folder / "figures" / "one").touch()
        (folder / "two").touch()
        assert os.listdir(tmp_path) == left(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["figures", "two"] and (tmp_path / "figures" / "one").exists()


def test_if_the_block_fails_older_files_stay_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("older")
    with pytest.raises(KeyError):
        with replacing(tmp_path / "kept") as path:
            path.write_text("newer")
            raise KeyError
    assert os.listdir(tmp_path) == ["kept"] and (tmp_path / "kept").read_text() == "older"


def test_a_failing_disk_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot write in .*No space.*choose another -o"):
        with staging(tmp_path):
            raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("moved", range(4))
def test_what_a_killed_run_began_to_move_the_next_one_finishes(tmp_path: Path, moved: int) -> None:
    written(tmp_path, "older")
    assert written(tmp_path, "newer", kill_at=moved) == -signal.SIGKILL
    assert held(tmp_path).count("newer") == moved and (tmp_path / "a.json").read_text() == "older"
    check_writable(tmp_path / "another")
    assert held(tmp_path) == ["newer"] * 4 and left(tmp_path) == []


def test_what_was_killed_before_all_was_finished_is_taken_away(tmp_path: Path) -> None:
    written(tmp_path, "older")
    arguments = [sys.executable, "-c", WRITES, str(tmp_path), "newer", "-2"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline()
        check_writable(tmp_path / "another")
        assert len(left(tmp_path)) == 1  # another run's, which lives
        other.kill()
    assert len(left(tmp_path)) == 1
    check_writable(tmp_path / "another")
    assert held(tmp_path) == ["older"] * 4 and left(tmp_path) == []


def test_nothing_younger_is_replaced_by_who_finishes(tmp_path: Path) -> None:
    written(tmp_path, "older")
    written(tmp_path, "newer", kill_at=2)
    (tmp_path / "a.json").write_text("youngest")
    check_writable(tmp_path / "another")
    assert (tmp_path / "a.json").read_text() == "youngest" and left(tmp_path) == []


@pytest.mark.parametrize("plan", ['[["../out", null]]', '[["link/in", null]]', "[", "[1]", "[" * 5000, "{}"])
def test_a_plan_that_somebody_made_up_moves_nothing_elsewhere(tmp_path: Path, plan: str) -> None:
    made = tmp_path / "here" / f".moft-{'0' * 16}"
    (made / "files" / "link").mkdir(parents=True)
    (made / "files" / "link" / "in").touch()
    (made / "out").touch()
    (made / "plan.json").write_text(plan)
    (tmp_path / "there").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "there")
    check_writable(tmp_path / "here" / "another")
    assert os.listdir(tmp_path / "here") == ["link"] and sorted(os.listdir(tmp_path)) == ["here", "there"]
    assert os.listdir(tmp_path / "there") == []


def test_an_interrupt_between_two_moves_comes_after_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move, calls = os.replace, []

    def interrupted(*names: str) -> None:
        calls.append(names)
        if len(calls) == 2:
            raise KeyboardInterrupt
        move(*names)

    monkeypatch.setattr(files.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        with staging(tmp_path) as folder:
            for name in "abc":
                (folder / name).touch()
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c"]


def test_two_runs_to_one_place_never_mix(tmp_path: Path) -> None:
    program = WRITES.replace("with staging", "for i in range(40):\n  with staging").replace(
        "\n    ", "\n      "
    )
    program = program.replace("write_text(text)", "write_text(f'{text}{i}')")
    runs = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), text, "-1"])
        for text in ("one", "two")
    ]
    assert [run.wait(60) for run in runs] == [0, 0]
    assert len(set(held(tmp_path))) == 1 and held(tmp_path)[0] in ("one39", "two39") and not left(tmp_path)


def test_a_folder_that_somebody_else_holds_is_waited_for_in_vain_and_written_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(files, "_PATIENCE", 0.05)
    at = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(at, fcntl.LOCK_EX)
    with replacing(tmp_path / "a") as path:
        path.touch()
    os.close(at)
    assert os.listdir(tmp_path) == ["a"]


# ---------------------------------------------------------------- what is asked before the work


def test_a_missing_folder_is_named_before_anything_runs(tmp_path: Path) -> None:
    check_writable(tmp_path / "a.mp4")
    with pytest.raises(MediaError, match="existing folder, got .*absent; create it first"):
        check_writable(tmp_path / "absent" / "a.mp4")


def test_a_folder_for_results_is_made_beside_what_is_there_alone(tmp_path: Path) -> None:
    assert ready_folder(tmp_path / "out", "a.csv") == tmp_path / "out" and (tmp_path / "out").is_dir()
    assert not list(ready_folder(tmp_path / "out", "a.csv").iterdir())
    with pytest.raises(MediaError, match="create it first"):
        ready_folder(tmp_path / "absent" / "out", "a.csv")
    (tmp_path / "file").touch()
    with pytest.raises(MediaError, match="create it first"):
        ready_folder(tmp_path / "file", "a.csv")


def test_an_input_is_no_output_by_whatever_name(tmp_path: Path) -> None:
    (tmp_path / "in").touch()
    (tmp_path / "symbolic").symlink_to(tmp_path / "in")
    os.link(tmp_path / "in", tmp_path / "hard")
    for name in ("in", "symbolic", "hard", "../" + tmp_path.name + "/in"):
        with pytest.raises(MediaError, match="is an input of this command"):
            check_writable(tmp_path / name, inputs=[tmp_path / "in"])
        with pytest.raises(MediaError, match="is an input of this command"):
            check_writable(tmp_path / "in", inputs=["none", str(tmp_path / name)])
    check_writable(tmp_path / "other", inputs=[tmp_path / "in"])


def test_only_ordinary_files_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MediaError, match="it is a folder"):
        check_writable(tmp_path / "folder")
    for name in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(MediaError, match="it is no ordinary file"):
            check_writable(name)
    with pytest.raises(MediaError, match="a name in UTF-8"):
        check_writable(tmp_path / "caf\udce9.mp4")


def test_a_passing_folder_is_its_owner_s_alone_and_goes(tmp_path: Path) -> None:
    with passing(tmp_path) as folder:
        assert folder.stat().st_mode & 0o077 == 0
        json.dump([], open(folder / "x", "w"))  # noqa: SIM115
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077])
def test_files_may_be_read_by_whom_the_umask_lets(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with staging(tmp_path) as folder:
            (folder / "inner").mkdir()
            for name in ("a.json", "inner/b.json"):
                (folder / name).write_text("x")
        with replacing(tmp_path / "c.json") as path:
            path.write_text("x")
    finally:
        os.umask(before)
    for name in ("a.json", "inner/b.json", "c.json"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o666 & ~mask
    assert (tmp_path / "inner").stat().st_mode & 0o777 == 0o777 & ~mask
