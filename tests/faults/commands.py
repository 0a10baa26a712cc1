"""The commands that are killed, as small as they go: what each is asked, and which files are its result."""

from __future__ import annotations

import dataclasses
import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SMALL = ["--steps", "2", "--frames", "4", "--height", "32", "--width", "32", "--prompt", "red cells"]
CLIPS = tuple(f"a{kind}" for kind in (".mp4", ".plain.mp4", ".compare.mp4", ".json"))


@dataclasses.dataclass(frozen=True)
class Command:
    """A command whose result, files that belong together, is asked for with a seed, so that two results can
    be told apart.

    typed: what is typed for a folder and a seed. files: the result.
    """

    name: str
    typed: Callable[[Path, int], list[str]]
    files: tuple[str, ...]


def _steer(folder: Path, seed: int) -> list[str]:
    return ["steer", *SMALL, "--motion", "left", "--seed", str(seed), "-o", str(folder / "a.mp4")]


def _drag(folder: Path, seed: int) -> list[str]:
    return ["drag", *SMALL, "--point", "8,8:20,8", "--seed", str(seed), "-o", str(folder / "a.mp4")]


def _channels(folder: Path, seed: int) -> list[str]:
    photos, share = ["--photos", str(folder.parent / "photos")], f"{0.1 + seed / 10}"
    small = ["--frames", "4", "--height", "32", "--width", "32"]
    return ["channels", *photos, "--share", share, *small, "-o", str(folder / "a.safetensors")]


def _calibrate(folder: Path, seed: int) -> list[str]:
    channels = ["--channels", str(folder / "a.safetensors")]
    return ["calibrate", "--prompt", "red cells", "--steps", "2", "--seed", str(seed), *channels]


def _explain(folder: Path, seed: int) -> list[str]:
    return ["explain", str(folder.parent / f"clip{seed}.mp4"), "-o", str(folder)]


def _bench(folder: Path, seed: int) -> list[str]:
    return ["bench", "drag", "--tasks", str(1 + seed), "-o", str(folder)]


COMMANDS = {
    command.name: command
    for command in (
        Command("steer", _steer, CLIPS),
        Command("drag", _drag, CLIPS),
        Command("channels", _channels, ("a.safetensors",)),
        Command("calibrate", _calibrate, ("a.safetensors",)),
        Command("explain", _explain, ("report.html", "scores.json")),
        Command("bench", _bench, ("drag.json",)),
    )
}


def prepare(place: Path) -> None:
    """Inputs, and everything that takes long made short: few steps, clips and pictures. Loads all that the
    commands load, so that they can be forked off this process."""
    import matplotlib.font_manager  # noqa: F401
    import skimage.transform  # noqa: F401
    import sklearn.linear_model  # noqa: F401
    import torch
    from PIL import Image

    import moft
    from moft.bench import runs as bench_runs
    from moft.bench.ways import drag
    from moft.interpreter import viewpoint
    from moft.known import photographs

    torch.set_num_threads(1)  # threads do not survive a fork
    noise = np.random.default_rng(0)
    (place / "photos").mkdir()
    Image.fromarray(noise.integers(0, 255, (64, 64, 3), np.uint8)).save(place / "photos" / "a.png")
    for seed in (0, 1):
        rows = noise.integers(0, 255, (9, 16, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        moft.write_video(place / f"clip{seed}.mp4", np.stack([rows[:64, i : i + 64] for i in range(8)]))
    few = functools.partial(viewpoint.ExplainSettings, objects=8, fitting=8, places=1, timesteps=(200, 600))
    viewpoint.ExplainSettings = few  # type: ignore[misc, assignment]
    held_out = photographs.held_out_photographs()[:2]
    photographs.held_out_photographs = lambda: held_out
    sampled, drags = bench_runs.sample, drag.drags
    bench_runs.sample = lambda pipe, task, steps: sampled(pipe, task, steps=2)
    scenes = drag.SCENES[:1]
    drag.drags = lambda: drags(prompts=scenes)
    from moft.runs import calibration

    calibration._share = lambda run, _: 0.3 + float(run.video.mean()) / 255  # two steps move nothing
    moft.load("miniature")
    shutil.copy(moft.feature.statistics.statistics_path(moft.load("miniature").pipe), place / "a.safetensors")


def begin(command: Command, folder: Path) -> None:
    """What a command amends must be there first."""
    folder.mkdir()
    if command.name == "calibrate":
        shutil.copy(folder.parent / "a.safetensors", folder)


def run(arguments: list[str]) -> Any:
    """In this process, to its end."""
    from moft.cli.commands import app

    app(arguments)
