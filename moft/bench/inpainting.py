"""Is a masked part drawn anew as it was asked to move, and does the rest stay?

    moft bench inpaint [--only made --only real --only removed --only moved] [-o results.json]

32 runs of made clips: two masks, an object's place in the middle and the left half, for eight prompts each of
two directions; then the held-out real clips of `moft bench clips`, inverted, with both masks. Then clips with
an object before a scene that is known (`replacing`), which is removed, and put on another way.

"outside" is the PSNR there against the plain run or the real clip, before its pixels are put back; "inside"
says how much is other than before, "clipped" what share of values there is black or white, as in blobs. Real
clips are given words for what is drawn. Of an object: the share of its pixels' colour that is still in the
mask ("left"), and the PSNR in the mask against what is behind it, before and after, and of a mask in the mean
colour of its surroundings ("flat").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

import moft
from moft.bench.control.clips import clips
from moft.bench.replacing import SPEED as OBJECT_SPEED
from moft.bench.replacing import Before, scenes
from moft.bench.task import CLIP, PROMPTS
from moft.media.mask import read_region
from moft.media.writing import write_video
from moft.metrics.quality import psnr
from moft.request.motion import Motion
from moft.runs.job import Job, Scene

MASKS = {"middle": "box:16,16,32,32", "half": "box:0,0,50%,100%"}
WAYS = ("up", "left")
SPEED = "1.5px"
CLIPPED = ("clipped", "clipped_before")
NAMES = ("made", "real", "removed", "moved")


def measured(model: moft.Model, seed: int, only: Any, tell: Callable[[str, Any], object]) -> Any:
    """Means of each of these `NAMES`, and every run; `tell` hears each run, and the means."""
    results: dict[str, Any] = {"means": {}, "runs": {}}
    with TemporaryDirectory() as folder:
        for name in only:
            rows = []
            for row in _rows(model, name, seed, Path(folder)):
                rows.append(row)
                tell(f"{name} {len(rows)}", row)
            results["runs"][name] = rows
            results["means"][name] = _means(rows)
            tell(name, results["means"][name])
    return results


def _rows(model: moft.Model, name: str, seed: int, folder: Path) -> Iterator[dict[str, Any]]:
    if name in ("removed", "moved"):
        for i, before in enumerate(scenes(seed, upwards=name == "moved")):
            yield _replaced(model, before, name == "moved", seed + i, folder)
        return
    for scene in _made(seed) if name == "made" else _real(seed, folder):
        yield _run(model, *scene)


def _replaced(model: moft.Model, before: Before, moved: bool, seed: int, folder: Path) -> dict[str, Any]:
    """One object removed, or moved up instead of right."""
    clip, mask = folder / "clip.gif", folder / "mask.png"
    write_video(clip, before.clip, fps=8)
    Image.fromarray(before.mask.astype(np.uint8) * 255).save(mask)
    words = before.words if moved else before.scene
    scene = Scene("", CLIP, seed=seed, video=str(clip), inpaint=str(mask), inpaint_prompt=words)
    request = Motion("up", speed=f"{OBJECT_SPEED}px") if moved else before.camera
    run = moft.run(model, Job(scene, (request,)))
    inside = np.broadcast_to(before.mask, before.object.shape)
    surroundings = before.clip[~inside].mean(0).round().astype(np.uint8)
    judged = run.outcome[0].steered
    return {
        "scene": before.words,
        "followed": bool(judged.followed),
        "share": round(float(judged.share), 3),
        "left": round(float(before.seen(run.steered)[inside].sum() / before.object.sum()), 3),
        "before": round(psnr(before.clip[inside], before.behind[inside]), 2),
        "after": round(psnr(run.steered[inside], before.behind[inside]), 2),
        "flat": round(
            psnr(np.broadcast_to(surroundings, before.behind[inside].shape), before.behind[inside]), 2
        ),
    }


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
                scene = Scene("", CLIP, seed=seed + i, video=str(path), inpaint=region)
                yield replace(scene, inpaint_prompt=PROMPTS[i]), way, mask


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
        "clipped": round(_clipped(run.steered[~outside]), 3),
        "clipped_before": round(_clipped(rest[~outside]), 3),
    }


def _clipped(pixels: np.ndarray) -> float:
    """Share of values at either end of their range, as in blobs of black and white."""
    return float(((pixels < 3) | (pixels > 252)).mean())


def _means(rows: list[dict[str, Any]]) -> dict[str, Any]:
    if "left" in rows[0]:
        names = [name for name in rows[0] if name != "scene"]
        return {"runs": len(rows)} | {n: round(float(np.mean([row[n] for row in rows])), 3) for n in names}
    outside = [row["outside"] for row in rows]
    return {
        "runs": len(rows),
        "followed": round(float(np.mean([row["followed"] for row in rows])), 3),
        "share": round(float(np.mean([row["share"] for row in rows])), 3),
        "outside": round(float(np.mean(outside)), 2),
        "outside_least": min(outside),
        "exact": round(float(np.mean([row["exact"] for row in rows])), 3),
        **{n: round(float(np.mean([row[n] for row in rows])), 3) for n in ("inside", *CLIPPED)},
    }
