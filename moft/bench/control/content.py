"""Does what is outside a steered region stay, and what does that cost in motion? Fig. 12 as numbers.

    moft bench content [--only keys] [-o results.json]

On the prompts and seeds of `directions`: a half of the frame is steered by 2 px a frame (32 runs), under each
of `WAYS` to keep content. PSNR (dB) and SSIM of all that is outside against the plain run; motion inside: its
share of the asked speed along the asked direction, and whether it was followed. "more alike" is the share of
the runs that are more alike than without any, by PSNR and by SSIM. Then the whole frame (16 runs): PSNR of
the first frame, how far the mean colour moves (0…255), and how much of the histogram stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import moft
from moft.bench.control.asked import SPEED, steered
from moft.bench.task import CLIP, PROMPTS
from moft.bench.task import clips as sample
from moft.request.motion import Motion
from moft.steering.recording import Recording

KEYS = 1.0  # share of the steps that take over keys and values
NONE = moft.Settings(keep=0)
WAYS = {
    "none": NONE,
    "both": replace(NONE, keep_keys=KEYS, clip_frames=4),
    "keys": replace(NONE, keep_keys=KEYS),
    "clip": replace(NONE, clip_frames=4),
    "latents": moft.Settings(),
    "all": moft.Settings(keep_keys=KEYS, clip_frames=4),
}
LEFT, RIGHT = "box:0,0,50%,100%", "box:50%,0,50%,100%"
ASKED = (("up", LEFT), ("right", LEFT), ("down", RIGHT), ("left", RIGHT))
WHOLE = {"none": NONE, "keys": WAYS["keys"]}
NAMES = (*WAYS, *(f"whole_{name}" for name in WHOLE))


def alike(a: np.ndarray, b: np.ndarray, where: tuple[slice, ...]) -> tuple[float, float]:
    """PSNR and SSIM of a part of two clips uint8 (f h w 3), the latter as the mean over frames."""
    a, b = a[where], b[where]
    return peak_signal_noise_ratio(b, a), float(
        np.mean([structural_similarity(x, y, channel_axis=-1) for x, y in zip(a, b, strict=True)])
    )


def moved(video: np.ndarray, motion: Motion, mask: np.ndarray | None) -> tuple[float, bool]:
    """The share of the asked speed along the asked direction, and whether it was followed."""
    shown, velocity = moft.measure(video, mask), motion.velocity(CLIP)
    share = float(np.dot(shown.inside, velocity) / np.dot(velocity, velocity))
    return share, moft.followed(shown, motion, CLIP)


def region(
    pipe: Any, settings: moft.Settings, plain: np.ndarray, recording: Recording, seed: int
) -> list[tuple[float, ...]]:
    """(PSNR, SSIM, share, followed) of each run."""
    rows: list[tuple[float, ...]] = []
    for name, place in ASKED:
        motion, mask = Motion(name, speed=SPEED), moft.read_region(place, CLIP)
        outside = np.s_[:, :, CLIP.width // 2 :] if place == LEFT else np.s_[:, :, : CLIP.width // 2]
        for video, before in zip(
            steered(pipe, list(PROMPTS), seed, motion, regions=[mask], settings=settings, plain=recording),
            plain,
            strict=True,
        ):
            rows.append((*alike(video, before, outside), *moved(video, motion, mask)))
    return rows


def whole(
    pipe: Any, settings: moft.Settings, plain: np.ndarray, recording: Recording, seed: int
) -> dict[str, float]:
    """Means over the runs of the whole frame."""
    rows = []
    for name in ("left", "up"):
        motion = Motion(name, speed=SPEED)
        for video, before in zip(
            steered(pipe, list(PROMPTS), seed, motion, settings=settings, plain=recording), plain, strict=True
        ):
            colour = np.abs(video.mean((0, 1, 2)) - before.mean((0, 1, 2))).mean()
            rows.append(
                (
                    alike(video, before, (slice(1),))[0],
                    colour,
                    shared_colours(video, before),
                    *moved(video, motion, None),
                )
            )
    names = ("first_frame_psnr", "colour", "histogram", "share", "followed")
    return {"runs": len(rows), **dict(zip(names, np.mean(rows, 0), strict=True))}


def shared_colours(a: np.ndarray, b: np.ndarray) -> float:
    """How much two histograms of colour (4 x 4 x 4 bins) have in common, 0…1."""
    counts = [
        np.histogramdd(clip.reshape(-1, 3), bins=4, range=[(0, 256)] * 3)[0] / (clip.size / 3)
        for clip in (a, b)
    ]
    return float(np.minimum(*counts).sum())


def measured(
    pipe: Any, seed: int, only: Sequence[str], tell: Callable[[str, dict[str, float], float], object]
) -> dict[str, Any]:
    """Means of each of these `NAMES`, and every run of those in a region; `tell` hears each, with its
    seconds."""
    with moft.record(pipe, keys=True) as recording:
        plain = sample(pipe, list(PROMPTS), seed)
    results: dict[str, dict[str, float]] = {}
    every: dict[str, list[tuple[float, ...]]] = {}
    for name in only:
        started = time.perf_counter()
        if name in WAYS:
            every[name] = region(pipe, WAYS[name], plain, recording, seed)
            means = _means(every[name], every.get("none"))
        else:
            means = whole(pipe, WHOLE[name.removeprefix("whole_")], plain, recording, seed)
        results[name] = {key: round(float(value), 3) for key, value in means.items()}
        tell(name, results[name], time.perf_counter() - started)
    return {"means": results, "runs": every}


def _means(rows: list[tuple[float, ...]], none: list[tuple[float, ...]] | None) -> dict[str, float]:
    """Of runs in a region; beside those without any way to keep content, if there are some."""
    names = ("psnr", "ssim", "share", "followed")
    means = {"runs": len(rows), **dict(zip(names, np.mean(rows, 0), strict=True))}
    if none is not None:
        better = np.array(rows)[:, :2] > np.array(none)[:, :2]
        means |= {"more_alike_psnr": better[:, 0].mean(), "more_alike_ssim": better[:, 1].mean()}
    return means
