"""Jobs taken elsewhere, as files for the command line, and brought back, out of clips that carry a recipe."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from moft.app.asked.naming import PREFIX, in_page, media_id
from moft.app.desk import Desk
from moft.app.folder import read_json
from moft.app.shelf import Media
from moft.batch.rows import Row
from moft.batch.work import Work
from moft.batch.worker import RECORD
from moft.errors import MoftError
from moft.media.files import file_digest, passing
from moft.runs.job import Job
from moft.runs.recipe import Recipe, read_recipe
from moft.runs.words import described

JOB, MANIFEST = "job.json", "manifest.jsonl"


def exported(desk: Desk, job: Job) -> tuple[str, bytes]:
    """A job of the page as a file for the command line: its name, and its bytes.

    `moft replay job.json` makes it, and so does `moft batch manifest.jsonl`. Raises Refused (409) before the
    model was loaded, since a recipe says which it is."""
    facts = desk.loaded
    files = {name: desk.shelf.path(media_id(name)) for name in job.files}
    where = {name: path.name for name, path in files.items()}
    sized = replace(job, scene=replace(job.scene, size=job.scene.size or desk.size))
    here = sized.renamed(where)
    inputs = {where[name]: file_digest(path) for name, path in files.items()}
    if desk.channels:
        inputs[desk.channels] = file_digest(desk.channels)
    recipe = Recipe(
        here.scene,
        here.requests,
        here.settings,
        desk.model,
        facts["digest"],
        desk.channels,
        facts["channels_digest"],
        inputs,
        facts["versions"],
        facts["threads"],
    )
    return _packed(recipe, Work(here, desk.model, desk.channels), [*files.values()])


def exported_run(desk: Desk, row: Row) -> tuple[str, bytes]:
    """A run's own job, once it is done with the digest of the frames that came of it."""
    record = read_json(desk.folder.runs / row.key / RECORD)
    work = Work.from_json(json.loads(row.job))
    if row.state != "done" or not isinstance(record, dict):
        return exported(desk, in_page(work.job, desk.shelf))
    recipe = Recipe.from_json(record)
    where = {name: Path(name).name for name in recipe.job.files}
    files = [desk.folder.root / name for name in where]
    named = _renamed(recipe, where)
    return _packed(named, Work(work.job.renamed(where), work.model, work.channels), files)


def _renamed(recipe: Recipe, where: dict[str, str]) -> Recipe:
    job = recipe.job.renamed(where)
    inputs = {where.get(name, name): digest for name, digest in recipe.inputs.items()}
    return replace(recipe, scene=job.scene, requests=job.requests, inputs=inputs)


def _packed(recipe: Recipe, work: Work, files: list[Path]) -> tuple[str, bytes]:
    """The recipe alone where it names no files, else an archive of all that it needs."""
    text = json.dumps(recipe.to_json(), indent=1)
    if not files:
        return JOB, text.encode()
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(JOB, text)
        archive.writestr(MANIFEST, json.dumps(work.to_json(), separators=(",", ":")) + "\n")
        for path in files:
            for inner in sorted(path.iterdir()) if path.is_dir() else [path]:
                archive.write(inner, inner.relative_to(path.parent).as_posix())
    return "job.zip", held.getvalue()


# ---------------------------------------------------------------- back again


def dropped(desk: Desk, file: BinaryIO, name: str, made: float) -> dict[str, Any]:
    """The job in a clip that carries a recipe, or in the record beside it; the clip itself is kept.

    Raises RecipeError where there is none."""
    media: Media | None = None
    head = file.read(1)
    file.seek(0)
    if head == b"{":
        with passing(desk.folder.uploads) as folder:
            path = folder / "given.json"
            path.write_bytes(file.read())
            recipe = _read(path, name)
    else:
        media = desk.shelf.take(file, name, None, made)
        recipe = _read(desk.shelf.path(media.id), name)
    known = {file: desk.shelf.with_digest(digest) for file, digest in recipe.inputs.items()}
    job = recipe.job.renamed({file: f"{PREFIX}{found}" for file, found in known.items() if found})
    facts = desk.facts or {}
    return {
        "job": job.to_json(),
        "missing": [
            {"name": Path(file).name, "digest": recipe.inputs[file]}
            for file in recipe.job.files
            if known.get(file) is None
        ],
        "model": recipe.model,
        "same_model": recipe.model_digest is not None and recipe.model_digest == facts.get("digest"),
        "words": [[name, text] for name, text in described(recipe).items()],
        "media": None if media is None else media.to_json(),
    }


def _read(path: Path, name: str) -> Recipe:
    try:
        return read_recipe(path)
    except MoftError as error:
        raise type(error)(str(error).replace(str(path), name)) from error
