"""What does steering cost over plain sampling? Wall time, FLOPs and memory of whole runs of one process, as ratios to the plain one.

9 of 25 steps guided, 2 gradients each, guidance on, one clip; text and VAE count in FLOPs. Memory of four clips: most bytes of the denoiser's weights and of
tensors alive at once, VAE left out. Seconds are ratios of medians of runs that take turns; on a GPU by its own clock.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

import moft
from moft.bench.counting import flops, memory
from moft.between import Recording
from moft.guidance import Settings, Steering, Target
from moft.hooks import capture
from moft.motion import Motion
from moft.reference import find_statistics, synthesise
from moft.tap import Call, ClipSize, Tap

GUIDED, STEPS, UPDATES = 9, 25, 2
SETTINGS = Settings(steps=(0.12, 0.48), gradient_steps=UPDATES)  # 3…11 of 25, as in the release
USUAL = ClipSize(8, 64, 64)
SIZES = {"frames": [ClipSize(n, 64, 64) for n in (8, 16, 24)], "side": [ClipSize(8, n, n) for n in (64, 96)]}
REGIONS = (1, 2, 4)
LEFT = Motion("left")

Run = Callable[[], object]


# ---------------------------------------------------------------- what is compared


def sample(pipe: Any, clips: int = 1, output: str = "np", size: ClipSize = USUAL) -> None:
    """A plain run."""
    pipe(["a red ball over blue stripes"] * clips, num_frames=size.frames, height=size.height, width=size.width,
         num_inference_steps=STEPS, generator=torch.Generator().manual_seed(0), output_type=output)  # fmt: skip


def steered(settings: Settings, pipe: Any, clips: int = 1, output: str = "np", size: ClipSize = USUAL, **more: Any) -> None:
    """A steered run that is known to have made all its gradients."""
    with moft.steer(pipe, LEFT, settings=settings, **more) as run:
        sample(pipe, clips, output, size)
    _check(run, 1 if settings.fused else UPDATES)


def recorded(pipe: Any, clips: int = 1, size: ClipSize = USUAL) -> Recording:
    """A plain run with its keys and values, which `shared_kv` takes over; making it counts in no figure, keeping it in memory does."""
    with moft.record(pipe, keys=True) as recording:
        sample(pipe, clips, "latent", size)
    return recording


def released(pipe: Any, clips: int = 1, output: str = "np", size: ClipSize = USUAL) -> None:
    """A run steered as the release does."""
    with release(pipe, LEFT) as run:
        sample(pipe, clips, output, size)
    _check(run, UPDATES)


def _check(run: Steering, updates: int) -> None:
    assert [len(step["losses"]) for step in run.report.steps] == [updates] * GUIDED


def ways(pipe: Any, kept: Recording, clips: int = 1, output: str = "np", size: ClipSize = USUAL) -> dict[str, Run]:
    """A plain run, and steered ones, by name; `kept` is `recorded` of as many clips."""
    changes: Mapping[str, dict[str, Any]] = {
        "steered": {}, "steered_saving": {"save_memory": True}, "fused": {"fused": True},
        "fused_saving": {"fused": True, "save_memory": True},
    }  # fmt: skip
    runs = {name: partial(steered, replace(SETTINGS, **change)) for name, change in changes.items()}
    sharing = partial(steered, replace(SETTINGS, keep_keys=1), plain=kept)
    all_of_them: dict[str, Callable[..., None]] = {"plain": sample, **runs, "shared_kv": sharing, "release": released}
    return {name: partial(run, pipe, clips, output, size) for name, run in all_of_them.items()}


class _Release(Steering):
    """The work that the authors' release does for the same gradient.

    The whole guidance batch runs through the whole denoiser with gradients, those of the weights among them, though the loss
    sees half of the batch and what lies before the feature layer. An unguided run goes along at every step, for its keys and
    values; lending these costs next to nothing and is left out, as are the release's own file reads. So this is a lower bound.
    """

    def __init__(self, tap: Tap, targets: list[Target], settings: Settings) -> None:
        super().__init__(tap, targets, settings, None)
        self._whole: Call = {}
        self._beside: Tensor | None = None
        self._scheduler: Any = None

    def next(self, latents: Tensor, index: int, calls: list[Call]) -> Tensor:
        self._whole = calls[0]
        self._go_along(len(latents), index)
        return super().next(latents, index, calls)

    @torch.no_grad()
    def _go_along(self, clips: int, index: int) -> None:
        """One step of the unguided run: what the pipeline itself does, once more."""
        if self._beside is None:
            own = self.tap.pipe.scheduler
            self._scheduler, self._beside = type(own).from_config(own.config), self.tap.inputs(self._whole)[:clips]
            self._scheduler.set_timesteps(len(own.timesteps))
        predicted = self.tap.denoiser(**self._both(self._beside, self._whole["timestep"]))[0]
        self.calls.clear()  # this one is not the pipeline's
        blank, said = predicted.chunk(2)
        guided = blank + self.tap.pipe.guidance_scale * (said - blank)
        self._beside = self._scheduler.step(guided, self._scheduler.timesteps[index - 1], self._beside).prev_sample

    def _both(self, latents: Tensor, timestep: Tensor) -> Call:
        """The pipeline's own call for the whole guidance batch, with these latents (b c f h w)."""
        return self._whole | {self.tap.family.latents: torch.cat([latents, latents]), "timestep": timestep}

    def gradient(self, latents: Tensor, timestep: Tensor, call: Call) -> tuple[float, Tensor | None]:
        self.tap.denoiser.requires_grad_(True)  # never frozen there
        x = latents.detach().requires_grad_(True)
        with torch.enable_grad(), capture(self.tap.denoiser, [self.tap.layer]) as seen:
            whole = self._both(x, timestep)
            self.tap.denoiser(**whole)
            features = self.tap.grid(seen[self.tap.layer], whole)[-len(x) :].float()
            loss = torch.stack(self._losses(features, self.tap.clip_size(x))).sum()
            loss.backward()
        return loss.item(), x.grad


@contextmanager
def release(pipe: Any, motion: Motion) -> Iterator[Steering]:
    """Steer as the release goes about it; for pipelines that need no scaling of their latents, which AnimateDiff's does not."""
    known = find_statistics(pipe)
    reference = synthesise(motion, known)
    target = Target(reference, None, 1.0, reference.loss, reference.usual_steps, motion)
    tap = Tap(pipe, known.layer, known.timestep)
    try:
        with _Release(tap, [target], SETTINGS).attached(False) as run:
            yield run
    finally:
        tap.denoiser.zero_grad(set_to_none=True)


# ---------------------------------------------------------------- figures


def measure(pipe: Any, quick: bool = False, tell: Callable[[str], object] = lambda line: None) -> dict[str, Any]:
    """Ratios to the plain run: "cost" by way, each with flops, seconds and memory; "growth" of the steered
    run's by frames, side and regions.

    Args:
        pipe: the AnimateDiff miniature, its progress bar off.
        quick: each once, one clip at a time, and nothing of how cost grows.
        tell: hears what is done.
    """
    tell("seconds")
    single = ways(pipe, recorded(pipe))
    found = {"seconds": seconds(single, 1 if quick else 3)}
    tell("FLOPs")
    found["flops"] = {name: float(flops(run)) for name, run in single.items()}
    tell("memory")
    clips = 1 if quick else 4
    weights, kept = sum(p.nbytes for p in pipe.unet.parameters()), recorded(pipe, clips)
    found["memory"] = {name: float(weights + memory(run)) for name, run in ways(pipe, kept, clips, "latent").items()}
    assert kept.keys is not None
    found["memory"]["shared_kv"] += sum(held.nbytes for held in kept.keys.bank.values())
    names = [name for name in found["flops"] if name != "plain"]
    cost = {name: {what: values[name] / values["plain"] for what, values in found.items()} for name in names}
    return {"cost": cost, "growth": [] if quick else list(growth(pipe, tell))}


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
            both = [partial(sample, pipe, 1, "latent", size), partial(steered, SETTINGS, pipe, 1, "latent", size)]
            yield {"grows": what, "frames": size.frames, "side": size.height, "regions": 0, **_over(pipe, *both)}
    for count in REGIONS:
        tell(f"{count} regions")
        runs = [partial(sample, pipe, 1, "latent"), partial(_in_regions, pipe, count)]
        yield {"grows": "regions", "frames": USUAL.frames, "side": USUAL.height, "regions": count, **_over(pipe, *runs)}


def _over(pipe: Any, plain: Run, other: Run) -> dict[str, float]:
    weights, base = sum(p.nbytes for p in pipe.unet.parameters()), flops(plain)
    return {"flops": flops(other) / base, "memory": (weights + memory(other)) / (weights + memory(plain)), "plain_flops": float(base)}


def _in_regions(pipe: Any, count: int) -> None:
    """Strips of the frame, each with a request of its own."""
    sides = ("left", "right", "up", "down")
    wanted = [Motion(sides[i], region=f"box:0,{100 * i / count}%,100%,{100 / count}%") for i in range(count)]
    with moft.steer(pipe, *wanted, settings=SETTINGS) as run:
        sample(pipe, 1, "latent")
    _check(run, UPDATES)
