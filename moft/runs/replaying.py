"""A clip made again from its recipe."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from moft.errors import RecipeError
from moft.models.load import load_pipeline, model_folder
from moft.models.size import clip_size
from moft.runs.compare import compare
from moft.runs.recipe import Recipe
from moft.runs.save import check_output


def replay(
    recipe: Recipe,
    out: Path,
    source: Path,
    warn: Callable[[str], None],
    *,
    model: str | None = None,
    channels: str | None = None,
    run: Callable[..., dict[str, Any]] = compare,
) -> dict[str, Any]:
    """Make again what a recipe, read from the file `source`, made; returns the record, with "identical": are the frames?

    `run` makes it: `compare`, or for a drag `moft.runs.dragged.compare_drag`. `model` and `channels` replace those of the recipe; a hub
    id is used only if it is given so. `warn` is told of every difference between then and now. Raises RecipeError for what is gone or changed; else as `compare` does.
    """
    from moft.feature.statistics import Statistics, find_statistics

    name = model or recipe.model
    if model is None and name != "miniature" and not os.path.isdir(name):
        raise RecipeError(
            f"the recipe was made with the model {name:.200}, and no folder of that name is here; pass "
            "--model with that name if it may be fetched, or with its folder"
        )
    if channels:  # those of the recipe may be gone
        recipe = recipe.without_channels()
    recipe = recipe.located(source.parent)
    check_output(out, [str(source), *recipe.files])
    kind, _, at = (recipe.model_digest or "").partition(":")
    commit = at if kind == "commit" and name == recipe.model and not os.path.isdir(name) else None
    pipe = load_pipeline(name, commit)
    channels = channels or recipe.channels
    statistics = Statistics.load(channels) if channels else find_statistics(pipe)
    scene, size = recipe.scene, recipe.scene.size
    clip_size(pipe, size.frames, size.height, size.width, {})
    folder = model_folder(name, commit)
    now = Recipe.of(scene, recipe.requests, recipe.settings, name, folder, statistics, channels)
    for difference in recipe.differences(now):
        warn(difference)
    with on_threads(recipe.threads):
        record = run(
            pipe,
            scene,
            recipe.requests,
            recipe.settings,
            statistics,
            out,
            name,
            channels=channels,
            commit=commit,
        )
    record["identical"] = record["frames_digest"] == recipe.frames_digest
    if not record["identical"]:
        warn("the frames are not those of the original")
    return record


@contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Compute on so many threads: sums are split among them, so another number gives other last digits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
