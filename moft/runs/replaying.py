"""A clip made again from its recipe."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from moft.errors import RecipeError
from moft.feature.model import Model, load, model_digest
from moft.models.size import clip_size
from moft.runs.recipe import Recipe, read_recipe
from moft.runs.running import Run, run

if TYPE_CHECKING:
    from moft.runs.sample import Watch


def replay(
    file: str | os.PathLike[str],
    *,
    model: str | None = None,
    channels: str | os.PathLike[str] | None = None,
    tell: Callable[[str], object] = warnings.warn,
    watch: Watch | None = None,
) -> Run:
    """Make again what a clip, or the record beside it, was made from; `Run.identical` says whether the frames
    are the same, and is None where the recipe names none.

        run = moft.replay("left.mp4")

    Args:
        file: mp4, webm, mkv, gif or json that `moft` wrote.
        model, channels: in place of those of the recipe; a hub id is used only if it is given so.
        tell: hears every difference between then and now.
        watch: as of `run`.
    Raises:
        RecipeError: no recipe, or something that it names is gone or has changed; else as `run` does.
    """
    recipe = read_recipe(file)
    if channels is not None:  # those of the recipe may be gone
        recipe = recipe.without_channels()
    recipe = recipe.located(Path(file).parent)
    loaded = loaded_for(recipe, model, None if channels is None else os.fspath(channels))
    recipe = as_counted_now(recipe, loaded)
    for difference in recipe.differences(Recipe.of(loaded, recipe.job)):
        tell(difference)
    with on_threads(recipe.threads):
        again = run(loaded, recipe.job, watch=watch)
    if recipe.frames_digest is None:  # of a job that nobody has made yet
        return again
    again = replace(again, identical=again.recipe.frames_digest == recipe.frames_digest)
    if not again.identical:
        tell("the frames are not those of the original")
    return again


def as_counted_now(recipe: Recipe, loaded: Model) -> Recipe:
    """The same with the digest that its model has now, if it is that of the files that were counted once."""
    if not loaded.folder or recipe.model_digest in (None, loaded.digest):
        return recipe
    counted = model_digest(loaded.folder, older=True)
    return replace(recipe, model_digest=loaded.digest) if recipe.model_digest == counted else recipe


def loaded_for(recipe: Recipe, model: str | None, channels: str | None) -> Model:
    """The model of a recipe, or another one in its place.

    Raises RecipeError for one that is not on this machine and was not named by the user; RequestError for one
    that cannot sample the recipe's size."""
    name = model or recipe.model
    if model is None and name != "miniature" and not os.path.isdir(name):
        raise RecipeError(
            f"the recipe was made with the model {name:.200}, and no folder of that name is here; pass "
            "--model with that name if it may be fetched, or with its folder"
        )
    kind, _, at = (recipe.model_digest or "").partition(":")
    commit = at if kind == "commit" and name == recipe.model and not os.path.isdir(name) else None
    loaded = load(name, channels=channels or recipe.channels, commit=commit)
    size = recipe.scene.size
    assert size is not None  # a recipe has one
    clip_size(loaded.pipe, size.frames, size.height, size.width, {})
    return loaded


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
