"""What the example workflows ask, said again as jobs: their frames are to be the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import moft

BALL = "a red ball over blue cells"


def runs(workflows: dict[str, dict[str, Any]], folder: Path) -> dict[str, Callable[[moft.Model], moft.Run]]:
    """By the name of a workflow what `moft.run` makes of it. Files that a job needs go into a folder."""

    def run(
        prompt: str, *requests: Any, seed: int = 0, settings: moft.Settings | None = None
    ) -> Callable[[moft.Model], moft.Run]:
        job = moft.Job(moft.Scene(prompt, seed=seed), requests, settings or moft.Settings())
        return lambda model: moft.run(model, job)

    def followed(model: moft.Model) -> moft.Run:
        turn = moft.Motion("turn clockwise", speed="3deg")
        video = run("orange stripes over grey noise", turn, seed=1)(model).steered
        return run(BALL, moft.Like(_pictures(folder / "clip", video)))(model)

    paths = next(
        node["inputs"]["tracks"]
        for node in workflows["tracks"].values()
        if node["class_type"] == "MoftReadTracks"
    )
    (folder / "paths.json").write_text(json.dumps(json.loads(paths)))
    half = moft.Motion("up", speed="2px", region="box:0,0,32,64")
    return {
        "direction": run(BALL, moft.Motion("left", speed="2px")),
        "camera": run("orange stripes over grey noise", moft.Motion("zoom in", speed="3%")),
        "mask": run("blue clouds", half, moft.Motion("still")),
        "tracks": run(BALL, moft.Along(str(folder / "paths.json"))),
        "clip": followed,
        "heat_map": run(BALL, moft.Motion("right", speed="2px"), settings=moft.Settings(gradient_steps=1)),
    }


def _pictures(folder: Path, video: np.ndarray) -> str:
    folder.mkdir()
    for i, frame in enumerate(video):
        Image.fromarray(frame).save(folder / f"{i}.png")
    return str(folder)
