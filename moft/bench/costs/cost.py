"""What does steering cost? Seconds, FLOPs and memory of whole runs of one process, over the plain one.

9 of 25 steps guided, 2 gradients each, guidance on, one clip; text and VAE count in FLOPs. Seconds are ratios
of medians of runs that take turns, of one clip and of four at once; on a GPU by its own clock. Memory of four
clips: most bytes of the denoiser's weights and of tensors alive at once, VAE left out.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

import moft
from moft.bench.costs.scheme import release
from moft.diagnosis.counting import flops, memory
from moft.request.motion import Motion
from moft.steering.loop import Steering
from moft.steering.objective import UPDATES
from moft.steering.recording import Recording
from moft.steering.settings import Settings
from moft.types import ClipSize

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
        """Guided from step 3 of 25, as in the release.

        A short run is guided from step 1: nothing has been denoised before the first."""
        first = max(1, self.steps // 8)
        return Settings(
            steps=(first / self.steps, (first + self.guided) / self.steps), gradient_steps=UPDATES
        )


WHOLE = Clip()
SHORT = Clip(
    output="latent", steps=3, guided=1
)  # guided steps are alike: one shows the most memory that they take


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


def steered(pipe: Any, clip: Clip, *motions: Motion, plain: Recording | None = None, **changes: Any) -> None:
    """A run steered left, or by these motions, with changed settings; all its gradients are made."""
    settings = replace(clip.settings, **changes)
    with moft.steer(pipe, *(motions or (LEFT,)), settings=settings, plain=plain) as run:
        sample(pipe, clip)
    _check(run, settings, clip.guided)


def recorded(pipe: Any, clip: Clip) -> Recording:
    """A plain run with its keys and values, which `shared_kv` takes over.

    Making it counts in no figure, keeping it in memory does."""
    with moft.record(pipe, keys=True) as recording:
        sample(pipe, replace(clip, output="latent"))
    return recording


def released(pipe: Any, clip: Clip) -> None:
    """A run steered as the release does."""
    with release(pipe, LEFT, clip.settings) as run:
        sample(pipe, clip)
    _check(run, clip.settings, clip.guided)


def _check(run: Steering, settings: Settings, guided: int) -> None:
    """All the gradients of this many guided steps were made."""
    made = [len(step["losses"]) for step in run.report.steps]
    updates = 1 if settings.fused else (settings.gradient_steps or UPDATES)
    assert made == [updates] * guided, f"{made} gradients in {guided} guided steps"


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


# ---------------------------------------------------------------- figures


def measure(
    pipe: Any, quick: bool = False, tell: Callable[[str], object] = lambda line: None
) -> dict[str, Any]:
    """Ratios to the plain run: "cost" by way, and "growth" of the steered run's by frames, side and regions.

    A way's cost has flops, seconds and memory, and seconds_batch where the batch is more than one clip.

    Args:
        pipe: the AnimateDiff miniature, its progress bar off.
        quick: each once, one clip at a time, and nothing of how cost grows.
        tell: hears what is done.
    """
    rounds, batch = (1, 1) if quick else (3, BATCH)
    tell("seconds")
    whole = _runs(pipe, WHOLE, recorded(pipe, WHOLE), quick)
    measured = {"seconds": seconds(whole, rounds)}
    if batch > 1:
        tell(f"seconds of {batch} clips")
        several = replace(WHOLE, clips=batch)
        measured["seconds_batch"] = seconds(_runs(pipe, several, recorded(pipe, several), quick), rounds)
    tell("FLOPs")
    measured["flops"] = {name: float(flops(run)) for name, run in whole.items()}
    tell("memory")
    measured["memory"] = _memory(pipe, replace(SHORT, clips=batch), quick)
    cost = {
        name: {what: values[name] / values["plain"] for what, values in measured.items()}
        for name in whole
        if name != "plain"
    }
    return {"cost": cost, "growth": [] if quick else list(growth(pipe, tell))}


def _runs(pipe: Any, clip: Clip, kept: Recording, quick: bool) -> dict[str, Run]:
    """The ways that are measured; a quick look leaves out those that save memory."""
    runs = ways(pipe, clip, kept)
    return {name: run for name, run in runs.items() if not (quick and name.endswith("saving"))}


def _memory(pipe: Any, clip: Clip, quick: bool) -> dict[str, float]:
    """Most bytes of each way in a short run; `shared_kv` with the keys and values of a whole one."""
    kept = recorded(pipe, clip)
    most = {name: float(_weights(pipe) + memory(run)) for name, run in _runs(pipe, clip, kept, quick).items()}
    assert kept.keys is not None  # it was recorded with them
    most["shared_kv"] += sum(held.nbytes for held in kept.keys.bank.values()) * WHOLE.steps // clip.steps
    return most


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
    """A steered run over a plain one of the same size, by what grows.

    FLOPs and memory alone, which no other process disturbs."""
    for what, sizes in SIZES.items():
        for size in sizes:
            tell(f"{what}: {size.frames} frames of {size.height} x {size.width} px")
            yield {
                "grows": what,
                "frames": size.frames,
                "side": size.height,
                "regions": 0,
                **over_plain(pipe, replace(SHORT, size=size)),
            }
    for count in REGIONS:
        tell(f"{count} regions")
        size = SHORT.size
        yield {
            "grows": "regions",
            "frames": size.frames,
            "side": size.height,
            "regions": count,
            **over_plain(pipe, SHORT, *strips(count)),
        }


def strips(count: int) -> list[Motion]:
    """Strips of the frame, each with a request of its own."""
    sides = ("left", "right", "up", "down")
    return [Motion(sides[i], region=f"box:0,{100 * i / count}%,100%,{100 / count}%") for i in range(count)]


def over_plain(pipe: Any, clip: Clip, *motions: Motion) -> dict[str, float]:
    """A steered run over a plain one: flops and memory.

    FLOPs are reckoned for a whole run: a plain step costs what it costs in this short one, a guided one as
    much more."""
    plain, guided = partial(sample, pipe, clip), partial(steered, pipe, clip, *motions)
    weights, base = _weights(pipe), flops(plain)
    more = WHOLE.guided / clip.guided * (flops(guided) - base) / (WHOLE.steps / clip.steps * base)
    return {"flops": 1 + more, "memory": (weights + memory(guided)) / (weights + memory(plain))}
