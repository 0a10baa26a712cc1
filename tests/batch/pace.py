"""What a batch costs besides its model: jobs that make nothing, through the real store, driver and workers.

    PYTHONPATH=tests python tests/batch/pace.py --jobs 1000 10000 100000 --workers 2

Prints for each number of jobs, as JSON: seconds a job to queue, to make and to write the table; the driver's
most memory; bytes of the journal. The driver is this process; each number has one of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from batched import nothing, small

from moft.batch.driver import drive
from moft.batch.store import Store
from moft.batch.table import write_tables


def paced(jobs: int, workers: int) -> dict[str, Any]:
    """So many jobs by so many workers, in a folder that is taken away."""
    row = json.dumps(small(inputs={}, seed=0), separators=(",", ":"))
    with tempfile.TemporaryDirectory(prefix="moft-pace-") as place:
        store, spent, began = Store(Path(place) / "jobs.sqlite"), {}, time.perf_counter()

        def done(what: str) -> None:
            nonlocal began
            spent[what] = 1000 * (time.perf_counter() - began) / jobs
            began = time.perf_counter()

        store.add((f"{i:020x}", row.replace('"seed":0', f'"seed":{i}'), str(i)) for i in range(jobs))
        done("queue_ms")
        drive(store, Path(place), lambda counts: None, workers=workers, target=nothing)
        done("make_ms")
        write_tables([store], Path(place))
        done("table_ms")
        assert store.counts()["done"] == jobs
        store.settle()
        size = sum(path.stat().st_size for path in Path(place).glob("jobs.sqlite*") if path.is_file())
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    rounded = {name: round(value, 3) for name, value in spent.items()}
    whole = {"all_ms": round(sum(spent.values()), 3), "driver_mb": round(most)}
    return {"jobs": jobs, "workers": workers, **rounded, **whole, "journal_bytes_a_job": round(size / jobs)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    if len(asked.jobs) == 1:
        told = paced(asked.jobs[0], asked.workers)
        print(json.dumps({**told, "load": [round(value, 1) for value in os.getloadavg()]}), flush=True)
        return
    for jobs in asked.jobs:
        typed = [sys.executable, __file__, "--jobs", str(jobs), "--workers", str(asked.workers)]
        subprocess.run(typed, check=True)


if __name__ == "__main__":
    main()
