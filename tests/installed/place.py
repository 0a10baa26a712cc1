"""An environment that has the wheel with some extras, and a folder outside the checkout to work in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from installed.wheel import ROOT

TOLD = {
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
}
UV = Path(sys.executable).with_name("uv")  # its environments share files, so each takes seconds


class Place:
    """A new environment of a Python with `moft[extras]`, and what is run in it."""

    def __init__(self, folder: Path, python: str, wheel: Path, extras: str) -> None:
        self.folder, self.environment, self.wheel = folder / "work", folder / "env", wheel
        self.folder.mkdir(parents=True)
        self.uv("venv", "--python", python, str(self.environment))
        self.install(extras)

    def install(self, extras: str, *more: str) -> None:
        """Install the wheel with extras, at the versions of constraints.txt."""
        wanted = f"moft[{extras}] @ {self.wheel.as_uri()}" if extras else str(self.wheel)
        self.uv("pip", "install", "-c", str(ROOT / "constraints.txt"), wanted, *more)

    def uv(self, *words: str) -> str:
        """Call uv on the environment, at the indexes that pip was told of."""
        told = {new: os.environ[old] for old, new in TOLD.items() if old in os.environ}
        where = {"VIRTUAL_ENV": str(self.environment), "UV_INDEX_STRATEGY": "unsafe-best-match"}
        done = subprocess.run(
            [UV, *words], env={**os.environ, **told, **where}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"uv {' '.join(words)}: {done.stderr[-2000:]}"
        return done.stdout

    def program(self, name: str) -> Path:
        return self.environment / "bin" / name

    @property
    def surroundings(self) -> dict[str, str]:
        """Variables of a process there: nothing of the checkout or of this environment."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))
        }
        quiet = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "HOME": str(self.folder), "COLUMNS": "300"}
        return {**kept, **quiet, "PATH": f"{self.environment / 'bin'}:{os.environ['PATH']}"}

    def run(self, program: str, *words: object, status: int = 0) -> str:
        """What a program said, on both streams; AssertionError unless it ends so."""
        command = [str(self.program(program)), *map(str, words)]
        done = subprocess.run(
            command, cwd=self.folder, env=self.surroundings, capture_output=True, text=True, timeout=900
        )
        said = done.stdout + done.stderr
        assert done.returncode == status, (
            f"{' '.join(command)[:300]} ended with {done.returncode}: {said[-2000:]}"
        )
        return said

    def python(self, text: str, *words: object) -> str:
        """What a text of Python said."""
        return self.run("python", "-c", text, *words)

    def refuses(self, *words: object, extras: str) -> None:
        """Whether `moft WORDS` says in one line which extras it wants."""
        said = self.run("moft", *words, status=2)
        assert said.startswith("error: ") and said.count("\n") == 1, said
        assert said.endswith(f"pip install 'moft[{extras}]'\n"), said
