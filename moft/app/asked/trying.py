"""A job of the page tried without the model: at which size, on which picture."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from moft.app.asked.naming import located, media_id
from moft.app.asked.preview import Preview, preview, regions_of, small
from moft.app.desk import Desk
from moft.app.refusals import Refused
from moft.app.shelf import Kept
from moft.errors import RecipeError, RequestError
from moft.field.given import read_shown
from moft.media.frames import Source
from moft.request.drag import Drag
from moft.request.fields import read
from moft.runs.job import Job
from moft.steering.dragging import trajectories
from moft.types import ClipSize

FRAMES = 16  # of a clip whose length is not known yet
_MOST_KEPT = 2**27  # bytes of clips to follow, laid out
_kept = Kept(_MOST_KEPT)
_one_at_a_time = threading.Lock()  # of previews, which would only slow each other down
Tell = Callable[[str], object]


def size_of(desk: Desk, job: Job, given: Any, media: str | None) -> ClipSize:
    """The size of the clip that would be made: the job's, else as given, else the model's, else that of the
    picture. Raises RecipeError for a size that is none, RequestError for one frame."""
    size = job.scene.size
    if size is None and given is not None:
        size = read(ClipSize, given, "size")
    size = size or desk.size
    if size is None and media is not None:
        shown = desk.shelf.get(media)
        size = ClipSize(FRAMES, shown.height or 0, shown.width or 0)
    if size is None or not all(1 <= side <= 2**14 for side in (size.frames, size.height, size.width)):
        raise RecipeError(f"size: expected frames, height and width of the clip, got {given!r:.100}")
    if size.frames < 2:
        raise RequestError(f"expected a clip of 2 frames or more to move in, got {size.frames}; ask for more")
    return size


def tried(
    desk: Desk, job: Job, size: ClipSize, picture: tuple[str | None, int], most: int, tell: Tell
) -> Preview:
    """What a job asks of a clip of this size, on a frame (id, number); no id: on a board."""
    here = located(job, desk.shelf)
    media, frame = picture
    board = None if media is None else desk.shelf.frame(media, frame, small(size))

    def shown(request: Any, whole: ClipSize, cells: tuple[int, int]) -> Any:
        key = (str(request.to_json()), whole, cells)
        return _kept.get(key, lambda: read_shown(request, whole, tell, cells), _bytes)

    with _one_at_a_time:
        return preview(
            here.requests, size, board, most=most, source=_source(desk, job), tell=tell, shown=shown
        )


def checked(desk: Desk, job: Job, tell: Tell) -> None:
    """Raise as a run of a job would, as far as that can be told without the model."""
    if (facts := desk.facts) is not None:
        _check_start(job, facts["starts_from"])
    if (size := job.scene.size or desk.size) is None:
        return
    here = located(job, desk.shelf)
    for drag in (one for one in here.requests if isinstance(one, Drag)):
        trajectories(drag, size)
    regions_of(here.requests, size, tell, _source(desk, job))


def _check_start(job: Job, starts: list[str]) -> None:
    """As `moft.runs.sample.arguments` does, before the queue instead of behind it."""
    given = {"prompt": job.scene.prompt, "image": job.scene.image}
    for name, value in given.items():
        if (name in starts) != (value is not None) and job.scene.video is None:
            what = "one" if name in starts else "none"
            raise RequestError(
                f"expected {what} as {name}, since the model starts from {' and '.join(starts)}, "
                f"got {'none' if value is None else 'one'}; {'give' if name in starts else 'leave out'} it"
            )


def _source(desk: Desk, job: Job) -> Source | None:
    if job.scene.image is None:
        return None
    media = desk.shelf.get(media_id(job.scene.image))
    if media.height is None or media.width is None:
        raise Refused(400, "expected a picture as the first frame, got a field; choose a picture")
    return Source(media.name, media.height, media.width)


def _bytes(shown: Any) -> int:
    """Of what a request names, laid out."""
    field = getattr(shown, "whole", None)
    video = getattr(shown, "video", None)
    return sum(int(part.nbytes) for part in (video, field and field.displacement) if part is not None)
