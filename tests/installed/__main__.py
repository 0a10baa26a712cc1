"""`python -m installed`: build the wheel, look into it, and try each extra in an empty environment, from a
folder outside the checkout; exits 1 if something is not as it should be."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from installed.checks import BY_EXTRA
from installed.place import Place
from installed.wheel import built, check_contents, check_page, check_sources


def version_of(python: str) -> str:
    """3.12, of a path or a version."""
    if not Path(python).exists():
        return python
    text = "import sys; print(*sys.version_info[:2], sep='.')"
    return subprocess.run([python, "-c", text], check=True, capture_output=True, text=True).stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m installed", description=__doc__)
    parser.add_argument("--python", action="append", help="3.12, say, or a path; several may be given")
    parser.add_argument("--extra", action="append", choices=list(BY_EXTRA), help="several may be given")
    asked = parser.parse_args()
    faults = list[str]()

    def tried(what: str, check: Callable[..., str], *given: Any) -> None:
        started = time.monotonic()
        try:
            said = check(*given)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            faults.append(f"{what}: {error}")
            said = "FAULT"
        print(f"{what}: {said} ({time.monotonic() - started:.0f} s)", flush=True)

    with tempfile.TemporaryDirectory(prefix="moft-installed-") as folder:
        wheel, archive = built(Path(folder))
        tried("wheel", check_contents, wheel)
        tried("source archive", check_sources, archive)
        tried("readme on an index", check_page, wheel)
        for python in asked.python or [sys.executable]:
            for extra in asked.extra or BY_EXTRA:
                with tempfile.TemporaryDirectory(prefix="moft-place-") as where:
                    named = f"{version_of(python)} [{extra}]"
                    started = time.monotonic()
                    try:
                        place = Place(Path(where), python, wheel, extra)
                    except AssertionError as error:
                        faults.append(f"{named}: {error}")
                        continue
                    print(f"{named}: installed ({time.monotonic() - started:.0f} s)", flush=True)
                    for check in BY_EXTRA[extra]:
                        tried(f"{named} {check.__name__}", check, place)
    for fault in faults:
        print(f"FAULT  {fault}")
    print(f"{len(faults)} faults")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
