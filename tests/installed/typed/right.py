"""A user's script, as strict as types can be asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

import moft


class Alike(moft.Objective):
    """An objective of one's own."""


def watched(step: moft.Step) -> None:
    if step.index > 100:
        raise moft.Cancelled


def made(prompt: str, out: Path, *directions: str) -> bool | None:
    model: moft.Model = moft.load("miniature")
    requests = [moft.Motion(direction, speed="2px") for direction in directions]
    scene = moft.Scene(prompt, moft.ClipSize(8, 64, 64), seed=3)
    moft.Job(scene, [moft.Drag([[(24, 32), (38, 32)], [(52, 10)]])])
    requests.append(moft.Motion(path=[(0, 0), (-0.1, 0)]))
    try:
        run = moft.run(model, moft.Job(scene, requests, moft.Settings(fused=True)), watch=watched)
    except moft.RequestError as error:
        print(error)
        return None
    record = run.save(out)
    print(record["seed"])
    return run.followed


def steered(model: moft.Model, clip: npt.NDArray[np.uint8]) -> moft.Field:
    with moft.steer(model.pipe, moft.Like("clip.mp4")) as run:
        model.pipe("red cells")
    print(run.report.steps, moft.measure(clip).inside)
    return moft.Field.of_motion(moft.Motion("zoom in"), moft.ClipSize(8, 64, 64))


def warned() -> type[Warning]:
    return moft.SteeringWarning
