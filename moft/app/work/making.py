"""What the worker makes, by kind of job: clips, steered or plain; facts of a model; looks into it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft.app.asked.kinds import Facts, Looked, Planed, parse
from moft.app.folder import Folder, read_json, write_json
from moft.app.work.facts import facts_of
from moft.app.work.live import FILE as LIVE
from moft.app.work.live import Live
from moft.app.work.reading import read_clip_inside, read_plane
from moft.batch.rows import Claimed
from moft.batch.work import Work
from moft.batch.worker import CLIP, RECORD, Maker, Watcher, told
from moft.errors import MoftError
from moft.media.files import make_folder, staging
from moft.memory import is_disk_full

if TYPE_CHECKING:
    from moft.feature.model import Model
    from moft.runs.job import Job
    from moft.runs.sample import Made, Watch

_ROOM = 2.0  # seconds after which it is looked whether the disk has room again


class Making(Maker):
    """Makes what is asked in a folder, with the model of the job before if that will do."""

    def __init__(self, folder: Folder) -> None:
        super().__init__()
        self.folder = folder

    def __call__(self, job: Claimed, out: Path, watch: Watcher) -> Any:
        make: dict[str, Callable[[Claimed, Path, Watcher], Any]] = {
            "steer": self._steered,
            "plain": self._plain,
            "model": self._facts,
            "look": self._looked,
            "plane": self._planed,
        }
        try:
            return make[job.note](job, out, watch)
        finally:  # what the clip will be is worth a look only until it is there
            (out / LIVE).unlink(missing_ok=True)

    def _steered(self, job: Claimed, out: Path, watch: Watcher) -> Any:
        from moft.runs.running import run

        model, wanted = self._ready(job, out, watch)
        found = run(model, wanted, watch=_watched(model, watch, out), before=self.before)
        return told(_with_room(lambda: found.save(out / CLIP), watch))

    def _plain(self, job: Claimed, out: Path, watch: Watcher) -> Any:
        """A clip that nobody steers, to draw on."""
        from moft.media.writing import write_video
        from moft.runs.sample import sample
        from moft.steering.recording import record

        model, wanted = self._ready(job, out, watch)
        scene = wanted.scene

        def make() -> Made:
            with record(model.pipe) as recording:  # for jobs to come, whose regions leave the rest as it was
                found = sample(model.pipe, scene, "plain", watch=_watched(model, watch, out))
            return found, recording

        found, _ = self.before.of(model, scene, make, recorded=True)
        seconds = {"plain": found.seconds, "steered": None, "guidance": None}
        gave = {"seconds": seconds, "peak_memory_mb": found.peak_memory_mb}

        def save() -> dict[str, Any]:
            with staging(out, last=RECORD) as passing:
                write_video(passing / CLIP.replace(".", ".plain."), found.video, fps=scene.fps or model.fps)
                (passing / RECORD).write_text(json.dumps(gave), encoding="utf-8")
            return gave

        return _with_room(save, watch)

    def _ready(self, job: Claimed, out: Path, watch: Watcher) -> tuple[Model, Job]:
        """The model that a clip is asked of, and the job as that takes it; the run's folder is there then."""
        wanted = Work.parse(job.job)
        wanted.check_inputs()
        model = self.loaded(wanted.source)
        watch.check()  # a model may take long to load
        make_folder(out)
        return model, wanted.ready(model, dict(wanted.inputs)).job

    def _facts(self, job: Claimed, out: Path, watch: Watcher) -> Any:
        wanted = parse(Facts, job.job)
        place = self.folder.models / f"{wanted.name}.json"
        before, found = read_json(place), facts_of(self.loaded(wanted.source))
        if isinstance(before, dict) and before.get("digest") != found["digest"]:
            shutil.rmtree(self.folder.looks, ignore_errors=True)  # of other weights
            make_folder(self.folder.looks)
        write_json(place, found)
        return None

    def _looked(self, job: Claimed, out: Path, watch: Watcher) -> Any:
        wanted = parse(Looked, job.job)
        read_clip_inside(self.loaded(wanted.source), wanted, self.folder.looks)
        return None

    def _planed(self, job: Claimed, out: Path, watch: Watcher) -> Any:
        wanted = parse(Planed, job.job)
        read_plane(self.loaded(wanted.source), wanted, self.folder.looks)
        return None


def _watched(model: Model, watch: Watcher, out: Path) -> Watch:
    """Told of every step: ends the run where nobody wants it any more, notes how far it is, shows it."""
    live = Live(model, out)
    return watch.of(lambda step: {"live": live.show(step.latents)})


def _with_room(save: Callable[[], Any], watch: Watcher) -> Any:
    """Write what was made; where the disk is full, keep it until there is room, or nobody wants it."""
    while True:
        try:
            return save()
        except MoftError as error:
            if not is_disk_full(error):
                raise
        time.sleep(_ROOM)
        watch.check()
