"""Jobs as the page writes them, in which files are `media:ID`, and as moft runs them.

The page cannot name a file by its path: what it asks is read as any job (`Job.from_json`), and every file in
it must be one of the shelf.
"""

from __future__ import annotations

from typing import Any

from moft.app.shelf import Shelf
from moft.errors import RecipeError, RequestError
from moft.media.mask import check_region
from moft.request.fields import part
from moft.runs.job import Job, Scene

PREFIX = "media:"


def read_job(data: Any, shelf: Shelf) -> Job:
    """A job of the page, whose files are there.

    Raises RecipeError as `Job.from_json` does, RequestError for a file that is named otherwise and a region
    that no clip could have, NotHere for a file that is gone."""
    job = Job.from_json(data)
    here = located(job, shelf)
    regions = (getattr(request, "region", None) for request in here.requests)
    for region in (*regions, here.scene.inpaint):
        if region is not None:
            check_region(region)
    return job


def read_plain(data: Any, shelf: Shelf) -> Job:
    """A job of which the scene alone counts: what it asks, stillness, nobody steers. Raises as `read_job`
    does."""
    if not isinstance(data, dict):
        raise RecipeError(f"expected a job as a JSON object, got {data!r:.100}")
    return read_job({**part(Scene, data), "requests": [{"direction": "still"}]}, shelf)


def places(job: Job, shelf: Shelf) -> dict[str, str]:
    """Where each file of a job of the page lies in the folder, by its name in the job.

    Raises RequestError and NotHere as `read_job` does."""
    return {name: shelf.file(media_id(name)) for name in job.files}


def in_page(job: Job, shelf: Shelf) -> Job:
    """A job as moft runs it, as the page wrote it."""
    ids = {name: shelf.id_of(name) for name in job.files}
    return job.renamed({name: f"{PREFIX}{found}" for name, found in ids.items() if found is not None})


def located(job: Job, shelf: Shelf) -> Job:
    """A job of the page with its files where this process finds them."""
    return job.renamed({name: str(shelf.folder.root / place) for name, place in places(job, shelf).items()})


def media_id(name: str) -> str:
    """The id in a name `media:ID`. Raises RequestError for another name."""
    if not name.startswith(PREFIX):
        raise RequestError(
            f"expected files of the page, media:ID, got {name!r:.100}; drop the file on the page first"
        )
    return name.removeprefix(PREFIX)
