"""What does steering cost over plain sampling? Wall time, FLOPs and memory of whole runs of one process, as ratios to the plain one.

9 of 25 steps guided, 2 gradients each, guidance on, one clip; text and VAE count in FLOPs. Seconds are ratios of medians of runs
that take turns, of one clip and of four at once; on a GPU by its own clock. Memory of four clips: most bytes of the denoiser's weights
and of tensors alive at once, VAE left out.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

import moft
from moft.bench.counting import flops, memory
from moft.feature.statistics import find_statistics
from moft.feature.target import Synthesised
from moft.models.calls import Call
from moft.models.hooks import capture
from moft.request.motion import Motion
from moft.steering.entry import guided
from moft.steering.guide import Guide
from moft.steering.loop import Moment, Steering
from moft.steering.objective import Look, Objective, follow
from moft.steering.recording import Recording
from moft.steering.settings import Settings
from moft.types import ClipSize

UPDATES = 2
BATCH = (
    4  # clips at once: a small model's operations are so short that one clip alone waits for them to start
)
SIZES = {"frames": [ClipSize(n, 64, 64) for n in (8, 16, 24)], "side": [ClipSize(8, n, n) for n in (64, 96)]}
REGIONS = (1, 2, 4)
LEFT = Motion("left")

Run = Callable[[], object]


@dataclass(frozen=True)
class Clip:
    """What is sampled. steps: how many denoising steps, and how many of them are guided."""

    clips: int = 1
    output: str = "np"  # or "latent"
    size: ClipSize = ClipSize(8, 64, 64)
    steps: int = 25
    guided: int = 9

    @property
    def settings(self) -> Settings:
        """Guided from step 3 of 25, as in the release; in a short run from step 1: nothing has been denoised before the first."""
        first = max(1, self.steps // 8)
        return Settings(
            steps=(first / self.steps, (first + self.guided) / self.steps), gradient_steps=UPDATES
        )


WHOLE = Clip()
SHORT = Clip(
    output="latent", steps=3, guided=1
)  # all guided steps are alike, so one of them shows the most memory that they take


# ---------------------------------------------------------------- what is compared


def sample(pipe: Any, clip: Clip = WHOLE) -> None:
    """A plain run."""
    pipe(
        ["a red ball over blue stripes"] * clip.clips,
        num_frames=clip.size.frames,
        height=clip.size.height,
        width=clip.size.width,
        num_inference_steps=clip.steps,
        generator=torch.Generator().manual_seed(0),
        output_type=clip.output,
    )


def steered(pipe: Any, clip: Clip, *wanted: Motion, plain: Recording | None = None, **changes: Any) -> None:
    """A run steered left, or as wanted, with changed settings; one that is known to have made all its gradients."""
    with moft.steer(
        pipe, *(wanted or (LEFT,)), settings=replace(clip.settings, **changes), plain=plain
    ) as run:
        sample(pipe, clip)
    _check(run, clip)


def recorded(pipe: Any, clip: Clip) -> Recording:
    """A plain run with its keys and values, which `shared_kv` takes over; making it counts in no figure, keeping it in memory does."""
    with moft.record(pipe, keys=True) as recording:
        sample(pipe, replace(clip, output="latent"))
    return recording


def released(pipe: Any, clip: Clip) -> None:
    """A run steered as the release does."""
    with release(pipe, LEFT, clip.settings) as run:
        sample(pipe, clip)
    _check(run, clip)


def _check(run: Steering, clip: Clip) -> None:
    updates = 1 if clip.settings.fused else UPDATES
    assert [len(step["losses"]) for step in run.report.steps] == [updates] * clip.guided


def ways(pipe: Any, clip: Clip, kept: Recording) -> dict[str, Run]:
    """A plain run, and steered ones, by name; `kept` is `recorded` of this clip."""
    changes: dict[str, dict[str, Any]] = {
        "steered": {},
        "steered_saving": {"save_memory": True},
        "fused": {"fused": True},
        "fused_saving": {"fused": True, "save_memory": True},
        "shared_kv": {"keep_keys": 1, "plain": kept},
    }
    runs = {name: partial(steered, pipe, clip, **change) for name, change in changes.items()}
    return {"plain": partial(sample, pipe, clip), **runs, "release": partial(released, pipe, clip)}


class ReleaseGuide(Guide):
    """The work that the authors' release does for the same gradient.

    The whole guidance batch runs through the whole denoiser with gradients, those of the weights among them, though the loss
    sees half of the batch and what lies before the feature layer. An unguided run goes along at every step, for its keys and
    values; lending these costs next to nothing and is left out, as are the release's own file reads. So this is a lower bound.
    """

    _whole: Call
    _beside: Tensor | None = None
    _scheduler: Any = None

    def apply(self, latents: Tensor, moment: Moment) -> Tensor:
        self._whole = moment.calls[0]
        self._go_along(len(latents), moment.index)
        return super().apply(latents, moment)

    @torch.no_grad()
    def _go_along(self, clips: int, index: int) -> None:
        """One step of the unguided run: what the pipeline itself does, once more."""
        own = self.tap.pipe.scheduler
        if self._beside is None:
            self._scheduler = type(own).from_config(own.config)
            self._beside = self.tap.inputs(self._whole)[:clips]
            self._scheduler.set_timesteps(len(own.timesteps))
        predicted = self.tap.denoiser(**self._both(self._beside, self._whole["timestep"]))[0]
        blank, said = predicted.chunk(2)
        guided = blank + self.tap.pipe.guidance_scale * (said - blank)
        step = self._scheduler.step(guided, self._scheduler.timesteps[index - 1], self._beside)
        self._beside = step.prev_sample

    def _both(self, latents: Tensor, timestep: Tensor) -> Call:
        """The pipeline's own call for the whole guidance batch, with these latents (b c f h w)."""
        return self._whole | {self.tap.family.latents: torch.cat([latents, latents]), "timestep": timestep}

    def gradient(
        self, latents: Tensor, timestep: Tensor, call: Call, due: Sequence[Objective]
    ) -> tuple[float, Tensor | None]:
        self.tap.denoiser.requires_grad_(True)  # never frozen there
        x = latents.detach().requires_grad_(True)
        with torch.enable_grad(), capture(self.tap.denoiser, [self.tap.layer]) as seen:
            whole = self._both(x, timestep)
            self.tap.denoiser(**whole)
            features = self.tap.grid(seen[self.tap.layer], whole)[-len(x) :].float()
            look = Look(self.tap, x, timestep, call, features)
            loss = torch.stack([objective.strength * objective.loss(look) for objective in due]).sum()
            loss.backward()
        return loss.item(), x.grad


@contextmanager
def release(pipe: Any, motion: Motion, settings: Settings) -> Iterator[Steering]:
    """Steer as the release goes about it; for pipelines that need no scaling of their latents, which AnimateDiff's does not."""
    objective = follow(Synthesised(motion, find_statistics(pipe)), None, alone=True, steps=settings.steps)
    steering = guided(pipe, [objective], settings, guide=ReleaseGuide)
    try:
        with steering.attached() as run:
            yield run
    finally:
        steering.tap.denoiser.zero_grad(set_to_none=True)


# ---------------------------------------------------------------- figures


def measure(
    pipe: Any, quick: bool = False, tell: Callable[[str], object] = lambda line: None
) -> dict[str, Any]:
    """Ratios to the plain run: "cost" by way, each with flops, seconds and memory, and seconds_batch where the batch is more than
    one clip; "growth" of the steered run's by frames, side and regions.

    Args:
        pipe: the AnimateDiff miniature, its progress bar off.
        quick: each once, one clip at a time, and nothing of how cost grows.
        tell: hears what is done.
    """
    rounds, batch = (1, 1) if quick else (3, BATCH)

    def prepared(clip: Clip) -> tuple[dict[str, Run], int]:
        """The ways of this clip, and the bytes of the keys and values that `shared_kv` takes over in a whole run."""
        kept = recorded(pipe, clip)
        assert kept.keys is not None
        runs = {
            name: run
            for name, run in ways(pipe, clip, kept).items()
            if not (quick and name.endswith("saving"))
        }
        return runs, sum(held.nbytes for held in kept.keys.bank.values()) * WHOLE.steps // clip.steps

    tell("seconds")
    whole, _ = prepared(WHOLE)
    found = {"seconds": seconds(whole, rounds)}
    if batch > 1:
        tell(f"seconds of {batch} clips")
        found["seconds_batch"] = seconds(prepared(replace(WHOLE, clips=batch))[0], rounds)
    tell("FLOPs")
    found["flops"] = {name: float(flops(run)) for name, run in whole.items()}
    tell("memory")
    short, keys = prepared(replace(SHORT, clips=batch))
    found["memory"] = {name: float(_weights(pipe) + memory(run)) for name, run in short.items()}
    found["memory"]["shared_kv"] += keys
    names = [name for name in whole if name != "plain"]
    cost = {name: {what: values[name] / values["plain"] for what, values in found.items()} for name in names}
    return {"cost": cost, "growth": [] if quick else list(growth(pipe, tell))}


def _weights(pipe: Any) -> int:
    """Bytes of the denoiser's."""
    return sum(p.nbytes for p in pipe.unet.parameters())


def seconds(runs: Mapping[str, Run], rounds: int) -> dict[str, float]:
    """Median seconds of each; they take turns, after one run to warm up."""
    spent: dict[str, list[float]] = defaultdict(list)
    next(iter(runs.values()))()
    for _, (name, run) in itertools.product(range(rounds), runs.items()):
        spent[name].append(_timed(run))
    return {name: statistics.median(values) for name, values in spent.items()}


def _timed(run: Run) -> float:
    if not torch.cuda.is_available():
        started = time.perf_counter()
        run()
        return time.perf_counter() - started
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    run()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / 1000


def growth(pipe: Any, tell: Callable[[str], object]) -> Iterator[dict[str, Any]]:
    """A steered run over a plain one of the same size, by what grows: FLOPs and memory, which no other process disturbs."""
    for what, sizes in SIZES.items():
        for size in sizes:
            tell(f"{what}: {size.frames} frames of {size.height} x {size.width} px")
            yield {
                "grows": what,
                "frames": size.frames,
                "side": size.height,
                "regions": 0,
                **_over(pipe, replace(SHORT, size=size)),
            }
    for count in REGIONS:
        tell(f"{count} regions")
        size = SHORT.size
        yield {
            "grows": "regions",
            "frames": size.frames,
            "side": size.height,
            "regions": count,
            **_over(pipe, SHORT, *strips(count)),
        }


def strips(count: int) -> list[Motion]:
    """Strips of the frame, each with a request of its own."""
    sides = ("left", "right", "up", "down")
    return [Motion(sides[i], region=f"box:0,{100 * i / count}%,100%,{100 / count}%") for i in range(count)]


def _over(pipe: Any, clip: Clip, *wanted: Motion) -> dict[str, float]:
    """FLOPs reckoned for a whole run: a plain step costs what it costs in this short one, and a guided one as much more."""
    plain, guided = partial(sample, pipe, clip), partial(steered, pipe, clip, *wanted)
    weights, base = _weights(pipe), flops(plain)
    more = WHOLE.guided / clip.guided * (flops(guided) - base) / (WHOLE.steps / clip.steps * base)
    return {"flops": 1 + more, "memory": (weights + memory(guided)) / (weights + memory(plain))}
