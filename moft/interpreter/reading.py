"""A model made ready to be looked into: where it is read, with which channels; and what one clip shows there."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moft.errors import RequestError
from moft.feature.definition import motion_feature
from moft.feature.statistics import Statistics, find_motion_channels, statistics_path
from moft.interpreter import numbers as interpret
from moft.interpreter.clips import Clip, default_point
from moft.interpreter.numbers import DESIGNS
from moft.interpreter.readout import Readout
from moft.known.pans import pans
from moft.media.tensors import load_tensors, save_tensors
from moft.models.families import default_layer
from moft.models.size import clip_size
from moft.models.tap import Tap
from moft.optional import needs
from moft.types import ClipSize

SWEEP_FILE = "sweep.json"
TIMESTEPS = (20, 100, 300, 500, 700, 900)
_KIND = "moft explain clip"
Tell = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What to look at; None takes what is known of the model, else the family's default."""

    point: tuple[float, float, float] | None = None  # (x, y, frame) in the first clip; None: where most moves
    sweep: bool = False
    layer: str | None = None
    timestep: int | None = None
    share: float = 0.04  # of channels to keep where channels are found anew
    objects: int = 96  # clips of known flow that scores are computed on
    fitting: int = 768  # clips that the read-out is fitted on
    places: int = 6  # in each photograph, from which pans start
    timesteps: tuple[int, ...] = TIMESTEPS
    seed: int = 0


# ---------------------------------------------------------------- what is known of a model


@dataclasses.dataclass(frozen=True)
class Reader:
    """A pipeline, where it is read, and what is known of it."""

    pipe: Any
    size: ClipSize
    statistics: Statistics
    timestep: int
    layers: tuple[str, ...]  # all that are looked at, in the order in which they run
    found_here: bool  # the motion channels were not known, and found for this report
    swept: dict[str, Any] | None  # the best of a sweep that is stored beside the model

    @property
    def layer(self) -> str:
        return self.statistics.layer

    @property
    def dift(self) -> str:
        """The layer whose plain features say what is where: the family's default block."""
        tap = Tap(self.pipe, None, self.timestep)
        return tap.layer

    def see(self, videos: np.ndarray, seed: int = 0) -> Tensor:
        """Plain features (n f c h w) of the layer for clips uint8 (n f h w 3), at the reading timestep."""
        return interpret.read(self.pipe, videos, self.timestep, self.layer, seed=seed)

    @cached_property
    def width(self) -> int:
        """Channels of the layer."""
        size = self.size
        return int(self.see(np.zeros((1, size.frames, size.height, size.width, 3), np.uint8)).shape[2])

    @cached_property
    def fingerprint(self) -> str:
        """Tells weights apart, so that what was read from others is not taken for this model's."""
        tap = Tap(self.pipe, self.layer, self.timestep)
        sums = [
            f"{float(p.detach().double().abs().sum()):.6g}" for p in tap.denoiser.parameters()
        ]  # the same on any machine
        return hashlib.sha256(
            repr((sums, self.layer, self.timestep, self.statistics.channels.tolist())).encode()
        ).hexdigest()[:16]


def reader(pipe: Any, wanted: Wanted, model: str, tell: Tell, statistics: Statistics | None = None) -> Reader:
    """Where to read a pipeline: as wanted, else as a stored sweep found best, else where its motion channels are from. If no
    channels are known for that layer, they are found from pans of training photographs.

    Raises:
        BackboneError: unknown pipeline or layer.
    """
    path, swept = statistics_path(pipe), None
    if statistics is None and path.exists():
        statistics = Statistics.load(path)
    if path.with_name(SWEEP_FILE).exists():
        swept = _stored_sweep(path.with_name(SWEEP_FILE))
    layer = wanted.layer or (swept or {}).get("layer") or (statistics.layer if statistics else None)
    timestep = (
        wanted.timestep or (swept or {}).get("timestep") or (statistics.timestep if statistics else 300)
    )
    tap = Tap(pipe, layer, timestep)
    size = clip_size(pipe, None, None, None, statistics.made if statistics else {})
    known = statistics is not None and statistics.layer == tap.layer
    if statistics is None or not known:
        needs("skimage")
        from moft.known.photographs import training_photographs

        tell(f"finding motion channels of {tap.layer}")
        clips = list(pans(list(training_photographs().values()), size, speeds=(0.035,)))
        statistics = find_motion_channels(
            pipe, clips, layer=tap.layer, timestep=timestep, share=wanted.share, model=model
        )
    layers = interpret.layers_of(tap.denoiser, tap.layer, default_layer(tap.family, tap.denoiser))
    return Reader(pipe, size, statistics, timestep, layers, not known, swept)


def _stored_sweep(path: Path) -> dict[str, Any]:
    """The best cell of a stored sweep. Raises RequestError for a file that is none."""
    try:
        best = json.loads(path.read_text(encoding="utf-8"))["best"]
        return {"layer": str(best["layer"]), "timestep": int(best["timestep"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(
            f"cannot read {path}: expected what `moft explain --sweep` stores, got {error}; remove it"
        ) from error


# ---------------------------------------------------------------- looking into one clip


@dataclasses.dataclass(frozen=True)
class Source:
    """The point whose likes are sought: what each view holds at its cell, over the frames."""

    clip: Clip
    point: tuple[float, float, float]
    vectors: dict[str, Tensor]  # by view (f c)
    velocity: Tensor  # (2,) px a frame at the point, by the clip's flow


def views(
    read: Reader, video: np.ndarray, channels: Mapping[str, Tensor], wanted: Wanted, noise: int = 0
) -> Iterator[tuple[str, Tensor]]:
    """Every way to look at a clip uint8 (f h w 3): name → (f c h w). "design/…" at the reading layer and timestep,
    "layer/…" MOFT of each layer, "time/moft/…" and "time/dift/…" across timesteps.

    `noise` is to differ between clips that are compared: under one noise, places are alike because they are the same place.
    """
    seed = wanted.seed + noise
    main = _features(read, video, read.timestep, read.layers, seed)
    plain = main[read.layer]
    for name, design in DESIGNS.items():
        yield f"design/{name}", design(plain, read.statistics.channels)[0]
    yield "design/dift", main[read.dift][0]
    for name in read.layers:
        yield f"layer/{name}", motion_feature(main[name], channels[name])[0]
    ordered = tuple(name for name in read.layers if name in (read.layer, read.dift))
    for t in wanted.timesteps:
        some = _features(read, video, t, ordered, seed)
        yield f"time/moft/{t}", motion_feature(some[read.layer], read.statistics.channels)[0]
        yield f"time/dift/{t}", some[read.dift][0]


def _features(read: Reader, video: np.ndarray, t: int, layers: Sequence[str], seed: int) -> dict[str, Tensor]:
    return next(interpret.read_batches(read.pipe, video[None], t, layers, seed=seed))


def source_of(read: Reader, clip: Clip, channels: Mapping[str, Tensor], wanted: Wanted) -> Source:
    """The point of a reference clip, in every view. Raises RequestError for a point outside it."""
    point = wanted.point or default_point(clip)
    interpret.cell_of(point, read.size, torch.empty(1, 1, 1, 1, 1))  # before anything runs
    vectors = {}
    for name, view in views(read, clip.video, channels, wanted):
        _, row, column = interpret.cell_of(point, read.size, view[None])
        vectors[name] = view[:, :, row, column].clone()
    velocity = torch.from_numpy(np.array(clip.flow[int(point[2]), int(point[1]), int(point[0])]))
    return Source(clip, point, vectors, velocity.float())


def look(
    read: Reader,
    clip: Clip,
    source: Source,
    readout: Readout,
    channels: Mapping[str, Tensor],
    wanted: Wanted,
    noise: int,
) -> dict[str, Tensor]:
    """What a clip shows: similarity maps (f h w) by view, and "flow", the read-out's motion of its pixels (f h w 2)."""
    found = {
        name: interpret.similarity(source.vectors[name], view[None])[0]
        for name, view in views(read, clip.video, channels, wanted, noise)
    }
    return {**found, "flow": readout.flow(clip.video[None], partial(read.see, seed=wanted.seed + noise))[0]}


def looked(
    clip: Clip, source: Source, key: str, folder: Path, see: Callable[[], dict[str, Tensor]]
) -> tuple[dict[str, Tensor], bool]:
    """`see()`, or what an earlier run kept of the same clip, point, and model; and whether it was kept."""
    path = folder / f"clip-{key}.safetensors"
    if path.exists():
        try:
            return load_tensors(path, _KIND)[0], True
        except RequestError:
            path.unlink()
    found = see()
    save_tensors(path, found, {"kind": _KIND, "clip": clip.name, "point": list(source.point)})
    return found, False


def key(read: Reader, clip: Clip, source: Source, wanted: Wanted, noise: int) -> str:
    told = repr(
        (noise, read.fingerprint, source.point, wanted.seed, wanted.timesteps, wanted.fitting, read.layers)
    ).encode()
    return hashlib.sha256(told + clip.video.tobytes() + source.clip.video.tobytes()).hexdigest()[:16]


def shown(value: Tensor, source: Source, frames: int) -> tuple[int, int]:
    """The frame of a map (f h w) that a still shows, and the clip's."""
    frame = int(source.point[2])
    return round(frame * (len(value) - 1) / max(frames - 1, 1)), frame
