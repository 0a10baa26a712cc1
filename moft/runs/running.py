"""One call for all that a person wants done, and what it gives.

    run = moft.run(moft.load("miniature"), moft.Job(moft.Scene("red cells"), (moft.Motion("left"),)))
    print(run.followed)
    run.save("left.mp4")

What it gives is typed until it is written.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft.media.files import frames_digest
from moft.media.frames import Source, cut_away
from moft.media.opening import is_image
from moft.media.reading import read_video
from moft.memory import enough_memory
from moft.optional import needs
from moft.provenance import command
from moft.runs.job import Job, Scene
from moft.runs.outcome import overall, remedies
from moft.runs.recipe import Recipe
from moft.runs.sample import FEWER, Before, Sampled, Watch, told_of_texts
from moft.runs.save import check_output, kept, write_all

if TYPE_CHECKING:
    from moft.feature.model import Model
    from moft.steering.settings import Settings
    from moft.steering.told import Report
    from moft.types import Video


@dataclass(frozen=True)
class Attempt:
    """One steered run of several: what was changed for it, and what came of it."""

    change: str | None
    scene: Scene
    settings: Settings
    plain: Sampled
    steered: Sampled
    report: Report
    outcome: tuple[Any, ...]  # `Outcome` of each request, or of a drag `Arrival` of each point
    outside: float | None = None  # PSNR outside of what was drawn anew, before that was put back

    @property
    def numbers(self) -> list[str]:
        """What is worth knowing of blank frames, and of gradients: overflows, and memory that ended."""
        told, report = list[str](), self.report
        for name, clip in (("plain", self.plain), ("steered", self.steered)):
            if clip.blank:
                frames = ", ".join(str(i + 1) for i in clip.blank)
                told.append(f"of the {name} clip these frames are of one colour: {frames}")
        if report.skipped:
            told.append(f"{report.skipped} updates were left out, as their gradient was no finite number")
        if report.overflows:
            told.append(
                f"{report.overflows} gradients overflowed float16 and were taken again with a lower "
                f"loss_scale, at last {report.loss_scale:g}"
            )
        if report.memory:
            told.append(
                f"memory ended in a gradient, which was then taken {report.memory}, to the same result"
            )
        return told

    @property
    def followed(self) -> bool | None:
        """Whether everything was; None if nothing was missed and some cannot be told."""
        return overall(self.outcome)


class Trial(ABC):
    """A job at work on a model, as often as it is tried; a subclass for each kind of request says how."""

    def __init__(self, model: Model, job: Job, watch: Watch | None, before: Before) -> None:
        self.model, self.job, self.watch, self.before = model, job, watch, before
        self.notes: list[str] = []  # what was done with the input that is worth knowing
        self.picture = _first_frame(job.scene, self.notes.append)

    @property
    def fps(self) -> float:
        """Frames a second of what is made, if the scene does not say."""
        return self.model.fps

    @abstractmethod
    def attempt(self, scene: Scene, settings: Settings, change: str | None = None) -> Attempt:
        """A plain and a steered run, judged; a seed's plain run is made once."""

    @abstractmethod
    def standing(self, attempt: Attempt) -> tuple[int, float]:
        """By which of several runs the best is chosen: the more, the better."""

    @abstractmethod
    def comparison(self, attempt: Attempt) -> Video:
        """Plain and steered side by side, with what was asked and measured: uint8 (f H W 3)."""

    @abstractmethod
    def told(self, attempts: Sequence[Attempt], kept: int) -> dict[str, Any]:
        """What the record says beside what every run's says."""

    def may_try(self, seed: int, scene: Scene) -> bool:
        """Whether another seed may be tried."""
        return True


def _first_frame(scene: Scene, tell: Callable[[str], object]) -> Source | None:
    """The picture that a run starts from; `tell` hears what is cut away of it."""
    name, size = scene.image, scene.size
    if name is None or size is None:
        return None
    height, width = read_video(name, frames=1).shape[1:3]
    if (cut := cut_away((height, width), (size.height, size.width))) is not None:
        tell(f"{name}: {cut}")
    if os.path.isdir(name) or not is_image(name):
        tell(f"{name}: its first frame is taken")
    return Source(name, height, width)


@dataclass(frozen=True, eq=False)
class Run:
    """What a job gave. Nothing is written before `save`."""

    model: Model
    job: Job  # with the seed and the settings of the attempt that was kept
    attempts: tuple[Attempt, ...]
    kept: int  # which of them
    trial: Trial
    recipe: Recipe  # all that the steered clip was made from
    identical: bool | None = None  # of a replay: are the frames those of the original? None: it names none

    @property
    def best(self) -> Attempt:
        """The attempt that was kept."""
        return self.attempts[self.kept]

    @property
    def plain(self) -> Video:
        """The clip that nobody steered, from the same seed: uint8 (f h w 3)."""
        return self.best.plain.video

    @property
    def steered(self) -> Video:
        """The steered clip, uint8 (f h w 3)."""
        return self.best.steered.video

    @property
    def outcome(self) -> tuple[Any, ...]:
        """What came of each request (`Outcome`), or of each dragged point (`Arrival`)."""
        return self.best.outcome

    @property
    def followed(self) -> bool | None:
        """Whether everything was followed; None if nothing was missed and some cannot be told."""
        return self.best.followed

    @property
    def fps(self) -> float:
        """Frames a second at which its clips are written."""
        return self.job.scene.fps or self.trial.fps

    def comparison(self) -> Video:
        """Plain and steered side by side, with what was asked and measured: uint8 (f H W 3)."""
        return self.trial.comparison(self.best)

    def record(self) -> dict[str, Any]:
        """Everything but the pixels, as plain JSON values: outcome, losses, times, recipe, versions."""
        report = self.best.report
        return {
            **self.trial.told(self.attempts, self.kept),
            "notes": list(dict.fromkeys([*self.trial.notes, *self.best.numbers])),
            "kept": self.kept,
            "guidance_seconds": report.guidance_seconds,
            "losses": report.steps,
            "skipped_updates": report.skipped,
            "overflows": report.overflows,
            "loss_scale": report.loss_scale,
            "gradient_memory": report.memory,
            **self.recipe.to_json(),
            "statistics": self.model.statistics.made,
            "command": command(),
            **({} if self.identical is None else {"identical": self.identical}),
        }

    def save(self, out: str | os.PathLike[str]) -> dict[str, Any]:
        """Write the steered clip at `out` (.mp4, .webm or .gif) and beside it the plain one, the comparison
        and the record, which is returned: all of them or none.

        Raises MediaError for a place that cannot be written."""
        out = Path(out)
        check_output(out, self.recipe.files, self.fps)
        return write_all(out, self._clips(), self.record())

    def keep(self, out: str | os.PathLike[str]) -> str:
        """Where else the frames were written, in words, when `save` could not write them at `out`: as
        animated PNGs in a new folder beside it, or among temporary files."""
        return kept(Path(out), self._clips(), self.record())

    def _clips(self) -> dict[str, Video]:
        return {"": self.steered, ".plain": self.plain, ".compare": self.comparison()}


def run(model: Model, job: Job, *, watch: Watch | None = None, before: Before | None = None) -> Run:
    """Sample plain and steered, measure both; if a request was not followed, up to `job.retries` more steered
    runs try what `remedies` says, and the best is kept.

    Args:
        model: of `moft.load`.
        watch: is handed every denoising step as it is made (`Step`): for progress and previews. What it
            raises ends the run, with the pipeline as it was; `moft.Cancelled` is made for that.
        before: plain runs of earlier jobs of this model, which are not made again (`moft.runs.sample`).
    Raises:
        MoftError: anything wrong with the job, its files, the model; nothing has been written then.
    """
    needs("cv2")
    size = job.scene.size or model.size()
    job = replace(job, scene=replace(job.scene, size=size))
    Recipe.of(model, job)  # or say at once what is missing
    with enough_memory("running a job", FEWER):
        return _tried(model, job, watch, before or Before())


def _tried(model: Model, job: Job, watch: Watch | None, before: Before) -> Run:
    trial = _trial(model, job, watch, before)
    timed = replace(job.scene, fps=job.scene.fps or trial.fps)
    attempts = [trial.attempt(timed, job.settings)]
    for remedy in islice(remedies(job.settings, timed.seed, job.requests), job.retries):
        if attempts[-1].followed is not False or not trial.may_try(remedy.seed, timed):
            break
        scene = replace(timed, seed=remedy.seed)
        attempts.append(trial.attempt(scene, remedy.settings, remedy.words))
    kept = max(range(len(attempts)), key=lambda i: trial.standing(attempts[i]))
    best = attempts[kept]
    job = replace(job, scene=best.scene, settings=best.settings)
    notes, used = told_of_texts(best.steered.heard, best.scene)
    trial.notes += notes
    recipe = replace(Recipe.of(model, job), frames_digest=frames_digest(best.steered.video), used=used)
    return Run(model, job, tuple(attempts), kept, trial, recipe)


def _trial(model: Model, job: Job, watch: Watch | None, before: Before) -> Trial:
    from moft.request.drag import Drag
    from moft.runs.dragged import Dragged
    from moft.runs.steered import Steered

    return (Dragged if isinstance(job.requests[0], Drag) else Steered)(model, job, watch, before)
