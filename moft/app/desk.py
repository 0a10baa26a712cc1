"""What a server does with what is asked: queue it, look it up, call it off. All of it stands in the folder,
so another server goes on with it."""

from __future__ import annotations

import json
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from moft.app.asked.kinds import CLIPS, Facts, Looked, OfModel, Planed
from moft.app.asked.naming import in_page, places, read_job, read_plain
from moft.app.folder import Folder, no_such, read_json, write_json
from moft.app.refusals import Refused
from moft.app.shelf import Shelf
from moft.batch.rows import Row
from moft.batch.work import Work
from moft.media.files import file_digest, make_folder
from moft.runs.job import Job
from moft.types import ClipSize

MOST_WAITING = 64  # clips in the queue
MOST_DRAWING = 2**19  # bytes of what the page keeps beside a run
DRAWING = "drawing.json"


@dataclass(frozen=True)
class Desk:
    """What one server works with. Threads share it."""

    folder: Folder
    shelf: Shelf
    model: str = "miniature"  # or the path of a folder, or a hub id
    channels: str | None = None
    _adding: threading.Lock = field(default_factory=threading.Lock, repr=False)

    # ------------------------------------------------------------ the model

    def ask_facts(self) -> None:
        """Have the model loaded, and told of; anew, where an earlier server had."""
        self._ended(_key_of("model", self._told_of))
        self._add("model", self._told_of)

    @property
    def _told_of(self) -> Facts:
        return Facts(self.model, self.channels)

    @property
    def facts(self) -> dict[str, Any] | None:
        """What is told of the model, by this or an earlier server; None before it was ever loaded."""
        found = read_json(self.folder.models / f"{self._told_of.name}.json")
        return found if isinstance(found, dict) else None

    @property
    def loaded(self) -> dict[str, Any]:
        """The same. Raises Refused (409) before the model was ever loaded."""
        if (facts := self.facts) is None:
            raise Refused(409, "expected the model to be loaded, got one that is not yet; wait a moment")
        return facts

    @property
    def size(self) -> ClipSize | None:
        """Of clips where none is asked: the model's; None before it was ever loaded."""
        facts = self.facts
        return None if facts is None else ClipSize(**facts["size"])

    def model_told(self) -> dict[str, Any]:
        """As the page is told it: loading, ready or failed. What an earlier server learned holds until the
        worker has time to look again."""
        row = self.folder.jobs.get(_key_of("model", self._told_of))
        if row is not None and row.state in ("failed", "poisoned", "cancelled"):
            return {"status": "failed", "error": row.error or "it was called off"}
        if (facts := self.facts) is not None:
            return {"status": "ready", "error": None, **facts}
        return {"status": "loading", "error": None}

    # ------------------------------------------------------------ clips

    def submit(self, kind: str, data: Any, drawing: Any = None) -> Row:
        """Queue a job of the page. Raises RecipeError and RequestError for what is no job, NotHere for files
        that are gone, Refused for another kind, too large a drawing, and a queue that is full."""
        if kind not in CLIPS:
            raise Refused(400, f"expected kind among {', '.join(CLIPS)}, got {kind!r:.50}; leave it out")
        fits = isinstance(drawing, dict) and len(json.dumps(drawing)) <= MOST_DRAWING
        if drawing is not None and not fits:
            raise Refused(
                413, f"expected a drawing as an object of at most {MOST_DRAWING} bytes; draw less in one job"
            )
        read = read_plain if kind == "plain" else read_job
        return self._queue(kind, self.work(read(data, self.shelf)), drawing)

    def work(self, job: Job) -> Work:
        """A job of the page as the store keeps it: its files by their places in the folder."""
        made = Work(job.renamed(places(job, self.shelf)), self.model, self.channels)
        return replace(made, inputs={name: file_digest(self.folder.root / name) for name in made.files})

    def again(self, key: str, seed: int | None) -> Row:
        """Queue a run once more, with the same seed or another. Raises RecipeError for a seed that is
        none."""
        row = self.row(key)
        if row.note not in CLIPS:
            raise no_such("clip", key)
        data = json.loads(row.job)
        work = Work.from_json(data if seed is None else {**data, "seed": seed})
        return self._queue(row.note, work, read_json(self.folder.runs / key / DRAWING))

    def _queue(self, kind: str, work: Work, drawing: dict[str, Any] | None) -> Row:
        key, text = _new_key(), json.dumps(work.to_json(), separators=(",", ":"))
        with self._adding:
            waiting = self.folder.jobs.counts()["queued"]
            if waiting >= MOST_WAITING:
                raise Refused(
                    429, f"expected at most {MOST_WAITING} runs that wait, got one more; wait, or cancel some"
                )
            if drawing is not None:
                make_folder(self.folder.runs / key)
                write_json(self.folder.runs / key / DRAWING, drawing)
            self.folder.jobs.add([(key, text, kind)])
        self.folder.jobs.event(key, "added")
        return self.row(key)

    # ------------------------------------------------------------ what was asked

    def row(self, key: str) -> Row:
        """A job by its key. Raises NotHere for none."""
        found = self.folder.jobs.get(key)
        if found is None:
            raise no_such("run", key)
        return found

    def clips(self) -> Iterator[Row]:
        """The jobs that make clips, in the order in which they were asked."""
        return (row for row in self.folder.jobs.rows() if row.note in CLIPS)

    def cancel(self, key: str) -> Row:
        """Call off a run that waits or goes on. Raises Refused (409) for one that has ended."""
        if (state := self.row(key).state) not in ("queued", "running"):
            raise Refused(
                409, f"expected a run that waits or goes on, got one that is {state}; nothing to cancel"
            )
        self.folder.jobs.cancel(key)
        return self.row(key)

    def retry(self, key: str) -> Row:
        """Queue a run again that failed or was called off. Raises Refused (409) for any other."""
        if (state := self.row(key).state) not in ("failed", "poisoned", "cancelled"):
            raise Refused(
                409, f"expected a run that failed or was cancelled, got one that is {state}; take again"
            )
        self.folder.jobs.retry(key)
        return self.row(key)

    def remove(self, key: str) -> None:
        """Take a run away, and what it made. Raises Refused (409) for one that goes on, and while another
        needs its clips."""
        if self.row(key).state == "running":
            raise Refused(409, "expected a run that has ended, got one that goes on; cancel it first")
        self._check_free(f'"runs/{key}/')
        self.folder.jobs.remove(key)
        shutil.rmtree(self.folder.runs / key, ignore_errors=True)

    def remove_media(self, name: str) -> None:
        """Take an upload away. Raises Refused (409) while a run needs it."""
        self.shelf.get(name)
        self._check_free(f'"uploads/{name}')
        self.shelf.remove(name)

    def _check_free(self, place: str) -> None:
        """Raise Refused (409) where a run that has not ended names a file that begins so."""
        for row in self.folder.jobs.rows("queued", "running"):
            if row.note in CLIPS and place in row.job:
                raise Refused(
                    409, "expected a file that no run waits for, got one that is needed; cancel the run"
                )

    def job_in_page(self, row: Row) -> dict[str, Any] | None:
        """What was asked as the page wrote it; None for what makes no clip."""
        if row.note not in CLIPS:
            return None
        told = in_page(Work.parse(row.job).job, self.shelf).to_json()
        return {**told, "requests": []} if row.note == "plain" else told

    # ------------------------------------------------------------ what is read inside the model

    def place(self, media: str, layer: str | None, timestep: int | None, content: bool = False) -> Looked:
        """Where a clip is looked at; None takes what is told of the model. Raises NotHere for no clip."""
        layer, timestep = self._where(layer, timestep, content)
        return Looked(self.model, self.channels, media, self.shelf.file(media), layer, timestep)

    def plane(self, layer: str | None, timestep: int | None) -> Planed:
        """Where directions are looked at."""
        return Planed(self.model, self.channels, *self._where(layer, timestep, False))

    def _where(self, layer: str | None, timestep: int | None, content: bool) -> tuple[str, int]:
        if layer is None:
            layer = str(self.loaded["look"]["content_layer" if content else "layer"])
        return layer, int(self.loaded["look"]["timestep"]) if timestep is None else timestep

    def ask(self, kind: str, wanted: OfModel) -> str:
        """Have something read inside the model, once; its key. Raises Refused (400) where that failed, so
        that the next time it is tried anew."""
        ended = self._ended(_key_of(kind, wanted))
        if ended is not None and ended.state in ("failed", "poisoned"):
            raise Refused(400, ended.error or "it failed; try again")
        return self._add(kind, wanted)

    def _ended(self, key: str) -> Row | None:
        """A job that has ended, which is taken away, so that it can be asked anew; None for any other."""
        row = self.folder.jobs.get(key)
        if row is None or row.state in ("queued", "running"):
            return None
        self.folder.jobs.remove(key)
        return row

    def _add(self, kind: str, wanted: OfModel) -> str:
        key = _key_of(kind, wanted)
        self.folder.jobs.add([(key, wanted.to_json(), kind)])
        return key


def _key_of(kind: str, wanted: OfModel) -> str:
    """Of what is asked once: the same for the same."""
    return f"{kind}-{wanted.name}"


def _new_key() -> str:
    """Of a run; later ones come later in order."""
    return f"{int(time.time() * 1000):011x}-{secrets.token_hex(4)}"


def made_at(key: str) -> float | None:
    """When a run was asked, seconds since 1970, by its key."""
    try:
        return int(key.partition("-")[0], 16) / 1000
    except ValueError:
        return None
