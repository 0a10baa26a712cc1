"""`python -m rehearsal animatediff --folder out/rehearsal`: a model of true size on its first day, by the
command line and on a processor. Prints the peak memory of each command beside what `moft doctor` said of it;
exits 1 if a command fails or takes a tenth more or less."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rehearsal.models import MODELS

OFF = 0.1  # share by which memory may be off


@dataclass(frozen=True)
class Done:
    """A command that has ended well."""

    seconds: float  # of the processor's time
    peak: float  # GB of memory, of the whole process


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    parser.add_argument("model", choices=list(MODELS))
    parser.add_argument("--folder", type=Path, required=True, help="where there is room for 20 GB")
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--side", type=int, default=64, help="px")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--courses", type=int, default=4)
    parser.add_argument(
        "--explain", action="store_true", help="and a report, of few clips: a quarter of an hour more"
    )
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    model = asked.folder / asked.model
    _python(MADE, asked.model, model)  # apart: a process begins with the peak of the one that starts it
    photos, clip = _inputs(asked.folder)
    size = ["--frames", asked.frames, "--height", asked.side, "--width", asked.side]
    told = asked.folder / "doctor.json"
    _moft("doctor", "--model", model, "--processor", "--json", *size, out=told)
    said = json.loads(told.read_text())["processor_gb"]
    scene = ["--model", model, "--prompt", "a red ball", "--steps", asked.steps]
    few = ["--photos", photos, "--courses", asked.courses]
    rows = {
        "channels": _moft("channels", "--model", model, *few, *size),
        "steered": _moft("steer", *scene, "--motion", "left", "-o", asked.folder / "left.mp4"),
        "steered like a clip": _moft("steer", *scene, "--like", clip, "-o", asked.folder / "like.mp4"),
        "looked into": _python(LOOK, model, clip, asked.folder / "looks"),
    }
    if asked.explain:
        rows["explained"] = _python(EXPLAIN, model, clip, asked.folder / "explained")
    return _table(rows, said)


MADE = """
import sys
from pathlib import Path
from rehearsal.models import made
made(sys.argv[1], Path(sys.argv[2]))
"""

LOOK = """
import sys
from pathlib import Path
import moft
from moft.app.asked.kinds import Looked
from moft.app.work.reading import read_clip_inside
name, clip, looks = sys.argv[1:]
Path(looks).mkdir(exist_ok=True)
model = moft.load(name)
at = model.statistics
read_clip_inside(model, Looked(name, None, "a" * 16, clip, at.layer, at.timestep), Path(looks))
"""

EXPLAIN = """
import sys
import moft
from moft.interpreter.viewpoint import ExplainSettings
few = ExplainSettings(objects=4, fitting=4, places=1, timesteps=(300,))
moft.explain(moft.load(sys.argv[1]), [sys.argv[2]], sys.argv[3], settings=few, tell=print)
"""


def _inputs(folder: Path) -> tuple[Path, Path]:
    """A folder with a photograph, and a clip that pans it, as a user brings them."""
    from PIL import Image
    from skimage import data

    import moft
    from moft.known.pans import pan

    photos, clip = folder / "photos", folder / "pan.mp4"
    photos.mkdir(exist_ok=True)
    Image.fromarray(data.coffee()).save(photos / "coffee.png")
    moft.write_video(clip, pan(data.coffee(), moft.Motion("right", speed=0.03), moft.ClipSize(8, 256, 256)))
    return photos, clip


def _moft(*typed: object, out: Path | None = None) -> Done:
    print("moft", *typed, flush=True)
    return _run([sys.executable, "-m", "moft.cli", *map(str, typed)], out)


def _python(program: str, *given: object) -> Done:
    return _run([sys.executable, "-c", program, *map(str, given)])


def _run(command: list[str], out: Path | None = None) -> Done:
    started = time.monotonic()
    with open(out or os.devnull, "w") as stdout:
        child = subprocess.Popen(command, stdout=stdout)
        _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"ended with {child.returncode}: {command}")
    done = Done(used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20)
    print(
        f"  {done.peak:.2f} GB, {done.seconds:.0f} s, {time.monotonic() - started:.0f} s on the clock",
        flush=True,
    )
    return done


def _table(rows: dict[str, Done], said: dict[str, float]) -> int:
    """What was found beside what was said; 1 if it is too far off."""
    both = max(said["steered"], said["channels"])
    expected = {"channels": said["channels"], "steered": said["steered"], "steered like a clip": both}
    expected["looked into"] = said["channels"]
    print("| command | peak, GB | `moft doctor` said | of it | s of one core |\n|---|---|---|---|---|")
    off = 0
    for name, done in rows.items():
        if name not in expected:
            print(f"| {name} | {done.peak:.2f} | - | - | {done.seconds:.0f} |")
            continue
        share = done.peak / expected[name]
        off += not 1 - OFF <= share <= 1 + OFF
        print(f"| {name} | {done.peak:.2f} | {expected[name]:.2f} | {share:.2f} | {done.seconds:.0f} |")
    return int(off > 0)


if __name__ == "__main__":
    sys.exit(main())
