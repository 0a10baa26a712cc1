"""Is a masked part drawn anew as it was asked to move, and does the rest stay?

    moft bench inpaint [--only made --only real] [-o results.json]

32 runs of made clips: two masks, an object's place in the middle and the left half, for eight prompts each of
two directions; then the held-out real clips of `moft bench clips`, inverted, with both masks.

"outside" is the PSNR there against the plain run or the real clip, before its pixels are put back; "inside"
says how much is other than before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import moft
from moft.bench.control.clips import clips
from moft.bench.task import CLIP, PROMPTS
from moft.media.mask import read_region
from moft.media.writing import write_video
from moft.metrics.quality import psnr
from moft.request.motion import Motion
from moft.runs.job import Job, Scene

MASKS = {"middle": "box:16,16,32,32", "half": "box:0,0,50%,100%"}
WAYS = ("up", "left")
SPEED = "1.5px"
NAMES = ("made", "real")


def measured(model: moft.Model, seed: int, only: Any, tell: Callable[[str, Any], object]) -> Any:
    """Means of each of these `NAMES`, and every run; `tell` hears each run, and the means."""
    results: dict[str, Any] = {"means": {}, "runs": {}}
    with TemporaryDirectory() as folder:
        for name in only:
            scenes = _made(seed) if name == "made" else _real(seed, Path(folder))
            rows = []
            for scene in scenes:
                rows.append(_run(model, *scene))
                tell(f"{name} {len(rows)}", rows[-1])
            results["runs"][name] = rows
            results["means"][name] = _means(rows)
            tell(name, results["means"][name])
    return results


def _made(seed: int) -> Iterator[tuple[Scene, str, str]]:
    for j, mask in enumerate(MASKS):
        for i, prompt in enumerate(PROMPTS):
            for k, way in enumerate(WAYS):
                number = seed + (j * len(PROMPTS) + i) * len(WAYS) + k
                yield Scene(prompt, CLIP, seed=number, inpaint=MASKS[mask]), way, mask


def _real(seed: int, folder: Path) -> Iterator[tuple[Scene, str, str]]:
    for i, (name, clip) in enumerate(clips().items()):
        path = folder / f"{name}.gif"
        write_video(path, clip, fps=8)
        for mask, region in MASKS.items():
            for way in WAYS:
                yield Scene("", CLIP, seed=seed + i, video=str(path), inpaint=region), way, mask


def _run(model: moft.Model, scene: Scene, way: str, mask: str) -> dict[str, Any]:
    run = moft.run(model, Job(scene, (Motion(way, speed=SPEED),)))
    inside = read_region(MASKS[mask], CLIP) > 0.5
    rest = run.plain if scene.video is None else run.trial.clip  # type: ignore[attr-defined]
    outside = np.broadcast_to(~inside, rest.shape[:3])
    judged = run.outcome[0].steered
    return {
        "scene": scene.prompt or Path(str(scene.video)).stem,
        "mask": mask,
        "way": way,
        "followed": bool(judged.followed),
        "share": round(float(judged.share), 3),
        "outside": round(run.record()["outside"], 2),
        "exact": bool((run.steered[outside] == rest[outside]).all()),
        "inside": round(psnr(run.steered[~outside], rest[~outside]), 2),
    }


def _means(rows: list[dict[str, Any]]) -> dict[str, Any]:
    outside = [row["outside"] for row in rows]
    return {
        "runs": len(rows),
        "followed": round(float(np.mean([row["followed"] for row in rows])), 3),
        "share": round(float(np.mean([row["share"] for row in rows])), 3),
        "outside": round(float(np.mean(outside)), 2),
        "outside_least": min(outside),
        "exact": round(float(np.mean([row["exact"] for row in rows])), 3),
        "inside": round(float(np.mean([row["inside"] for row in rows])), 2),
    }
