"""A plain and a steered run from one seed, measured and written side by side. The command line and the demo call it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moft.models.load import model_folder
from moft.optional import needs
from moft.provenance import command
from moft.request.motion import Motion
from moft.request.parse import Request
from moft.runs.digests import frames_digest
from moft.runs.job import Scene
from moft.runs.outcome import Asked, lay_out, overall, standing
from moft.runs.recipe import Recipe
from moft.runs.remedies import remedies
from moft.runs.sample import Run, arguments, sample
from moft.runs.save import check_output, write_all

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from moft.feature.statistics import Statistics
    from moft.steering.loop import Report
    from moft.steering.recording import Recording
    from moft.steering.settings import Settings


# ---------------------------------------------------------------- models


# ---------------------------------------------------------------- steering


@dataclass(frozen=True)
class _Try:
    """One steered run of several: what was changed for it, and what came of it."""

    change: str | None
    scene: Scene
    settings: Settings
    plain: Run
    steered: Run
    report: Report
    outcome: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        judged = [{k: v for k, v in part["steered"].items() if k != "motion"} for part in self.outcome]
        return {
            "change": self.change,
            "seed": self.scene.seed,
            "settings": asdict(self.settings),
            "seconds": self.steered.seconds,
            "followed": overall(self.outcome),
            "steered": judged,
        }


class _Trial:
    """Steers towards the same requests under several settings and seeds; a seed's plain run is made once.

    video: the real clip to be steered, uint8 (f h w 3) at the size of the run, if there is one."""

    def __init__(
        self, pipe: Any, asked: list[Asked], statistics: Statistics, video: np.ndarray | None = None
    ) -> None:
        self.pipe, self.asked, self.statistics, self.video = pipe, asked, statistics, video
        self._seed: int | None = None
        self._prepared: tuple[Run, Recording | None, list[Any]] | None = None

    def run(self, scene: Scene, settings: Settings, change: str | None = None) -> _Try:
        import moft

        if self._prepared is None or self._seed != scene.seed:
            self._seed, self._prepared = (
                scene.seed,
                self._prepare(scene, settings.keep_keys, settings.carry > 0),
            )
        plain, recording, wanted = self._prepared
        masks = [asked.mask for asked in self.asked]
        with moft.steer(
            self.pipe, *wanted, statistics=self.statistics, regions=masks, settings=settings, plain=recording
        ) as run:
            steered = sample(self.pipe, scene, "steered", self._start(recording))
        outcome = [asked.outcome(plain.video, steered.video) for asked in self.asked]
        return _Try(change, scene, settings, plain, steered, run.report, outcome)

    def _start(self, recording: Recording | None) -> Tensor | None:
        return None if self.video is None or recording is None else recording.start

    def _prepare(self, scene: Scene, keys: float, carry: bool) -> tuple[Run, Recording | None, list[Any]]:
        import moft

        wanted = [asked.wanted(self.pipe, self.statistics, scene.seed) for asked in self.asked]
        if self.video is not None:
            arguments(self.pipe, scene)  # refused before the long work
            inverted = moft.invert(
                self.pipe, self.video, steps=scene.steps, prompt=scene.prompt or "", keys=keys
            )
            return sample(self.pipe, scene, "plain", inverted.start), inverted, wanted
        regional = all(asked.mask is not None for asked in self.asked)
        with moft.record(self.pipe, keys) if regional or keys or carry else nullcontext() as recording:
            return sample(self.pipe, scene, "plain"), recording, wanted


def compare(
    pipe: Any,
    scene: Scene,
    requests: Sequence[Request],
    settings: Settings,
    statistics: Statistics,
    out: Path,
    model: str,
    *,
    retries: int = 0,
    channels: str | None = None,
    commit: str | None = None,
) -> dict[str, Any]:
    """Sample plain and steered, measure both, write three clips and the record at `out`; returns the record.

    If a request was not followed, up to `retries` more steered runs try what `remedies` says; the best is kept, and the
    record lists all. `model` and its `commit`, and `channels`, the file of the statistics if not the model's own, go
    into the recipe that every clip carries. The comparison is `moft.runs.pictures.story`. Raises MoftError, and leaves no files, if anything is wrong.
    """
    from moft.media.resampled import read_evenly
    from moft.metrics.quality import psnr
    from moft.runs.pictures import story

    needs("cv2")
    folder = model_folder(model, commit)
    check_output(out, Recipe.of(scene, requests, settings, model, folder, statistics, channels).files)
    notes: list[str] = []
    asked = lay_out(requests, scene.size, notes.append)
    clip = None if scene.video is None else read_evenly(scene.video, scene.size, notes.append)
    trial = _Trial(pipe, asked, statistics, clip)
    tries = [trial.run(scene, settings)]
    for remedy in islice(remedies(settings, scene.seed, requests), retries):
        if overall(tries[-1].outcome) is not False or (clip is not None and remedy.seed != scene.seed):
            break  # a clip has one noise that it is made from
        tries.append(trial.run(replace(scene, seed=remedy.seed), remedy.settings, remedy.words))
    best = max(range(len(tries)), key=lambda i: standing(tries[i].outcome))
    kept = tries[best]
    recipe = Recipe.of(kept.scene, requests, kept.settings, model, folder, statistics, channels)
    clips = {"": kept.steered.video, ".plain": kept.plain.video}
    followed = [part.followed.video for part in asked if part.followed is not None]
    goals = [
        (Motion.from_json(one["goal"]), part.mask)
        for one, part in zip(kept.outcome, asked, strict=True)
        if one["goal"]
    ]
    clips[".compare"] = story(kept.plain.video, kept.steered.video, goals, followed)
    record = {
        "asked": "; ".join(map(str, requests)),
        "followed": overall(kept.outcome),
        "outcome": kept.outcome,
        "plain": kept.plain.to_json(),
        "steered": kept.steered.to_json(),
        "reconstruction": None if clip is None else psnr(clip, kept.plain.video),
        "resampled": list(dict.fromkeys(notes)),
        "tries": [one.to_json() for one in tries],
        "kept": best,
        "seconds_ratio": kept.steered.seconds / kept.plain.seconds,
        "guidance_seconds": kept.report.guidance_seconds,
        "losses": kept.report.steps,
        "skipped_updates": kept.report.skipped,
        **replace(recipe, frames_digest=frames_digest(kept.steered.video)).to_json(),
        "statistics": statistics.made,
        "command": command(),
    }
    return write_all(out, clips, record)


# ---------------------------------------------------------------- files
