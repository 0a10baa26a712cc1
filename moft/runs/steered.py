"""A job of motions and clips to follow: sampled plain and steered, each request judged in its own region."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from moft.feature.target import held_of
from moft.field.pictures import composited, story
from moft.field.resampled import Followed, Resampled, read_resampled
from moft.media.frames import Source
from moft.media.mask import read_region
from moft.metrics.quality import psnr
from moft.request.drag import Drag
from moft.request.motion import Motion
from moft.runs.job import FASTEST, SLOWEST
from moft.runs.outcome import lay_out, standing
from moft.runs.running import Attempt, Trial
from moft.runs.sample import Before, Made, Sampled, Watch, arguments, sample
from moft.steering.entry import steer
from moft.steering.recording import Recording, invert, record
from moft.types import ClipSize

if TYPE_CHECKING:
    from torch import Tensor

    from moft.feature.model import Model
    from moft.field.field import Field
    from moft.runs.job import Job, Scene
    from moft.steering.settings import Settings
    from moft.types import Flow, Mask, Video


ALL_HELD = 0.97  # of a motion; less is told


class Steered(Trial):
    """Steers towards the same requests under several settings and seeds."""

    def __init__(self, model: Model, job: Job, watch: Watch | None, before: Before) -> None:
        super().__init__(model, job, watch, before)
        size = job.scene.size
        assert size is not None  # `moft.run` has seen to it
        requests = [request for request in job.requests if not isinstance(request, Drag)]
        name, self._fps, source = job.scene.video, super().fps, self.picture
        self.clip: Video | None = None
        if name is not None:
            clip = read_resampled(name, size, self.notes.append)
            source = Source(name, *clip.shape, clip.taken)
            self.clip, self._fps = clip.video, self._rate(clip)
        drawn = job.scene.inpaint
        requests = [replace(one, region=one.region or drawn) for one in requests] if drawn else requests
        self.placed = lay_out(requests, size, self.notes.append, source)
        self.anew = None if drawn is None else read_region(drawn, size, lambda _: None, source=source)
        if self.clip is not None and drawn is not None and not _redrawn(job.scene).prompt:
            self.notes.append(
                "no words say what is drawn anew, so the motion alone decides what is seen there, often "
                "blobs of black and white; say it with --inpaint-prompt"
            )
        for request in requests:
            if isinstance(request, Motion):
                self._held(request, size)
        self._ready: dict[int, list[Any]] = {}  # requests as each seed's runs are asked them

    def _held(self, request: Motion, size: ClipSize) -> None:
        """Tell how much of a motion its target does not hold."""
        held = held_of(request, self.model.statistics, size)
        if held < ALL_HELD:
            self.notes.append(
                f"{request}: {held:.0%} of this is asked of the model; the rest lies outside the range of "
                "motion that its channels were fitted on (moft channels); slow down"
            )

    def _rate(self, clip: Resampled) -> float:
        """Of what is made of a clip, told."""
        if clip.fps is None:
            self.notes.append(f"{self.job.scene.video} does not say how many frames a second it has")
            return super().fps
        rate = min(max(clip.fps, SLOWEST), FASTEST)
        if self.job.scene.fps is None:
            self.notes.append(
                f"written at {rate:.4g} frames a second, at which it lasts as long as in the clip"
            )
        return rate

    @property
    def fps(self) -> float:
        """The clip's own rate, if one is steered."""
        return self._fps

    def attempt(self, scene: Scene, settings: Settings, change: str | None = None) -> Attempt:
        """A plain and a steered run, judged; a seed's plain run is made once."""
        if scene.seed not in self._ready:
            self._ready[scene.seed] = [placed.ready(self.model, scene.seed) for placed in self.placed]
        regional = all(placed.mask is not None for placed in self.placed)
        recorded = bool(regional or settings.keep_keys or settings.carry or self.clip is not None)
        keys = settings.keep_keys
        plain, recording = self.before.of(
            self.model, scene, lambda: self._plain(scene, keys, recorded), recorded=recorded, keys=keys
        )
        with steer(
            self.model.pipe,
            *self._ready[scene.seed],
            statistics=self.model.statistics,
            regions=[placed.mask for placed in self.placed],
            settings=settings if self.anew is None else replace(settings, anew=scene.seed),
            plain=recording,
        ) as steering:
            steering.tell = self.notes.append
            redrawn = _redrawn(scene)
            # whose keys are of a run without guidance
            guided = self.anew is not None and bool(redrawn.prompt) and not settings.keep_keys
            steered = self._sample(redrawn, "steered", recording, guided)
        outside = None
        if self.anew is not None:
            steered, outside = self._put_back(plain, steered, self.anew)
        outcome = tuple(placed.outcome(plain.video, steered.video) for placed in self.placed)
        return Attempt(change, scene, settings, plain, steered, steering.report, outcome, outside)

    def _put_back(self, plain: Sampled, steered: Sampled, anew: Mask) -> tuple[Sampled, float | None]:
        """The same with the pixels outside as they were, of the plain run or of the clip itself; and the PSNR
        there before."""
        rest = plain.video if self.clip is None else self.clip
        outside = np.broadcast_to(anew == 0, rest.shape[:3])
        before = psnr(steered.video[outside], rest[outside]) if outside.any() else None
        return replace(steered, video=composited(rest, steered.video, anew)), before

    def _plain(self, scene: Scene, keys: float, recorded: bool) -> Made:
        """The plain run, recorded if that is needed; of a real clip it is that inverted."""
        pipe = self.model.pipe
        if self.clip is not None:
            arguments(pipe, scene)  # refused before the long work
            inverted = invert(pipe, self.clip, steps=scene.steps, prompt=scene.prompt or "", keys=keys)
            return self._sample(scene, "plain", inverted), inverted
        with record(pipe, keys) if recorded else nullcontext() as recording:
            return self._sample(scene, "plain"), recording

    def _sample(
        self, scene: Scene, part: str, plain: Recording | None = None, guided: bool = False
    ) -> Sampled:
        start: Tensor | None = None if self.clip is None or plain is None else plain.start
        return sample(self.model.pipe, scene, part, start=start, guided=guided, watch=self.watch)

    def may_try(self, seed: int, scene: Scene) -> bool:
        """A clip has one noise that it is made from."""
        return self.clip is None or self.anew is not None or seed == scene.seed

    def standing(self, attempt: Attempt) -> tuple[int, float]:
        """Requests followed, then the least share of what was asked."""
        return standing(attempt.outcome)

    def comparison(self, attempt: Attempt) -> Video:
        """`moft.field.pictures.story`: clips to follow, plain, steered, arrows, how far off."""
        size = ClipSize.of(attempt.steered.video)
        goals = [
            (goal, placed.mask)
            for outcome, placed in zip(attempt.outcome, self.placed, strict=True)
            if (goal := outcome.goal if placed.field is None else _steps(placed.field, size)) is not None
        ]
        followed = [placed.clip.video for placed in self.placed if isinstance(placed.clip, Followed)]
        return story(attempt.plain.video, attempt.steered.video, goals, followed)

    def told(self, attempts: Sequence[Attempt], kept: int) -> dict[str, Any]:
        """Outcome, times, and all that was tried."""
        best = attempts[kept]
        return {
            "asked": "; ".join(map(str, self.job.requests)),
            "followed": best.followed,
            "outcome": [outcome.to_json() for outcome in best.outcome],
            "plain": best.plain.to_json(),
            "steered": best.steered.to_json(),
            "reconstruction": None if self.clip is None else psnr(self.clip, best.plain.video),
            "outside": best.outside,
            "tries": [_tried(attempt) for attempt in attempts],
            "seconds_ratio": best.steered.seconds / best.plain.seconds,
        }


def _redrawn(scene: Scene) -> Scene:
    """The scene with the words for what is drawn anew."""
    return scene if scene.inpaint_prompt is None else replace(scene, prompt=scene.inpaint_prompt)


def _tried(attempt: Attempt) -> dict[str, Any]:
    judged = [outcome.steered.to_json() for outcome in attempt.outcome]
    return {
        "change": attempt.change,
        "seed": attempt.scene.seed,
        "settings": asdict(attempt.settings),
        "seconds": attempt.steered.seconds,
        "followed": attempt.followed,
        "steered": [{k: v for k, v in one.items() if k != "motion"} for one in judged],
    }


def _steps(field: Field, size: ClipSize) -> Flow:
    """(f-1 h w 2) px of a clip of this size."""
    return (field.steps * size.side).astype(np.float32)
