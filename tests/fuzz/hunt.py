"""Deals cases to workers until the time is up, and counts what became of them."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzz.readers import READERS, Reader
from fuzz.watch import WALL

SCRATCH = "/dev/shm" if os.path.isdir("/dev/shm") else None  # folders come and go there in no time
SLICE = 1.5  # seconds of the processor that a worker is given at once


@dataclass
class Tally:
    """Of one reader."""

    reader: Reader
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0  # taken so far
    slowest: float = 0.0
    most: float = 0.0  # MB of one case
    dealt: int = 0

    @property
    def tried(self) -> int:
        """Cases that were any."""
        return sum(self.counts.values()) - self.counts["passed"]

    def count(self, became: dict[str, Any]) -> None:
        """One more case."""
        self.counts["found" if "found" in became else became["became"]] += 1
        self.slowest = max(self.slowest, became.get("seconds", 0.0))
        self.most = max(self.most, became.get("mb", 0.0))


@dataclass
class Hunt:
    """Over some readers, until so many seconds are gone or so many cases each were tried."""

    readers: tuple[Reader, ...] = READERS
    seconds: float = 60.0
    cases: int | None = None  # of each reader; None: as many as there is time for
    base: int = 0
    start: int = 0
    kept: Path = Path("out/fuzz")

    def __post_init__(self) -> None:
        self.tallies = {reader.name: Tally(reader) for reader in self.readers}
        self.findings: dict[tuple[str, str], dict[str, Any]] = {}
        self.lock, self.until = threading.Lock(), time.monotonic() + self.seconds

    def run(self, workers: int = 1) -> Hunt:
        """Deal to so many processes."""
        threads = [threading.Thread(target=self._drive) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self

    def _drive(self) -> None:
        with tempfile.TemporaryDirectory(prefix="moft-fuzz-", dir=SCRATCH) as folder:
            process: Process | None = None
            while (asked := self._next()) is not None:
                process = process or Process(Path(folder), self.base)
                alive = self._deal(process, *asked)
                process = process if alive else process.end()
            if process:
                process.end()

    def _next(self) -> tuple[Tally, int, int] | None:
        """The reader that had the least of its share, and which of its cases."""
        with self.lock:
            left = [t for t in self.tallies.values() if t.dealt < self._wanted(t)]
            if not left or time.monotonic() > self.until:
                return None
            tally = min(left, key=lambda t: t.seconds / t.reader.weight)
            most = min(100_000, self._wanted(tally) - tally.dealt)
            first = self.start + tally.dealt
            tally.dealt += most
            tally.seconds += 0.01
            return tally, first, most

    def _wanted(self, tally: Tally) -> int:
        cases = 10**9 if self.cases is None else self.cases
        return cases // 10 if tally.reader.slow else cases

    def _deal(self, process: Process, tally: Tally, first: int, most: int) -> bool:
        """Whether the worker lives after it."""
        took, number = SLICE, first
        process.ask(tally.reader.name, first, most, SLICE if self.cases is None else 1e6)
        try:
            while "done" not in (said := process.answer()):
                if "starts" in said:
                    number = said["starts"]
                else:
                    self._take(tally, number, said)
            took = said["seconds"]
            if said["left open"] > 2:
                self._take(tally, first, {"found": f"{said['left open']} files left open", "where": "open"})
            return True
        except EOFError as error:
            self._take(tally, number, {"found": str(error), "where": str(error)[:40]})
            return False
        finally:
            with self.lock:
                tally.dealt -= first + most - (number + 1)
                tally.seconds += took

    def _take(self, tally: Tally, number: int, became: dict[str, Any]) -> None:
        with self.lock:
            tally.count(became)
            if "found" not in became:
                return
            key = (tally.reader.name, became["where"])
            if key not in self.findings:
                self.findings[key] = {"reader": tally.reader.name, "case": number, "times": 0, **became}
                self._keep(self.findings[key])
            self.findings[key]["times"] += 1

    def _keep(self, finding: dict[str, Any]) -> None:
        folder = self.kept / f"{finding['reader'].replace('/', '-')}-{finding['case']}"
        folder.mkdir(parents=True, exist_ok=True)
        if "file" in finding:
            shutil.copy(finding.pop("file"), folder / "bent")
        again = f"{finding['reader']}:{finding['case']}"
        finding["again"] = f"python -m fuzz --base {self.base} --again {again!r}"
        (folder / "finding.json").write_text(json.dumps(finding, indent=1))

    def table(self) -> str:
        """The counts, in words."""
        head = f"{'reader':<18}{'tried':>8}{'refused':>9}{'read':>8}{'found':>7}{'slowest':>10}{'most':>9}"
        rows = [head]
        for tally in self.tallies.values():
            c = tally.counts
            rows.append(
                f"{tally.reader.name:<18}{tally.tried:>8}{c['refused']:>9}{c['read']:>8}{c['found']:>7}"
                f"{tally.slowest:>8.2f} s{tally.most:>6.0f} MB"
            )
        whole: Counter[str] = sum((t.counts for t in self.tallies.values()), Counter())
        tried = sum(t.tried for t in self.tallies.values())
        rows.append(f"{'all':<18}{tried:>8}{whole['refused']:>9}{whole['read']:>8}{whole['found']:>7}")
        return "\n".join(rows)


class Process:
    """A worker, and the lines to and from it."""

    def __init__(self, folder: Path, base: int) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        (self.folder / "home").mkdir()
        self.log = open(self.folder.parent / "log", "w+b")  # noqa: SIM115
        home = {"HOME": str(self.folder / "home"), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        environment = {**os.environ, **home, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-X", "faulthandler", "-m", "fuzz.worker", str(self.folder), str(base)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, env=environment
        )
        self.waiting = b""
        self.answer(300)

    def ask(self, reader: str, first: int, most: int, seconds: float) -> None:
        """Deal cases."""
        assert self.process.stdin
        line = json.dumps({"reader": reader, "first": first, "most": most, "seconds": seconds})
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def answer(self, seconds: float = WALL) -> dict[str, Any]:
        """The next line. Raises EOFError where the worker has died, or says nothing for so long."""
        assert self.process.stdout
        while b"\n" not in self.waiting:
            if not select.select([self.process.stdout], [], [], seconds)[0]:
                raise EOFError(f"no answer for {seconds:.0f} s")
            part = os.read(self.process.stdout.fileno(), 2**16)
            if not part:
                code = self.process.wait()
                raise EOFError(f"the process died, {code}: {self._last_words()}")
            self.waiting += part
        line, self.waiting = self.waiting.split(b"\n", 1)
        said: dict[str, Any] = json.loads(line)
        return said

    def _last_words(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-600:]

    def end(self) -> None:
        """Stop it, and remove what it left."""
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
