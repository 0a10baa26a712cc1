"""Do dragged points arrive? Mean distance from the wanted way, in its lengths (Table 2): plain, MOFT, DIFT, and both.

    python benchmarks/drag.py [--only both] [-o results.json]

Prompts and seeds are held out; settings were tuned on others. A trajectory is what a person might draw and the miniature
can do: 12 to 15 px in 8 frames, at most 2.1 px a frame, 12 px or more from the border. Prompts whose textures are stripes are left out: where along
itself a stripe is cannot be seen, so it cannot be tracked. MOFT alone and DIFT alone guide the same steps with the same step
sizes as both together, so all three make as many gradients.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import nullcontext
from typing import Any

import numpy as np
from control import CLIP, PROMPTS, sample
from diffusers import DiffusionPipeline
from scipy.stats import bootstrap

import moft
from moft.drag import drag, trajectories
from moft.fidelity import drag_distance
from moft.tracks import follow

SCENES = [prompt for prompt in PROMPTS if "stripes" not in prompt]
PATHS = (
    [(20, 20), (34, 20)], [(44, 40), (32, 46)], [(32, 44), (32, 32)], [(24, 24), (34, 34)], [(40, 24), (33, 24), (33, 31)],
    [(36, 36), (24, 28)], [(28, 38), (28, 51)],
)  # fmt: skip
MODES = {"both": ("moft", "dift"), "moft": ("moft", "moft"), "dift": ("dift", "dift")}


def distances(videos: np.ndarray, path: Any) -> list[dict[str, float]]:
    """Of each clip (n f h w 3): how far its point is from where it should be."""
    (wanted,) = trajectories([path], CLIP)
    found = [follow(video, wanted[:1]) for video in videos]
    return [
        {
            "distance": drag_distance(one.points[0], wanted),
            "px": drag_distance(one.points[0], wanted, 1),
            "diagonals": drag_distance(one.points[0], wanted, float(np.hypot(CLIP.height, CLIP.width))),
            "seen": float(one.seen[0].mean()),
        }
        for one in found
    ]


def summary(rows: list[dict[str, float]]) -> dict[str, Any]:
    """Means, and the 95 % confidence interval of the mean distance (bootstrap over the pairs)."""
    values = np.array([row["distance"] for row in rows])
    interval = bootstrap((values,), np.mean, rng=0).confidence_interval
    means = {name: round(float(np.mean([row[name] for row in rows])), 3) for name in rows[0]}
    return {"pairs": len(rows), **means, "interval": [round(float(end), 3) for end in interval], "median": round(float(np.median(values)), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=(*MODES, "plain"), action="append")
    parser.add_argument("--seed", type=int, default=900)
    parser.add_argument("-o", "--output")
    args = parser.parse_args()
    pipe = DiffusionPipeline.from_pretrained(moft.miniature_path(), local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    results: dict[str, Any] = {"scenes": SCENES, "paths": PATHS, "seed": args.seed}
    for name in args.only or (*MODES, "plain"):
        rows, started = [], time.process_time()
        for number, path in enumerate(PATHS):
            dragging = drag(pipe, path, losses=MODES[name]) if name in MODES else nullcontext()
            with dragging:
                videos = sample(pipe, SCENES, args.seed + 10 * number)
            rows += distances(videos, path)
            found = {**summary(rows), "cpu_seconds": round(time.process_time() - started, 1)}
            print(json.dumps({name: found}), flush=True)
        results[name] = {**found, "rows": rows}
        if args.output:
            with open(args.output, "w") as file:
                json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
