"""How a command ends: its status, one line, and nothing left behind."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from moft.cli.commands import app
from moft.cli.ending import Stopped, status_of
from moft.errors import MediaError, MoftError

LATE = """
import sys, time
from pathlib import Path
from moft.cli.commands import app
from moft.media.files import staging

@app.command()
def late(where: Path) -> None:
    with staging(where) as folder:
        (folder / "half").touch()
        print("ready", flush=True)
        time.sleep(60)

app()
"""


def raising(error: BaseException) -> Any:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (MediaError("cannot read x:\nexpected"), 2, "error: cannot read x: expected\n"),
        (MemoryError(), 1, "fewer frames"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] can't allocate memory: 3 bytes"), 1, "--save-memory"),
        (RecursionError("maximum recursion depth exceeded"), 1, "nested too deeply"),
        (UnicodeEncodeError("utf-8", "\udce9", 0, 1, "surrogates not allowed"), 1, "not UTF-8"),
        (OSError(errno.ENOSPC, "No space left on device", "a.mp4"), 1, "a.mp4: No space left on device"),
        (KeyError("a\x1b[31mb"), 1, "KeyError: 'a"),
        (ZeroDivisionError("division by zero"), 1, "MOFT_DEBUG=1"),
        (KeyboardInterrupt(), 130, ""),
        (Stopped(signal.SIGTERM), 143, ""),
        (Stopped(1), 129, ""),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141, ""),
    ],
)
def test_whatever_ends_a_command_is_one_line_and_a_status(
    error: BaseException, status: int, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert status_of(raising(error)) == status
    said = capfd.readouterr()
    assert words in said.err and said.err.count("\n") == bool(words) and "\x1b" not in said.err


def test_a_traceback_is_there_for_who_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOFT_DEBUG", "1")
    assert status_of(raising(KeyError("x"))) == 1
    assert "Traceback" in capsys.readouterr().err


def ended(*arguments: str, **given: Any) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "moft.cli", *arguments]
    return subprocess.run(program, text=True, timeout=100, stderr=subprocess.PIPE, **given)


def test_output_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = ended("models", "--json", stdout=full)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "No space left" in done.stderr


def test_output_that_nobody_reads_or_wants_is_no_fault() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = ended("models", "--json", stdout=writer)
    os.close(writer)
    assert done.returncode == 141 and done.stderr == ""
    shell = [*["sh", "-c"], '"$0" -m moft.cli models --json >&- <&-', sys.executable]
    closed = subprocess.run(shell, capture_output=True, text=True, timeout=100)
    assert closed.returncode == 0 and closed.stderr == ""


def test_what_an_encoding_has_no_letter_for_is_escaped() -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    done = ended("info", "Füße.mp4", stdout=subprocess.PIPE, env=environment)
    assert done.returncode == 2 and r"cannot read F\xfc\xdfe.mp4" in done.stderr


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_a_command_with_nothing_left(tmp_path: Path, number: int, status: int) -> None:
    usual = "import signal; signal.signal(1, signal.SIG_DFL); signal.signal(2, signal.default_int_handler)\n"
    program = [sys.executable, "-c", usual + LATE, "late", str(tmp_path)]  # whatever the tests were told
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stderr is not None
        assert running.stdout.readline() == b"ready\n"
        assert len(os.listdir(tmp_path)) == 1
        running.send_signal(number)
        assert running.wait(60) == status and running.stderr.read() == b""
    assert os.listdir(tmp_path) == []


def test_a_signal_that_was_to_be_ignored_is(tmp_path: Path) -> None:
    """As `nohup` asks it."""
    program = LATE.replace("time.sleep(60)", "import os; os.kill(os.getpid(), 1)")
    ignoring = "import signal; signal.signal(1, signal.SIG_IGN)\n" + program
    done = subprocess.run([sys.executable, "-c", ignoring, "late", str(tmp_path)], timeout=100)
    assert done.returncode == 0 and os.listdir(tmp_path) == ["half"]


@pytest.mark.parametrize("arguments", [("info", "caf\udce9.mp4"), ("steer", "--prompt", "caf\udce9")])
def test_arguments_of_other_bytes_are_refused(arguments: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 2 and "expected arguments in UTF-8" in done.stderr


@pytest.mark.parametrize("arguments", [["--\x1b[31mnope"], ["\x1b[31m"], ["steer", "--\x1b[31mnope", "x"]])
def test_what_was_mistyped_is_repeated_without_orders(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2 and "\x1b" not in done.output and "Error" in done.stderr


def test_a_library_s_warning_is_one_harmless_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import warnings

    def warns(*_: object) -> None:
        warnings.warn("\x1b[31mred\nlines", UserWarning, stacklevel=1)
        print("\x1b[2Jbare", file=sys.stderr)
        raise MoftError("enough")

    monkeypatch.setattr("moft.runs.recipe.read_recipe", warns)
    done = CliRunner().invoke(app, ["info", "x"])
    assert done.stderr.splitlines() == ["warning: ?[31mred lines", "?[2Jbare", "error: enough"]


def test_a_name_is_no_markup_and_no_order_in_what_info_prints(tmp_path: Path) -> None:
    kept = json.loads((Path(__file__).parents[1] / "kept" / "words-0.1.0.json").read_text())
    for text in ("[/b]", "[bold]x[/bold]", "\x1b[31mred", "a\u202eb", "two\nlines: yes"):
        kept["versions"][text] = kept["model"] = kept["prompt"] = text
    (tmp_path / "a.json").write_text(json.dumps(kept))
    done = CliRunner().invoke(app, ["info", str(tmp_path / "a.json")])
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output and "\u202e" not in done.output and "[/b]" in done.output
    assert not any(line.startswith("lines: yes") for line in done.output.splitlines())
