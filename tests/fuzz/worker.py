"""One process that runs cases, as the hunt deals them, and says of each what became of it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import traceback
import warnings
from pathlib import Path
from random import Random
from typing import Any

from fuzz import watch
from fuzz.readers import READERS, Case, Passed, Reader
from fuzz.seeds import Seed
from moft.errors import MoftError

ODD_NAMES = ("a b", "a\x1b[31m", "[b]", "a\nb", "$x$", "a" * 200, "ä\u202e", "-a", "a:b", "%s", "a\udcff")


class Worker:
    """Readers with their seeds, in a folder of its own."""

    def __init__(self, scratch: Path, base: int = 0) -> None:
        self.scratch, self.base = scratch, base
        scratch.mkdir(parents=True, exist_ok=True)
        self.readers = {reader.name: reader for reader in READERS}
        self.seeds: dict[str, list[Seed]] = {}
        self.guard, self.memory = watch.Guard(), watch.Memory()

    def seeds_of(self, reader: Reader) -> list[Seed]:
        """Made at the first case of a reader, and read once as they are, so that all is loaded."""
        if reader.name not in self.seeds:
            folder = self.scratch / "seeds"
            folder.mkdir(parents=True)
            found = self.seeds[reader.name] = reader.seeds(folder)
            shutil.rmtree(folder)
            for seed in found[:1]:
                self.run(reader, seed, Random(0), watched=False)
        return self.seeds[reader.name]

    def bent(self, reader: Reader, number: int) -> tuple[Seed, Random]:
        """A case, made again from its number: what it is, and the chance that is left for reading it."""
        seeds = self.seeds_of(reader)
        chance = Random(f"{self.base}:{reader.name}:{number}")
        name, data = chance.choice(seeds)
        others = [other for _, other in seeds if len(other) < 2**20]
        bent = reader.rule(name)(chance, data, others)
        if reader.place.__name__ == "alone" and chance.random() < 0.03:
            name = chance.choice(ODD_NAMES) + Path(name).suffix
        return (name, bent), chance

    def run(self, reader: Reader, seed: Seed, chance: Random, watched: bool = True) -> dict[str, Any]:
        """Read it, and say what came of that: "read", "refused", "passed", or what was found."""
        folder = self.scratch / "case"
        folder.mkdir()
        try:
            placed = reader.place(folder, seed, self.seeds[reader.name])
            case = Case(placed, seed[1], chance)
            self.memory.start()
            started = watch.used()
            try:
                with watch.at_most(watch.SECONDS), self.guard.watching(folder, seed[1], reader.writes):
                    became = outcome(reader, case)
            except watch.TooLong:
                became = {"found": "too long", "where": "time"}
            seconds, rise = watch.used() - started, self.memory.rise()
            if watched:
                became |= self._beyond(seconds, rise)
            return {**became, "seconds": round(seconds, 3), "mb": round(rise, 1)}
        finally:
            os.chdir(self.scratch)
            shutil.rmtree(folder)

    def _beyond(self, seconds: float, rise: float) -> dict[str, str]:
        if self.guard.seen:
            what = self.guard.seen[0]
            return {"found": f"not named: {what}", "where": what.partition("/case/")[0]}
        if seconds > watch.SECONDS + 1:
            return {"found": f"took {seconds:.1f} s", "where": "time"}
        if rise > watch.MEGABYTES:
            return {"found": f"took {rise:.0f} MB", "where": "memory"}
        return {}


def outcome(reader: Reader, case: Case) -> dict[str, str]:
    """What reading a case ends in."""
    try:
        reader.read(case)
    except MoftError as error:
        return {"became": "refused", "text": f"{error!s:.300}"}
    except Passed:
        return {"became": "passed"}
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [f"{Path(f.filename).name}:{f.name}" for f in frames if "/moft/" in f.filename]
        place = own[-1] if own else frames[-1].name
        text = f"{type(error).__name__}: {error!s:.200}"
        return {"found": f"{text} in {place}", "where": f"{type(error).__name__} in {place}"}
    return {"became": "read"}


def main() -> None:
    """Lines of JSON in, as `fuzz.hunt` writes them; after each case a line out."""
    scratch, base = Path(sys.argv[1]), int(sys.argv[2])
    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    worker = Worker(scratch, base)
    watch.limit_addresses()
    print(json.dumps({"ready": True}), file=out)
    for line in sys.stdin:
        asked = json.loads(line)
        reader = worker.readers[asked["reader"]]
        before = watch.used()
        worker.seeds_of(reader)
        open_before, started = watch.descriptors(), watch.used()
        for number in range(asked["first"], asked["first"] + asked["most"]):
            print(json.dumps({"starts": number}), file=out)
            seed, chance = worker.bent(reader, number)
            became = worker.run(reader, seed, chance)
            if "found" in became:
                became["file"] = keep(scratch, seed, reader, number)
            print(json.dumps(became), file=out)
            if watch.used() - started > asked["seconds"]:
                break
        left = watch.descriptors() - open_before
        took = watch.used() - before
        print(json.dumps({"done": True, "left open": left, "seconds": took}), file=out)


def keep(scratch: Path, seed: Seed, reader: Reader, number: int) -> str:
    """The bent file, beside the scratch folder until the hunt takes or drops it."""
    path = scratch / "found"
    path.write_bytes(seed[1])
    return str(path)


if __name__ == "__main__":
    main()
