"""What is asked in a comparison, what is sampled for it, and what each clip scores: the same for every way of
steering.

Held-out tasks are reported; tuning tasks, of other prompts, seeds and photographs, are for choosing settings
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image

from moft.known.pans import pan
from moft.known.photographs import HELD_OUT_SEED, held_out_photographs, training_photographs
from moft.known.renderer import FRAMES, SIZE
from moft.known.shapes import COLOURS, SHAPES
from moft.known.textures import TEXTURES
from moft.known.world.renderer import WorldMaker
from moft.known.world.scenes import Mixture
from moft.metrics.fidelity import motion_fidelity
from moft.metrics.motion import measure
from moft.metrics.quality import SHARPNESS, Judge, consistency, imaging_quality, temporal_flickering
from moft.metrics.tracks import Tracks, flow_tracks
from moft.miniature.probe import nearest_colours
from moft.models.pipeline import Pipeline
from moft.request.motion import DIRECTIONS, Motion
from moft.steering.settings import Settings
from moft.types import ClipSize

PROMPTS = (
    "red stripes",
    "a blue ball over orange noise",
    "green cells",
    "a yellow star over purple checks",
    "white noise",
    "a black square over green stripes",
    "grey checks",
    "a purple cross over yellow cells",
)
TUNING_PROMPTS = (
    "orange cells",
    "a white ball over red noise",
    "purple stripes",
    "a green square over black checks",
)
_CALIBRATED = "a black ball over grey checks"  # the miniature's gain was found on it, too
SEED, TUNING_SEED = 100, 900
SPEED = "2px"
STEPS, GUIDANCE_SCALE = 25, 7.5  # of the paper
CLIP = ClipSize(FRAMES, SIZE, SIZE)


class Scenes(Protocol):
    """What `sample` must know of a task: a name, what to show, and the seed of the first prompt, from which
    they count up."""

    @property
    def name(self) -> str: ...
    @property
    def prompts(self) -> tuple[str, ...]: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True, eq=False)
class Task:
    """One motion for several prompts, and a clip that shows it."""

    name: str
    motion: Motion
    reference: np.ndarray  # uint8 (f h w 3), what `like` would be given
    prompts: tuple[str, ...]
    seed: int  # of the first prompt; they count up


Way = Callable[[Any, Task, Settings], AbstractContextManager[Any]]
"""Attaches a way of steering to a pipeline for a task; what is sampled inside goes as the task says."""


def plain(pipe: Any, task: Task, settings: Settings) -> AbstractContextManager[Any]:
    """No guidance."""
    return nullcontext()


# ---------------------------------------------------------------- tasks


def held_out(
    directions: Sequence[str] = tuple(DIRECTIONS), prompts: Sequence[str] = PROMPTS, seed: int = SEED
) -> list[Task]:
    """Pans of the held-out photographs, in turn, with as many seeds of their own as there are prompts.
    Prompts go in parts of eight, each with other pans and seeds, and all directions of the first come
    first."""
    photos, size, found = held_out_photographs(), len(PROMPTS), list[Task]()
    for start in range(0, len(prompts), size):
        found += _tasks(photos, directions, prompts[start : start + size], seed + start * len(directions))
    return found


def first_part(tasks: Sequence[Task]) -> list[Task]:
    """Those of the first eight prompts."""
    return [task for task in tasks if task.prompts == tasks[0].prompts]


def prompts_of(count: int) -> tuple[str, ...]:
    """So many prompts, 64 at most, that nothing was tuned on: `PROMPTS`, then others of the same words, half
    with an object, the same each time."""
    rng, found, colours = np.random.default_rng(SEED), list(PROMPTS[:count]), tuple(COLOURS)
    while len(found) < count:
        scene, other = rng.choice(colours, 2, replace=False)
        thing = f"a {other} {rng.choice(SHAPES)} over " if len(found) % 2 else ""
        prompt = f"{thing}{scene} {rng.choice(TEXTURES)}"
        if prompt not in (*found, *TUNING_PROMPTS, _CALIBRATED):
            found.append(prompt)
    return tuple(found)


def tuning(
    directions: Sequence[str] = ("left", "up-right"),
    prompts: Sequence[str] = TUNING_PROMPTS,
    seed: int = TUNING_SEED,
) -> list[Task]:
    """The same of training photographs."""
    return _tasks(list(training_photographs().values()), directions, prompts, seed)


def _tasks(
    photos: Sequence[np.ndarray], directions: Sequence[str], prompts: Sequence[str], seed: int
) -> list[Task]:
    rng = np.random.default_rng(seed)
    found = []
    for i, direction in enumerate(directions):
        motion = Motion(direction, speed=SPEED)
        reference = pan(photos[i % len(photos)], motion, CLIP, rng.uniform(0, 1, 2), rng.uniform(1.5, 2.5))
        found.append(Task(direction, motion, reference, tuple(prompts), seed + i * len(prompts)))
    return found


def sample(pipe: Any, task: Scenes, *, steps: int = STEPS) -> np.ndarray:
    """One clip a prompt: uint8 (n f h w 3)."""
    return clips(pipe, task.prompts, task.seed, steps=steps)


def clips(pipe: Any, prompts: Sequence[str], seed: int, *, steps: int = STEPS) -> np.ndarray:
    """The same; seeds count up from `seed`. A model that starts from an image and takes no prompt gets one of
    `pictures` for each."""
    host = Pipeline(pipe)
    settings: dict[str, Any] = {
        host.family.frames: FRAMES,
        "height": SIZE,
        "width": SIZE,
        "num_inference_steps": steps,
        "output_type": "np",
    }
    generators = [torch.Generator().manual_seed(seed + i) for i in range(len(prompts))]
    if host.starts_from_image:
        frames = np.concatenate(
            [
                pipe(picture, generator=generator, **settings).frames
                for picture, generator in zip(pictures(len(prompts), seed), generators, strict=True)
            ]
        )
    else:
        guided = {"guidance_scale": GUIDANCE_SCALE, "generator": generators, **settings}
        frames = pipe(list(prompts), **guided).frames
    return (frames * 255).round().astype(np.uint8)


def pictures(n: int, seed: int) -> list[Image.Image]:
    """First frames of scenes whose textures nothing was trained on, others for each seed."""
    world = Mixture(textures=96, photos=0, near=0, flows=0)
    drawn = WorldMaker(world, HELD_OUT_SEED + seed, 1).render(n).video[:, 0]
    return [Image.fromarray(frame) for frame in (drawn * 255).round().byte().permute(0, 2, 3, 1).numpy()]


# ---------------------------------------------------------------- scores

# Scores of one clip uint8 (f h w 3) alone, by name; one that is added here is in every row and on the page.
QUALITIES: dict[str, Callable[[np.ndarray], float]] = {
    "steadiness": consistency,
    "flickering": temporal_flickering,
}


def judged(task: Task, video: np.ndarray, before: np.ndarray, judge: Judge = SHARPNESS) -> dict[str, float]:
    """What a clip scores. video, before: uint8 (f h w 3), steered and plain, of one seed.

    fidelity: −1…1, `moft.metrics.fidelity.motion_fidelity` of tracks (Eq. 5 and 6), against the reference
        clip.
    cosine: −1…1, of the mean motions of both. speed: the output's mean speed by the reference's, ≥ 0.
    tracked: share of the output's tracks that could be followed.
    content: 0…1, how far the colours cover as much of the clip as in the plain one (overlap of their shares).
    steadiness: 0…1, consistency of thumbnails. flickering: 0…1, 1 none; motion lowers it.
    imaging: 0…1, how good single frames look, by this judge.
    """
    wanted, found = _tracks(task), flow_tracks(video)
    motion = motion_fidelity(wanted, found)
    asked, shown = measure(task.reference).inside, measure(video).inside
    return {
        "fidelity": motion.fidelity,
        "cosine": float(np.dot(asked, shown) / (np.linalg.norm(asked) * np.linalg.norm(shown) + 1e-9)),
        "speed": motion.speed_ratio,
        "tracked": motion.tracked[1],
        "content": float(np.minimum(_colours(video), _colours(before)).sum()),
        **{name: quality(video) for name, quality in QUALITIES.items()},
        "imaging": imaging_quality(video, judge),
    }


_TRACKS: dict[int, tuple[np.ndarray, Tracks]] = {}


def _tracks(task: Task) -> Tracks:
    """Of a task's reference, found once."""
    key = id(task.reference)
    if key not in _TRACKS:
        _TRACKS[key] = task.reference, flow_tracks(task.reference)  # kept, so that its id stays its own
    return _TRACKS[key][1]


def _colours(video: np.ndarray) -> np.ndarray:
    """Share of the pixels nearest to each colour word, over all frames."""
    seen = np.concatenate([nearest_colours(frame / 255).ravel() for frame in video])
    return np.bincount(seen, minlength=len(COLOURS)) / seen.size
