"""`python -m fuzz --minutes 15`: bent files and texts for every reader, counted; what is found is kept."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from fuzz.hunt import Hunt
from fuzz.readers import READERS


def main() -> int:
    """Exit 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long to hunt")
    parser.add_argument("--workers", type=int, default=1, help="processes, a core each")
    parser.add_argument("--base", type=int, default=0, help="another one makes other cases")
    parser.add_argument(
        "--only", action="append", help=f"one of {', '.join(r.name for r in READERS)}; several"
    )
    parser.add_argument("--kept", type=Path, default=Path("out/fuzz"), help="folder for what is found")
    parser.add_argument("--again", metavar="READER:NUMBER", help="run one case, and show what it raises")
    asked = parser.parse_args()
    if asked.again:
        return again(asked.again, asked.base)
    readers = tuple(r for r in READERS if not asked.only or r.name in asked.only)
    hunt = Hunt(readers, asked.minutes * 60, base=asked.base, kept=asked.kept).run(asked.workers)
    print(hunt.table())
    for finding in hunt.findings.values():
        print(f"\n{finding['reader']}, {finding['times']} times: {finding['found']}\n  {finding['again']}")
    return bool(hunt.findings)


def again(case: str, base: int) -> int:
    """One case in this process, with all that it raises."""
    from fuzz import worker as w

    name, _, number = case.rpartition(":")
    with tempfile.TemporaryDirectory() as scratch:
        worker = w.Worker(Path(scratch), base)
        reader = worker.readers[name]
        seed, chance = worker.bent(reader, int(number))
        folder = Path(scratch, "shown")
        folder.mkdir()
        print(f"{reader.name}: {seed[0]!r}, {len(seed[1])} bytes: {seed[1][:300]!r}")
        state = chance.getstate()
        print(worker.run(reader, seed, chance))
        chance.setstate(state)
        placed = reader.place(folder, seed, worker.seeds[name])
        print(reader.read(w.Case(placed, seed[1], chance)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
