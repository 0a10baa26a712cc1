"""Plain runs that are made once for several jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import moft
from moft.media.writing import write_video
from moft.runs.sample import Before, Sampled
from moft.steering.recording import Recording
from moft.types import ClipSize

SIZE = ClipSize(4, 32, 32)
SCENE = moft.Scene("red cells", size=SIZE, steps=2)
GUIDED = moft.Settings(steps=(0.0, 1.0))


@pytest.fixture
def model(tiny_animatediff: Any, tiny_statistics: moft.Statistics) -> moft.Model:
    return moft.Model(tiny_animatediff, given=tiny_statistics)


class Count:
    """Makes a plain run of so many bytes of frames, and counts how often it was asked to."""

    def __init__(self, recording: Recording | None = None) -> None:
        self.made, self.recording = 0, recording

    def __call__(self) -> tuple[Sampled, Recording | None]:
        self.made += 1
        return Sampled(np.zeros((4, 32, 32, 3), np.uint8), 1.0, None), self.recording


def job(scene: moft.Scene, *requests: moft.Motion) -> moft.Job:
    return moft.Job(scene, requests or (moft.Motion("left"),), GUIDED)


def test_steered_as_alone(model: moft.Model) -> None:
    before, parts = Before(), list[str]()

    def run(asked: moft.Job) -> moft.Run:
        return moft.run(model, asked, watch=lambda step: parts.append(step.part), before=before)

    run(job(SCENE, moft.Motion("up", region="box:0,0,100%,50%")))
    parts.clear()
    for asked in (
        job(SCENE),
        job(SCENE, moft.Motion("right", region="box:0,0,50%,100%")),
        job(replace(SCENE, fps=5.0)),
    ):
        alone, again = moft.run(model, asked), run(asked)
        assert np.array_equal(alone.steered, again.steered) and np.array_equal(alone.plain, again.plain)
        assert again.best.plain.remembered and not alone.best.plain.remembered
    assert set(parts) == {"steered"}


def test_recorded_where_that_is_needed(model: moft.Model) -> None:
    before = Before()
    moft.run(model, job(SCENE), before=before)
    found = moft.run(model, job(SCENE, moft.Motion("up", region="box:0,0,100%,50%")), before=before)
    assert not found.best.plain.remembered  # its surroundings stay as they were: recorded now


@pytest.mark.parametrize(
    "change",
    [
        dict(prompt="blue cells"),
        dict(seed=1),
        dict(steps=3),
        dict(size=ClipSize(4, 32, 40)),
        dict(negative_prompt="green"),
        dict(guidance_scale=2.0),
    ],
)
def test_another_scene_is_made_anew(model: moft.Model, change: dict[str, object]) -> None:
    before, count = Before(), Count()
    before.of(model, SCENE, count)
    before.of(model, SCENE, count)
    assert count.made == 1
    before.of(model, replace(SCENE, **change), count)  # type: ignore[arg-type]
    before.of(moft.Model(model.pipe), SCENE, count)
    before.of(model, SCENE, count, keys=0.5)
    assert count.made == 4


def test_files_count_by_what_is_in_them(model: moft.Model, tmp_path: Path) -> None:
    before, count, clip = Before(), Count(), tmp_path / "clip.mp4"
    scene = replace(SCENE, prompt=None, video=str(clip))
    for shade in (0, 0, 200):
        write_video(clip, np.full((4, 32, 32, 3), shade, np.uint8), fps=8)
        before.of(model, scene, count)
    assert count.made == 2


def test_the_newest_that_have_room_stay(model: moft.Model) -> None:
    before, count = Before(room=2 * 3 * 4 * 32 * 32), Count()
    scenes = [replace(SCENE, seed=seed) for seed in range(3)]
    asked: list[Callable[[], object]] = [
        lambda scene=scene: before.of(model, scene, count) for scene in (*scenes[:2], scenes[0], scenes[2])
    ]
    for ask in asked:
        ask()
    assert count.made == 3
    before.of(model, scenes[0], count)
    assert count.made == 3
    before.of(model, scenes[1], count)  # let go for the third
    assert count.made == 4
    small, count = Before(room=1), Count()
    for _ in range(2):
        small.of(model, SCENE, count)
    assert count.made == 2
