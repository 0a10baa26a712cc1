"""A batch whose driver and workers are killed at random moments, and gone on with each time; then every job
is done once, whole, with the frames of an undisturbed run."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from batched import small

from moft.batch.store import Store

CLIPS = ["clip.compare.mp4", "clip.json", "clip.mp4", "clip.plain.mp4"]


def begun(out: Path, *more: str) -> subprocess.Popen[bytes]:
    """`moft batch` in a group of processes of its own."""
    typed = [sys.executable, "-m", "moft.cli", "batch", *more, "-o", str(out), "--workers", "2"]
    return subprocess.Popen(
        typed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def workers_of(driver: int) -> list[int]:
    """Its processes, as the system lists them."""
    with contextlib.suppress(OSError):
        return [int(pid) for pid in Path(f"/proc/{driver}/task/{driver}/children").read_text().split()]
    return []


def disturbed(out: Path, manifest: Path, kills: int, chance: random.Random) -> collections.Counter[str]:
    """Kill so often: a worker, the driver alone, or all of them; then let it end."""
    tally, batch = collections.Counter[str](), begun(out, str(manifest))
    while sum(tally.values()) < kills:
        time.sleep(chance.uniform(0, 4))
        if batch.poll() is not None:  # its end, or a kill before it had begun
            batch = begun(out, *([str(manifest)] if not (out / "jobs.sqlite").exists() else []), "--resume")
            if ended(out):
                break
            continue
        what = chance.choice(["worker", "worker", "driver", "all"])
        with contextlib.suppress(ProcessLookupError):
            if what == "worker":
                if not (workers := workers_of(batch.pid)):
                    continue
                os.kill(chance.choice(workers), signal.SIGKILL)
            elif what == "driver":
                batch.kill()
            else:
                os.killpg(batch.pid, signal.SIGKILL)
        tally[what] += 1
    batch.wait()
    while not ended(out):
        begun(out, "--resume", "--again").wait()
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


def killed(folder: Path, kills: int, chance: random.Random) -> list[str]:
    """Kill a batch so often, which has somewhat more jobs; the faults that were found."""
    folder.mkdir()
    calm, out, manifest = folder / "calm", folder / "out", folder / "jobs.jsonl"
    jobs: list[Any] = [small(seed=seed) for seed in range(kills + 10)]
    manifest.write_text("".join(json.dumps(job) + "\n" for job in jobs))
    if begun(calm, str(manifest)).wait():
        raise SystemExit("the undisturbed batch failed")
    started = time.monotonic()
    tally = disturbed(out, manifest, kills, chance)
    with sqlite3.connect(out / "jobs.sqlite") as raw:
        (begins,) = raw.execute("select count(*) from events where kind = 'running'").fetchone()
    found = faults_of(out, calm)
    told = ", ".join(f"{count} of {what}" for what, count in sorted(tally.items()))
    print(
        f"batch: {sum(tally.values())} kills ({told}) among {len(jobs)} jobs, {begins} times a job was "
        f"begun, {len(found)} faults, {time.monotonic() - started:.0f} s",
        flush=True,
    )
    return [f"batch, {fault}" for fault in found]
