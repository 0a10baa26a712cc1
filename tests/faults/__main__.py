"""`python -m faults --kills 120`: kill every command that writes at random moments, and let disks and streams
fail; prints what was tried, and exits 1 if a file was lost, mixed or left, or a job of a batch."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from faults import batches
from faults.commands import COMMANDS, Command, prepare
from faults.disks import CHECKS
from faults.kills import Victim


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=120, help="in all, shared among the commands")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--only", action="append", choices=list(KILLED), help="several may be given")
    asked = parser.parse_args()
    chance, faults = random.Random(asked.seed), list[str]()
    with tempfile.TemporaryDirectory(prefix="moft-faults-") as place:
        prepare(Path(place))
        names = asked.only or list(KILLED)
        for i, name in enumerate(names):
            count = asked.kills // len(names) + (i < asked.kills % len(names))
            faults += KILLED[name](Path(place) / name, count, chance)
        for check in CHECKS if not asked.only else ():
            folder = Path(place) / check.__name__
            folder.mkdir()
            found = check(folder)
            print(f"{check.__name__}: {'; '.join(found) or 'right'}", flush=True)
            faults += [f"{check.__name__}: {one}" for one in found]
    print(f"{len(faults)} faults")
    print("\n".join(faults))
    return bool(faults)


def killed(command: Command, folder: Path, count: int, chance: random.Random) -> list[str]:
    """Kill a command so often; the faults that were found."""
    started, faults = time.monotonic(), list[str]()
    victim = Victim(command, folder)
    for i in range(count):
        faults += [
            f"{command.name}, kill {i + 1}: {fault}" for fault in victim.once(chance, again=i % 6 == 5)
        ]
    tally = ", ".join(f"{number} {what}" for what, number in sorted(victim.tally.items()))
    print(
        f"{command.name}: {count} kills within {victim.seconds:.1f} s of a run ({tally}), {len(faults)} "
        f"faults, {time.monotonic() - started:.0f} s",
        flush=True,
    )
    return faults


KILLED: dict[str, Callable[[Path, int, random.Random], list[str]]] = {
    **{name: partial(killed, command) for name, command in COMMANDS.items()},
    "batch": batches.killed,
    "batch by Ray": partial(batches.killed, way=batches.RAY),
}


if __name__ == "__main__":
    sys.exit(main())
