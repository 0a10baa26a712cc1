"""Disks and streams that fail; each check gives what is wrong, in words. Those of disks need the rights to
mount one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from faults import batches
from faults.commands import SMALL

STEER = ["steer", *SMALL, "--motion", "left"]


def moft(*arguments: str, **given: object) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    program = [sys.executable, "-m", "moft.cli", *arguments]
    return subprocess.run(program, capture_output=True, text=True, timeout=600, **given)  # type: ignore[call-overload, no-any-return]


@contextlib.contextmanager
def disk(folder: Path, size: str) -> Iterator[bool]:
    """A small disk at a folder; False where there is no right to mount one."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True
    )
    try:
        yield not done.returncode
    finally:
        if not done.returncode:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def wrong(done: subprocess.CompletedProcess[str], status: int, *words: str) -> list[str]:
    found = (
        [] if done.returncode == status else [f"status {done.returncode}, not {status}: {done.stderr[-300:]}"]
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith(("error", "Traceback"))]
    if status and (len(lines) != 1 or not lines[0].startswith("error: ")):
        found.append(f"not one line: {done.stderr[-300:]}")
    return found + [
        f"{word!r} is not said: {done.stderr[-300:]}" for word in words if word not in done.stderr
    ]


def full_disk(folder: Path) -> list[str]:
    """Older files stay, the line says where the frames are, nothing is left."""
    with disk(folder, "40k") as there:
        if not there:
            return []
        for name in ("a.mp4", "a.json"):
            (folder / name).write_text("older")
        with contextlib.suppress(OSError):
            (folder / "filler").write_bytes(b"x" * 24_000)
        done = moft(*STEER, "-o", str(folder / "a.mp4"))
        found = wrong(done, 2, "kept as animated PNG in")
        if sorted(os.listdir(folder)) != ["a.json", "a.mp4", "filler"]:
            found.append(f"there is {os.listdir(folder)}")
        if any((folder / name).read_text() != "older" for name in ("a.mp4", "a.json")):
            found.append("an older file has changed")
        return found


def full_disk_of_a_batch(folder: Path) -> list[str]:
    """The batch ends, its journal too is on that disk; with room made, it goes on as if nothing had been."""
    manifest, calm = batches.undisturbed(folder, 6)
    (folder / "disk").mkdir()
    with disk(folder / "disk", "300k") as there:
        if not there:
            return []
        out = folder / "disk" / "out"
        done = moft("batch", str(manifest), "-o", str(out))  # its workers say it, and the driver why it ends
        told = done.returncode == 2 and "disk is full" in done.stderr and "Traceback" not in done.stderr
        found = [] if told else [f"status {done.returncode}: {done.stderr[-300:]}"]
        subprocess.run(["mount", "-o", "remount,size=10m", str(folder / "disk")], check=True)
        found += wrong(moft("batch", "-o", str(out), "--resume"), 0)
        return found + batches.faults_of(out, calm)


def disk_for_reading(folder: Path) -> list[str]:
    """Refused before anything is loaded."""
    with disk(folder, "1m") as there:
        if not there or subprocess.run(["mount", "-o", "remount,ro", str(folder)]).returncode:
            return []
        found = []
        for typed in (STEER, ["channels"], ["bench", "page"]):
            done = moft(*typed, "-o", str(folder / "a.mp4"))
            found += wrong(done, 2, "Read-only file system", "choose another -o")
        return found


def output_that_is_full(_: Path) -> list[str]:
    with open("/dev/full", "w") as full:
        program = [sys.executable, "-m", "moft.cli", "models", "--json"]
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True)
    return wrong(done, 1, "No space left")


def no_home_no_place_for_passing_files(folder: Path) -> list[str]:
    """Another language, a home that is not there, nowhere to keep caches."""
    environment = {
        name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
    }
    environment |= {"LC_ALL": "C", "TERM": "dumb", "HOME": "/nonexistent", "TMPDIR": "/nonexistent"}
    environment |= {"PYTHONIOENCODING": "ascii", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = moft(*STEER, "-o", str(folder / "a.mp4"), "--json", env=environment)
    found = wrong(done, 0)
    if done.returncode == 0 and not json.loads(done.stdout)["files"]:
        found.append("no record")
    return found + ([] if len(os.listdir(folder)) == 4 else [f"there is {os.listdir(folder)}"])


def two_runs_to_one_output(folder: Path) -> list[str]:
    """Both end well, and the record is of the clip that is there."""
    from moft.runs.recipe import read_recipe

    both = [
        subprocess.Popen(
            [sys.executable, "-m", "moft.cli", *STEER, "--seed", str(seed), "-o", str(folder / "a.mp4")],
            stdout=subprocess.DEVNULL,
        )
        for seed in (1, 2)
    ]
    found = [f"status {status}" for run in both if (status := run.wait(900))]
    seeds = {
        read_recipe(folder / name).scene.seed for name in ("a.mp4", "a.plain.mp4", "a.compare.mp4", "a.json")
    }
    return found + ([] if len(seeds) == 1 else [f"files of the runs {seeds}"])


CHECKS: tuple[Callable[[Path], list[str]], ...] = (
    full_disk,
    full_disk_of_a_batch,
    disk_for_reading,
    output_that_is_full,
    no_home_no_place_for_passing_files,
    two_runs_to_one_output,
)
