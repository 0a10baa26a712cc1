"""What has the miniature learned of motion? Scores on scenes that it was never trained on."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moft.feature.definition import ccr, pool
from moft.feature.statistics import Statistics
from moft.interpreter.directions import direction_scores
from moft.known.photographs import HELD_OUT_SEED, held_out_photographs
from moft.known.renderer import FRAMES, SIZE, ClipMaker, Clips, World
from moft.known.shapes import COLOURS, RADII, SHAPES, shape_distance
from moft.known.textures import TEXTURES
from moft.metrics.motion import followed, measure
from moft.miniature.looks import looks, true_clips
from moft.models.calls import retold
from moft.models.families import family_of
from moft.models.hooks import capture
from moft.models.pipeline import host_of
from moft.models.tap import Tap
from moft.request.motion import DIRECTIONS, Motion
from moft.steering.entry import steer
from moft.types import ClipSize

_TOGETHER = 32  # clips that are read at once
_PANS = World(textures=96, photos=0, objects=0, zooms=0, turns=0, flows=0)


# ---------------------------------------------------------------- features of held-out pans


@cache
def held_out_pans(n: int) -> Clips:
    """Steady pans over held-out textures."""
    return ClipMaker(_PANS, HELD_OUT_SEED).render(n)


@torch.no_grad()
def block_features(
    pipe: Any, video: Tensor, latents: Tensor, t: int, blocks: tuple[str, ...], seed: int = 0
) -> dict[str, Tensor]:
    """Outputs (b f c h w) of the blocks for latents (b c f h w) noised to timestep t, prompt empty; a model
    that starts from an image gets the first frames of their clips (b f 3 h w) in 0…1."""
    tap = Tap(pipe)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed)).to(latents)
    first = (video[:, 0] * 255).round().byte().permute(0, 2, 3, 1)
    together = 1 if tap.host.takes_one else _TOGETHER
    found: dict[str, list[Tensor]] = {name: [] for name in blocks}
    for x, e, pictures in zip(*(v.split(together) for v in (latents, noise, first)), strict=True):
        noisy, told = tap.noised(x, e, t)
        call = tap.layout.with_inputs(noisy, tap.first_call([""] * len(x), x, pictures.numpy()))
        call |= retold(call, tap.family, told, x.device)
        with capture(tap.denoiser, blocks) as seen:
            tap.denoiser(**call)
        for name, value in seen.items():
            found[name].append(tap.grid(value, call, name))
    return {name: torch.cat(parts) for name, parts in found.items()}


def ridge_r2(
    features: Tensor, truth: Tensor, strengths: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0)
) -> float:
    """R² on the second half of the rows of a ridge regression fitted on the first; strength chosen inside the
    first."""
    from sklearn.linear_model import RidgeCV
    from sklearn.metrics import r2_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    half = len(features) // 2
    x, y = features.flatten(1).numpy(), truth.numpy()
    fitted = make_pipeline(StandardScaler(), RidgeCV(strengths)).fit(x[:half], y[:half])
    return float(r2_score(y[half:], fitted.predict(x[half:])))


def block_scores(pipe: Any, blocks: tuple[str, ...], n: int = 512) -> dict[str, float]:
    """R² of velocity from pooled CCR features, per block and timestep, prompt empty."""
    clips = held_out_pans(n)
    latents = host_of(pipe).encode(clips.video)
    scores = {}
    for t in (100, 300, 600):
        for name, value in block_features(pipe, clips.video, latents, t, blocks).items():
            scores[f"{name}@{t}"] = round(ridge_r2(pool(ccr(value)).float().cpu(), clips.velocity), 3)
    return scores


# ---------------------------------------------------------------- photographs


# ---------------------------------------------------------------- samples


def nearest_colours(frame: np.ndarray) -> np.ndarray:
    """Which colour word each pixel is nearest to; frame (h w 3) in 0…1 → (h w) indices into `COLOURS`."""
    tones = np.array(list(COLOURS.values()), np.float32)
    tones = np.stack(
        [tones[:, 0] + (tones[:, 1] - tones[:, 0]) * w for w in (0.15, 0.5, 0.85)], 1
    )  # along the range
    return ((frame[:, :, None, None] - tones) ** 2).sum(-1).min(-1).argmin(-1)


def obeys(frame: np.ndarray, colour: str, shape: str, scene: str) -> dict[str, bool]:
    """Is the named colour and shape there, over the named colour? frame (h w 3) in 0…1.

    The scene's colour must be the commonest; the object's cover at least 2 % of the picture; and among all
    shapes, places and sizes, the drawing that overlaps best with the object's pixels must be of the named
    shape.
    """
    words = list(COLOURS)
    seen = nearest_colours(frame)
    counts = np.bincount(seen.ravel(), minlength=len(words)) / seen.size
    mask = seen == words.index(colour)
    return {
        "scene": int(counts.argmax()) == words.index(scene),
        "colour": bool(counts[words.index(colour)] >= 0.02),
        "shape": bool(mask.any()) and _best_shape(mask) == shape,
    }


def _best_shape(mask: np.ndarray) -> str:
    """The shape whose drawing overlaps best with a mask (h w), over places, sizes and tilts as in the
    clips."""
    y, x = np.nonzero(mask)
    middle = torch.tensor([float(np.median(x)), float(np.median(y))])
    cases = torch.cartesian_prod(
        *[torch.tensor([-3.0, 0, 3])] * 2,
        torch.arange(RADII[0] - 1, RADII[1] + 1),
        torch.linspace(-0.3, 0.3, 5),
    )
    centre, radius, tilt = middle + cases[:, None, None, :2], cases[:, 2, None, None], cases[:, 3, None, None]
    seen = torch.from_numpy(mask)[::2, ::2]
    grid = torch.stack(torch.meshgrid(*[torch.arange(0, n, 2) for n in mask.shape[::-1]], indexing="xy"), -1)
    at = grid - centre
    p = torch.stack(
        [
            tilt.cos() * at[..., 0] - tilt.sin() * at[..., 1],
            tilt.sin() * at[..., 0] + tilt.cos() * at[..., 1],
        ],
        -1,
    )
    overlaps = []
    for kind in range(len(SHAPES)):
        drawn = shape_distance(p, torch.full(p.shape[:-1], kind), radius) < 0
        overlaps.append(((drawn & seen).sum((1, 2)) / (drawn | seen).sum((1, 2))).max())
    return SHAPES[int(torch.stack(overlaps).argmax())]


def _sampled(pipe: Any, prompts: list[str], size: ClipSize, seed: int) -> np.ndarray:
    """(n f h w 3) uint8, of prompt i under seed + i."""
    found = pipe(
        prompts,
        **{family_of(pipe).frames: size.frames},
        height=size.height,
        width=size.width,
        num_inference_steps=25,
        output_type="np",
        generator=[torch.Generator().manual_seed(seed + i) for i in range(len(prompts))],
    ).frames
    return (np.asarray(found) * 255).round().astype(np.uint8)


def sample_scores(
    pipe: Any,
    statistics: Statistics,
    n: int = 36,
    frames: int = FRAMES,
    speed: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """How good n samples of this many frames are, and the samples themselves.

    statistics: of the model, to steer by. speed: such as "2px": they are steered, four at a time in one of
    the eight directions.

    Returns:
        `obeyed`: shares of prompts of which the scene's colour, the object's, its shape and all are there in
        the middle frame; `kept` and `warp`, means of what `moft.miniature.looks` measures; `followed`, of
        steered ones, the share; `videos` (n f h w 3) uint8.
    """
    rng, words = np.random.default_rng(seed), list(COLOURS)
    asked = []
    for i in range(n):
        colour, scene = rng.choice(len(words), 2, replace=False)
        asked.append((words[colour], SHAPES[i % len(SHAPES)], words[scene], TEXTURES[i % len(TEXTURES)]))
    size, follows = ClipSize(frames, SIZE, SIZE), []
    videos: list[np.ndarray] = []
    for start in range(0, n, 4):
        prompts = [f"a {c} {s} over {g} {t}" for c, s, g, t in asked[start : start + 4]]
        motion = Motion(list(DIRECTIONS)[start // 4 % len(DIRECTIONS)], speed=speed) if speed else None
        with steer(pipe, motion, statistics=statistics) if motion else contextlib.nullcontext():
            made = _sampled(pipe, prompts, size, seed + start)
        videos.extend(made)
        follows += [followed(measure(video), motion, size) for video in made] if motion else []
    middle = [video[frames // 2].astype(np.float32) / 255 for video in videos]
    marks = [obeys(frame, c, s, g) for frame, (c, s, g, _) in zip(middle, asked, strict=True)]
    shares = {name: float(np.mean([m[name] for m in marks])) for name in ("scene", "colour", "shape")}
    shares["all"] = float(np.mean([all(m.values()) for m in marks]))
    scores: dict[str, Any] = {"obeyed": shares, **looks(videos)}
    if follows:
        scores["followed"] = float(np.mean(follows))
    return {**scores, "videos": np.stack(videos)}


# ---------------------------------------------------------------- the whole


@torch.no_grad()
def probe(
    pipe: Any, statistics: Statistics, clips: int = 512, samples: int = 36, frames: int = FRAMES
) -> dict[str, Any]:
    """All scores of a model with these motion channels.

    clips: held-out pans. samples: of plain ones, and of ones steered at 2 px a frame. frames: of each sample.
    R² is of a pan's velocity from the pooled MOFT of the feature layer, and from all its channels (`r2_ccr`).
    `true` are the looks of as many clips of the world, which no sample can be asked to better.
    """
    pipe.set_progress_bar_config(disable=True)
    pans = held_out_pans(clips)
    latents = host_of(pipe).encode(pans.video)
    scores: dict[str, Any] = {
        "layer": statistics.layer,
        "channels": len(statistics.channels),
        "r2": {},
        "r2_ccr": {},
    }
    for t in (100, 300, 600):
        read = block_features(pipe, pans.video, latents, t, (statistics.layer,))
        feature = pool(ccr(read[statistics.layer]))
        scores["r2"][t] = ridge_r2(feature[..., statistics.channels], pans.velocity)
        scores["r2_ccr"][t] = ridge_r2(feature, pans.velocity)
    photos, size = held_out_photographs(), ClipSize(FRAMES, SIZE, SIZE)
    scores["separability"] = direction_scores(pipe, statistics.layer, 300, photos, size)
    for name, speed in (("plain", None), ("steered", "2px")):
        scores[name] = sample_scores(pipe, statistics, samples, frames, speed)
        del scores[name]["videos"]
    scores["true"] = looks(true_clips(samples, frames))
    return scores
