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

from moft.app.asked.kinds import CLIPS, Facts, Looked, OfModel, PlainClip, Planed
from moft.app.asked.naming import in_page, media_id, places, read_job, read_scene
from moft.app.folder import Folder, no_such, read_json, write_json
from moft.app.refusals import Refused
from moft.app.shelf import Shelf
from moft.batch.rows import Row
from moft.batch.work import Work
from moft.media.files import file_digest, make_folder
from moft.runs.job import Job, Scene

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
    _asked: list[str] = field(default_factory=list, repr=False)  # key of the job that tells of the model

    # ------------------------------------------------------------ the model

    def ask_facts(self) -> None:
        """Have the model loaded, and told of."""
        key = f"model-{_new_key()}"
        self._asked[:] = [key]
        self.folder.jobs.add([(key, Facts(self.model, self.channels).to_json(), "model")])

    @property
    def facts(self) -> dict[str, Any] | None:
        """What is told of the model, by this or an earlier server; None before it was ever loaded."""
        found = read_json(self.folder.models / f"{Facts(self.model, self.channels).name}.json")
        return found if isinstance(found, dict) else None

    def model_told(self) -> dict[str, Any]:
        """As the page is told it: loading, ready or failed. What an earlier server learned holds until the
        worker has time to look again."""
        row = self.folder.jobs.get(self._asked[0]) if self._asked else None
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
        drawn = None if drawing is None else json.dumps(drawing)
        if drawn is not None and (len(drawn) > MOST_DRAWING or not isinstance(drawing, dict)):
            raise Refused(
                413, f"expected a drawing as an object of at most {MOST_DRAWING} bytes; draw less in one job"
            )
        if kind == "plain":
            scene = read_scene(data, self.shelf)
            text = PlainClip(self.model, self.channels, self._in_folder(scene)).to_json()
        else:
            text = json.dumps(self.work(read_job(data, self.shelf)).to_json(), separators=(",", ":"))
        return self._queue(kind, text, drawn)

    def work(self, job: Job) -> Work:
        """A job of the page as the store keeps it: its files by their places in the folder."""
        where = places(job, self.shelf)
        digests = {place: file_digest(self.folder.root / place) for place in where.values()}
        made = Work(job.renamed(where), self.model, self.channels)
        beside = {name: file_digest(self.folder.root / name) for name in set(made.files) - digests.keys()}
        return replace(made, inputs={**digests, **beside})

    def again(self, key: str, seed: int | None) -> Row:
        """Queue a run once more, with the same seed or another."""
        row = self.row(key)
        if row.note not in CLIPS:
            raise no_such("clip", key)
        data = json.loads(row.job)
        holder = data["scene"] if row.note == "plain" else data
        if seed is not None:
            holder["seed"] = seed
        drawing = self.folder.runs / key / DRAWING
        drawn = drawing.read_text(encoding="utf-8") if drawing.is_file() else None
        if row.note == "steer":
            Work.from_json(data)  # or says what is wrong with the seed
        return self._queue(row.note, json.dumps(data, separators=(",", ":")), drawn)

    def _queue(self, kind: str, text: str, drawn: str | None) -> Row:
        key = _new_key()
        with self._adding:
            waiting = self.folder.jobs.counts()["queued"]
            if waiting >= MOST_WAITING:
                raise Refused(
                    429, f"expected at most {MOST_WAITING} runs that wait, got one more; wait, or cancel some"
                )
            if drawn is not None:
                make_folder(self.folder.runs / key)
                write_json(self.folder.runs / key / DRAWING, json.loads(drawn))
            self.folder.jobs.add([(key, text, kind)])
        self.folder.jobs.event(key, "added")
        return self.row(key)

    def _in_folder(self, scene: Scene) -> Scene:
        """A scene of the page with its files by their places in the folder."""
        image, video = (name and self.shelf.file(media_id(name)) for name in (scene.image, scene.video))
        return replace(scene, image=image, video=video)

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
        """Take a run away, and what it made. Raises Refused (409) for one that goes on."""
        if self.row(key).state == "running":
            raise Refused(409, "expected a run that has ended, got one that goes on; cancel it first")
        self.folder.jobs.remove(key)
        shutil.rmtree(self.folder.runs / key, ignore_errors=True)

    def remove_media(self, name: str) -> None:
        """Take an upload away. Raises Refused (409) while a run needs it."""
        self.shelf.get(name)
        for row in self.clips():
            if row.state in ("queued", "running") and name in row.job:
                raise Refused(
                    409, "expected a file that no run waits for, got one that is needed; cancel the run"
                )
        self.shelf.remove(name)

    def job_in_page(self, row: Row) -> dict[str, Any] | None:
        """What was asked as the page wrote it; None for what makes no clip."""
        if row.note not in CLIPS:
            return None
        data = json.loads(row.job)
        if row.note == "plain":
            scene = data["scene"]
            for name in ("image", "video"):
                found = scene[name] and self.shelf.id_of(scene[name])
                scene[name] = f"media:{found}" if found else scene[name]
            return {**scene, "requests": []}
        return in_page(Work.from_json(data).job, self.shelf).to_json()

    # ------------------------------------------------------------ what is read inside the model

    def place(self, media: str, layer: str | None, timestep: int | None, content: bool = False) -> Looked:
        """Where a clip is looked at; None takes what is told of the model. Raises NotHere for no clip."""
        layer, timestep = self._where(layer, timestep, content)
        return Looked(self.model, self.channels, media, self.shelf.file(media), layer, timestep)

    def plane(self, layer: str | None, timestep: int | None) -> Planed:
        """Where directions are looked at."""
        return Planed(self.model, self.channels, *self._where(layer, timestep, False))

    def _where(self, layer: str | None, timestep: int | None, content: bool) -> tuple[str, int]:
        look = (self.facts or {}).get("look")
        if look is None and (layer is None or timestep is None):
            raise Refused(409, "expected the model to be loaded, got one that is not yet; wait a moment")
        usual = look or {}
        return layer or usual["content_layer" if content else "layer"], timestep or usual["timestep"]

    def ask(self, kind: str, wanted: OfModel) -> str:
        """Have something read inside the model, once; its key. Raises Refused (400) where that failed, so
        that the next time it is tried anew."""
        key = f"{kind}-{wanted.name}"
        row = self.folder.jobs.get(key)
        if row is not None and row.state not in ("queued", "running"):
            self.folder.jobs.remove(key)
            if row.state in ("failed", "poisoned"):
                raise Refused(400, row.error or "it failed; try again")
        self.folder.jobs.add([(key, wanted.to_json(), kind)])
        return key


def _new_key() -> str:
    """Of a run; later ones come later in order."""
    return f"{int(time.time() * 1000):011x}-{secrets.token_hex(4)}"


def made_at(key: str) -> float | None:
    """When a run was asked, seconds since 1970, by its key."""
    try:
        return int(key.partition("-")[0], 16) / 1000
    except ValueError:
        return None
