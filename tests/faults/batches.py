"""A batch whose driver, workers and node of Ray are killed at random moments, and gone on with each time;
then every job is done once, whole, with the frames of an undisturbed run."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
from batched import small

from moft.batch.store import Store

CLIPS = ["clip.compare.mp4", "clip.json", "clip.mp4", "clip.plain.mp4"]


@dataclasses.dataclass(frozen=True)
class Way:
    """How a batch is driven, and what of it can be killed."""

    more: tuple[str, ...]
    pause: float  # s, the longest between two kills
    parts: dict[str, str]  # what is killed → what the command lines of its processes have

    def begun(self, out: Path, *more: str) -> subprocess.Popen[bytes]:
        """`moft batch` in a group of processes of its own."""
        typed = [sys.executable, "-m", "moft.cli", "batch", *more, "-o", str(out), "--workers", "2"]
        return subprocess.Popen(
            [*typed, *self.more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def of(self, driver: int, what: str) -> list[psutil.Process]:
        """The processes of a driver that are such a part."""
        found = list[psutil.Process]()
        for process in psutil.Process(driver).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if self.parts[what] in " ".join(process.cmdline()):
                    found.append(process)
        return found


OWN = Way((), 4, {"worker": "spawn_main"})
RAY = Way(("--ray", "local"), 12, {"worker": "ray::", "node": "raylet/raylet"})


def disturbed(
    way: Way, out: Path, manifest: Path, kills: int, chance: random.Random
) -> collections.Counter[str]:
    """Kill so often: a part, the driver alone, or all of them; then let it end."""
    tally, batch = collections.Counter[str](), way.begun(out, str(manifest))
    while sum(tally.values()) < kills:
        time.sleep(chance.uniform(0, way.pause))
        if batch.poll() is not None:  # its end, or a kill before it had begun
            new = [] if (out / "jobs.sqlite").exists() else [str(manifest)]
            batch = way.begun(out, *new, "--resume")
            if ended(out):
                break
            continue
        what = chance.choice(["worker", *way.parts, "driver", "all"])
        with contextlib.suppress(ProcessLookupError, psutil.Error):
            if what in way.parts:
                if not (some := way.of(batch.pid, what)):
                    continue
                chance.choice(some).kill()
            elif what == "driver":
                batch.kill()
            else:
                os.killpg(batch.pid, signal.SIGKILL)
        tally[what] += 1
    batch.wait()
    while not ended(out):
        way.begun(out, "--resume", "--again").wait()
    return tally


def ended(out: Path) -> bool:
    """Whether every job is done."""
    at = out / "jobs.sqlite"
    if not at.exists():
        return False
    counts = Store(at).counts()
    return 0 < counts["done"] == sum(counts.values())


def faults_of(out: Path, calm: Path) -> list[str]:
    """What is wrong with a batch beside the undisturbed one."""
    with sqlite3.connect(out / "jobs.sqlite") as raw:
        found = [f"journal: {raw.execute('pragma integrity_check').fetchone()}"]
        done = collections.Counter(
            key for (key,) in raw.execute("select key from events where kind = 'done'")
        )
    found = [] if found == ["journal: ('ok',)"] else found
    rows = {row.key: row for row in Store(out / "jobs.sqlite").rows()}
    wanted = {row.key: row.result for row in Store(calm / "jobs.sqlite").rows()}
    if rows.keys() != wanted.keys():
        found.append("other jobs")
    for key, result in wanted.items():
        row = rows.get(key)
        if row is None or row.state != "done" or done[key] != 1:
            found.append(f"{key}: {row and row.state}, done {done[key]} times")
        elif row.result["frames_digest"] != result["frames_digest"]:
            found.append(f"{key}: other frames")
        if (files := sorted(os.listdir(out / key))) != CLIPS:
            found.append(f"{key}: there is {files}")
        for name in ("clip.mp4", "clip.plain.mp4"):
            if (out / key / name).read_bytes() != (calm / key / name).read_bytes():
                found.append(f"{key}: another {name}")
    return found


def undisturbed(folder: Path, count: int) -> tuple[Path, Path]:
    """A manifest of so many small jobs, and a folder where they were made."""
    calm, manifest = folder / "calm", folder / "jobs.jsonl"
    manifest.write_text("".join(json.dumps(small(seed=seed)) + "\n" for seed in range(count)))
    if OWN.begun(calm, str(manifest)).wait():
        raise SystemExit("the undisturbed batch failed")
    return manifest, calm


def killed(folder: Path, kills: int, chance: random.Random, way: Way = OWN) -> list[str]:
    """Kill a batch so often, which has somewhat more jobs; the faults that were found."""
    folder.mkdir()
    out, jobs = folder / "out", kills + 10
    manifest, calm = undisturbed(folder, jobs)
    started = time.monotonic()
    tally = disturbed(way, out, manifest, kills, chance)
    with sqlite3.connect(out / "jobs.sqlite") as raw:
        (begins,) = raw.execute("select count(*) from events where kind = 'running'").fetchone()
    found = faults_of(out, calm)
    told = ", ".join(f"{count} of {what}" for what, count in sorted(tally.items()))
    print(
        f"batch: {sum(tally.values())} kills ({told}) among {jobs} jobs, {begins} times a job was "
        f"begun, {len(found)} faults, {time.monotonic() - started:.0f} s",
        flush=True,
    )
    return [f"batch, {fault}" for fault in found]
