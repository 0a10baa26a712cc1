"""Which rule for an update, how far, how many of them, in which steps?

    moft bench rules tune|gently|rules|cost [--prompts 8] [-o results.json]

tune: three step sizes of each rule, on tuning prompts and seeds. gently: how hard, each at the gain that
makes its clips as fast as asked, likewise. rules: each rule at the best size of `tune`, all as many
gradients. cost: gradients a step and guided steps, with FLOPs as a ratio to a plain run's. The last two are
on held-out prompts and seeds.

Whole frame, 2 px a frame; "off" is how far the share of the speed is from 1. What a picture suffers is told
beside the plain clip's own numbers: steadiness and sameness of its frames (`moft.metrics.fidelity`), the
share of its points that can be followed to the end and the error of warping frames by their flow
(`moft.metrics.coherence`), how far its mean colour is from the plain clip's (0…1), and its contrast
(deviation of its pixels) as a ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import moft
from moft.bench.control.asked import SPEED, steered
from moft.bench.costs import cost
from moft.bench.task import CLIP, PROMPTS, TUNING_PROMPTS
from moft.bench.task import clips as sample
from moft.diagnosis import counting
from moft.feature.model import Model
from moft.metrics.coherence import kept, warp_error
from moft.metrics.motion import judged
from moft.metrics.quality import consistency, temporal_flickering
from moft.request.motion import Motion
from moft.runs.calibration import SIDES
from moft.steering.objective import EARLY, LATER, STEP, UPDATES

Tell = Callable[[str, dict[str, float]], object]
SIZES = {"normalised": (0.2, 0.3, 0.45), "adam": (0.1, 0.2, 0.3), "plain": (1300.0, 2700.0, 5400.0)}
BEST = {"normalised": 0.2, "adam": 0.2, "plain": 5400.0}  # of `tune`: the share of the speed nearest to 1
USUAL: dict[str, Any] = dict(steps=EARLY, gradient_steps=UPDATES, step_size=STEP, warp_noise=0)
HARD: dict[str, Any] = USUAL | dict(keep_spread=False)  # as in the release
GENTLY: list[dict[str, Any]] = [
    HARD,
    USUAL,
    USUAL | dict(gradient_steps=1),
    HARD | dict(gradient_steps=1),
    HARD | dict(step_size=0.15),
    HARD | dict(step_size=0.2, gradient_steps=1),
    dict(steps=EARLY),
    dict(steps=LATER),
    {},
]
COSTS: list[dict[str, Any]] = [{}, dict(fused=True), dict(steps=LATER), dict(steps=EARLY), USUAL, HARD]


def picture(video: np.ndarray, plain: np.ndarray) -> dict[str, float]:
    """What became of the picture: clips uint8 (f h w 3)."""
    colours = [clip.mean((0, 1, 2)) / 255 for clip in (video, plain)]
    return {
        "steadiness": temporal_flickering(video),
        "sameness": consistency(video),
        "kept": kept(video),
        "warp": warp_error(video),
        "colour": float(np.linalg.norm(colours[0] - colours[1])),
        "contrast": float(video.std() / plain.std()),
    }


def runs(
    pipe: Any,
    prompts: Sequence[str],
    plain: np.ndarray,
    seed: int,
    names: Sequence[str],
    settings: moft.Settings,
    statistics: moft.Statistics | None = None,
) -> dict[str, float]:
    """Means over every prompt going each of these ways, beside its plain clip (n f h w 3)."""
    rows = []
    for name in names:
        motion = Motion(name, speed=SPEED)
        videos = steered(pipe, list(prompts), seed, motion, settings=settings, statistics=statistics)
        for video, before in zip(videos, plain, strict=True):
            verdict = judged(moft.measure(video), motion, CLIP)
            cosine = 0.0 if verdict.angle is None else float(np.cos(np.radians(verdict.angle)))
            rows.append(
                {
                    "followed": verdict.followed,
                    "share": verdict.share,
                    "off": abs(verdict.share - 1),
                    "cosine": cosine,
                    **picture(video, before),
                }
            )
    return {"runs": len(rows), **means(rows)}


def means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Of every column."""
    return {key: round(float(np.mean([row[key] for row in rows])), 3) for key in rows[0]}


def tune(pipe: Any, count: int, tell: Tell) -> dict[str, Any]:
    """Three step sizes of each rule, on so many tuning prompts."""
    texts = TUNING_PROMPTS[:count]
    plain = sample(pipe, list(texts), 900)
    settings_of = {
        f"{rule} {size}": moft.Settings(**HARD | dict(rule=rule, step_size=size))
        for rule, sizes in SIZES.items()
        for size in sizes
    }
    return measured(
        {
            name: partial(runs, pipe, texts, plain, 900, ("left", "up"), settings)
            for name, settings in settings_of.items()
        },
        plain,
        tell,
    )


def gently(pipe: Any, count: int, tell: Tell) -> dict[str, Any]:
    """Each of `GENTLY` at its own gain, found on these tuning prompts and other seeds."""
    texts, plain = TUNING_PROMPTS[:count], sample(pipe, list(TUNING_PROMPTS[:count]), 960)
    scenes = [moft.Scene(text, CLIP, seed=900 + i) for i, text in enumerate(texts)]

    def one(settings: moft.Settings) -> dict[str, float]:
        known = moft.calibrate(Model(pipe), scenes, speed=SPEED, settings=settings)
        return {"gain": round(known.gain, 2), **runs(pipe, texts, plain, 960, SIDES, settings, known)}

    return measured({_named(change): partial(one, moft.Settings(**change)) for change in GENTLY}, plain, tell)


def rules(pipe: Any, count: int, tell: Tell) -> dict[str, Any]:
    """Each rule at its best step size, on so many held-out prompts."""
    texts, ways = PROMPTS[:count], ("left", "right", "up", "down")
    plain = sample(pipe, list(texts), 100)
    settings_of = {
        rule: moft.Settings(**HARD | dict(rule=rule, step_size=size)) for rule, size in BEST.items()
    }
    return measured(
        {
            rule: partial(runs, pipe, texts, plain, 100, ways, settings)
            for rule, settings in settings_of.items()
        },
        plain,
        tell,
    )


def costs(pipe: Any, count: int, tell: Tell) -> dict[str, Any]:
    """Each of `COSTS`, on so many held-out prompts, with its FLOPs over a plain run's."""
    texts = PROMPTS[:count]
    plain, base = sample(pipe, list(texts), 100), counting.flops(partial(cost.sample, pipe))

    def one(settings: moft.Settings) -> dict[str, float]:
        def run() -> None:
            with moft.steer(pipe, Motion("left"), settings=settings):
                cost.sample(pipe)

        return {
            "flops": round(counting.flops(run) / base, 3),
            **runs(pipe, texts, plain, 100, ("left", "up"), settings),
        }

    return measured({_named(change): partial(one, moft.Settings(**change)) for change in COSTS}, plain, tell)


def _named(change: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in change.items()) or "as it comes"


def measured(
    what: dict[str, Callable[[], dict[str, float]]], plain: np.ndarray, tell: Tell
) -> dict[str, Any]:
    """Each in turn, told as it comes; the plain clips first."""
    results: dict[str, Any] = {}
    for name, run in {
        "plain clips": lambda: means([picture(video, video) for video in plain]),
        **what,
    }.items():
        results[name] = run()
        tell(name, results[name])
    return results


PARTS: dict[str, Callable[[Any, int, Tell], dict[str, Any]]] = {
    "tune": tune,
    "gently": gently,
    "rules": rules,
    "cost": costs,
}
