"""`moft explain`: what a model knows of motion, as a report of figures that each have a number behind them.

Clips are read one by one and what was read of each is kept (`data/clip-*.safetensors`), so a run that was stopped goes on
where it was. The report, its figures and its numbers are finished in a passing folder and then renamed into place.
"""

from __future__ import annotations

import base64
import copy
import csv
import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft import interpret
from moft.backbones import default_layer
from moft.compare import clip_size, needs, staging
from moft.errors import MediaError, RequestError
from moft.feature import moft, motion_channels
from moft.interpret import DESIGNS, LEAST_SPEED, WAYS, KnownClips, Pans
from moft.motion import Motion
from moft.readout import READOUT_FILE, FlowScore, Readout, enlarged, fit, flow_score
from moft.recipe import command, versions
from moft.reference import (
    Statistics,
    find_motion_channels,
    load_tensors,
    pan,
    pans,
    save_tensors,
    statistics_path,
)
from moft.tap import ClipSize, Tap

TUNING_SEED, FITTING_SEED = 135_790, 24_680  # textures of clips to choose and to fit on; scores are on HELD_OUT_SEED's
SWEEP_FILE = "sweep.json"
TIMESTEPS = (20, 100, 300, 500, 700, 900)
_STRIDES = (4, 2, 1)  # of frames read from a clip that is long enough: more motion in as many frames
_FASTEST = 0.05  # shorter sides a frame; what read-outs are fitted on goes to 0.0625
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
    fitting: int = 384  # clips that the read-out is fitted on
    places: int = 6  # in each photograph, from which pans start
    timesteps: tuple[int, ...] = TIMESTEPS
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Clip:
    """A clip to look into, of the model's size."""

    name: str
    video: np.ndarray  # uint8 (f h w 3)
    true: np.ndarray | None = None  # exact flow (f h w 2), px a frame
    note: str | None = None  # what was done to bring it here

    @cached_property
    def flow(self) -> np.ndarray:
        """The exact flow where it is known, else DIS optical flow: (f h w 2), the last step held."""
        if self.true is not None:
            return self.true
        from moft.metrics import dense_flow

        steps = dense_flow(self.video)
        return np.concatenate([steps, steps[-1:]])


# ---------------------------------------------------------------- clips


def read_clip(path: str | os.PathLike[str], size: ClipSize) -> Clip:
    """A file as the model takes it: a picture is panned to the left, a longer clip is read from its start with a stride, a
    shorter one is slowed down by repeating frames. What was done is in the note.

    Raises:
        MediaError: unreadable, or a clip of one frame.
    """
    from moft.video import is_image, read_video

    name, sides = str(path), (size.height, size.width)
    for stride in _STRIDES:
        try:
            whole = read_video(path, frames=size.frames * stride, size=sides)
        except MediaError:  # shorter, or nothing that can be read: the last attempt says which
            continue
        stride = _stride(whole, size)
        taken = "the first" if stride == 1 else f"every {stride}. of the first"
        note = f"{Path(name).name}: {taken} {size.frames * stride} frames, its middle, resized to {_by(size)}"
        return Clip(name, whole[::stride][: size.frames], None, note)
    short = read_video(path, size=sides)
    if len(short) == 1 and is_image(path):
        panned = pan(read_video(path)[0], Motion("left", speed=0.03), size)
        true = np.broadcast_to(np.array([-0.03 * size.side, 0], np.float32), (*panned.shape[:3], 2))
        return Clip(name, panned, true, f"{Path(name).name}: a picture, panned to the left by 3 % of the shorter side a frame")
    if len(short) < 2:
        raise MediaError(f"cannot explain {name}: expected a clip of 2 frames or more, or a picture, got one frame; bring a longer clip")
    index = np.linspace(0, len(short) - 1, size.frames).round().astype(int)
    note = (f"{Path(name).name}: {len(short)} frames, fewer than the model's {size.frames}; resampled by repeating frames, "
            f"so it moves in jerks at {len(short) / size.frames:.2f} of its speed")  # fmt: skip
    return Clip(name, short[index], None, note)


def _stride(video: np.ndarray, size: ClipSize) -> int:
    """The longest stride at which nine tenths of the picture still move slowly enough to be read."""
    from moft.metrics import dense_flow

    for stride in _STRIDES:
        clip = video[::stride][: size.frames]
        fast = len(clip) == size.frames and np.quantile(np.linalg.norm(dense_flow(clip), axis=-1), 0.9) / size.side
        if fast is not False and fast <= _FASTEST:
            return stride
    return 1


def _by(size: ClipSize) -> str:
    return f"{size.width} x {size.height} px"


def object_clips(n: int, size: ClipSize, seed: int, photos: float = 0.0) -> KnownClips:
    """Textured scenes that pan and objects that move on their own, with exact flow, at a model's size: the miniature's clips
    of 64 px, enlarged. `seed` decides the textures, `photos` is the share of scenes cut from training photographs."""
    return next(object_batches(n, size, seed, photos))


def object_batches(n: int, size: ClipSize, seed: int, photos: float = 0.0) -> Iterator[KnownClips]:
    """Endless batches of `object_clips`."""
    maker = copy.copy(_maker(size.frames, seed, photos))
    maker.generator = torch.Generator().manual_seed(seed)
    while True:
        made = maker.render(n)
        video, flow = made.video, made.flow
        height, width = video.shape[-2:]
        if (size.height, size.width) != (height, width):
            both = (size.height, size.width)
            video = F.interpolate(video.flatten(0, 1), both, mode="bicubic").unflatten(0, (n, size.frames))
            flow = F.interpolate(flow.flatten(0, 1).permute(0, 3, 1, 2), both, mode="nearest").permute(0, 2, 3, 1)
            flow = flow.unflatten(0, (n, size.frames)) * torch.tensor([size.width / width, size.height / height])
        pixels = (video.clamp(0, 1) * 255).round().byte().permute(0, 1, 3, 4, 2)
        yield KnownClips(pixels.numpy(), flow.float().numpy())


@cache
def _maker(frames: int, seed: int, photos: float) -> Any:
    """Draws scenes of its own textures, which take seconds to make."""
    from moft.miniature.clips import FRAMES, MAX_SPEED, ClipMaker, World

    fastest = max(1.0, MAX_SPEED * FRAMES / max(FRAMES, frames))  # slower in longer clips, to stay in the picture
    world = World(textures=96, photos=photos, objects=0.65, zooms=0, turns=0, flows=0, max_speed=fastest)
    return ClipMaker(world, seed, frames=frames)


def panned_clips(photos: Sequence[np.ndarray], size: ClipSize, n: int, seed: int = 0) -> KnownClips:
    """Photographs panned in random directions at random speeds up to 6 % of the shorter side a frame, with exact flow."""
    rng, videos, flows = np.random.default_rng(seed), [], []
    for i in range(n):
        motion = Motion(rng.uniform(0, 360), speed=rng.uniform(0.008, 0.06))
        videos.append(pan(photos[i % len(photos)], motion, size, rng.uniform(0, 1, 2), rng.uniform(1.3, 2.5)))
        flows.append(np.broadcast_to(np.array(motion.velocity(*videos[-1].shape[:3]), np.float32), (*videos[-1].shape[:3], 2)))
    return KnownClips(np.stack(videos), np.stack(flows))


def training_photographs() -> list[np.ndarray]:
    """scikit-image's, from which channels are found and the read-out is fitted."""
    needs("skimage")
    from skimage import data

    return [getattr(data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field")]


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

    @cached_property
    def fingerprint(self) -> str:
        """Tells weights apart, so that what was read from others is not taken for this model's."""
        tap = Tap(self.pipe, self.layer, self.timestep)
        sums = [float(p.detach().double().abs().sum()) for p in tap.denoiser.parameters()]
        return hashlib.sha256(repr((sums, self.layer, self.timestep, self.statistics.channels.tolist())).encode()).hexdigest()[:16]


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
    timestep = wanted.timestep or (swept or {}).get("timestep") or (statistics.timestep if statistics else 300)
    tap = Tap(pipe, layer, timestep)
    size = clip_size(pipe, None, None, None, statistics.made if statistics else {})
    known = statistics is not None and statistics.layer == tap.layer
    if statistics is None or not known:
        tell(f"finding motion channels of {tap.layer}")
        clips = list(pans(training_photographs(), size, speeds=(0.035,)))
        statistics = find_motion_channels(pipe, clips, layer=tap.layer, timestep=timestep, share=wanted.share, model=model)
    layers = interpret.layers_of(tap.denoiser, tap.layer, default_layer(tap.family, tap.denoiser))
    return Reader(pipe, size, statistics, timestep, layers, not known, swept)


def _stored_sweep(path: Path) -> dict[str, Any]:
    """The best cell of a stored sweep. Raises RequestError for a file that is none."""
    try:
        best = json.loads(path.read_text(encoding="utf-8"))["best"]
        return {"layer": str(best["layer"]), "timestep": int(best["timestep"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"cannot read {path}: expected what `moft explain --sweep` stores, got {error}; remove it") from error


def fit_readout(read: Reader, n: int, made: dict[str, Any], batch: int = 32) -> Readout:
    """The read-out of a model, fitted on clips of training textures and photographs."""

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        made = object_batches(batch, read.size, FITTING_SEED, photos=0.3)
        for start, clips in zip(range(0, n, batch), made, strict=False):
            feature = interpret.read(read.pipe, clips.video, read.timestep, read.layer, seed=start)
            yield feature, clips.cells(feature)

    return fit(batches(), read.statistics.channels, read.layer, read.timestep, read.size, {**made, "clips": n})


# ---------------------------------------------------------------- looking into one clip


@dataclasses.dataclass(frozen=True)
class Source:
    """The point whose likes are sought: what each view holds at its cell, over the frames."""

    clip: Clip
    point: tuple[float, float, float]
    vectors: dict[str, Tensor]  # by view (f c)
    velocity: Tensor  # (2,) px a frame at the point, by the clip's flow


def views(read: Reader, video: np.ndarray, channels: Mapping[str, Tensor], wanted: Wanted, noise: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Every way to look at a clip uint8 (f h w 3): name → (f c h w). "design/…" at the reading layer and timestep,
    "layer/…" MOFT of each layer, "time/moft/…" and "time/dift/…" across timesteps; and "plain", the feature itself.

    `noise` is to differ between clips that are compared: under one noise, places are alike because they are the same place.
    """
    seed = wanted.seed + noise
    main = _features(read, video, read.timestep, read.layers, seed)
    plain = main[read.layer]
    yield "plain", plain[0]
    for name, design in DESIGNS.items():
        yield f"design/{name}", design(plain, read.statistics.channels)[0]
    yield "design/dift", main[read.dift][0]
    for name in read.layers:
        yield f"layer/{name}", moft(main[name], channels[name])[0]
    ordered = tuple(name for name in read.layers if name in (read.layer, read.dift))
    for t in wanted.timesteps:
        some = _features(read, video, t, ordered, seed)
        yield f"time/moft/{t}", moft(some[read.layer], read.statistics.channels)[0]
        yield f"time/dift/{t}", some[read.dift][0]


def _features(read: Reader, video: np.ndarray, t: int, layers: Sequence[str], seed: int) -> dict[str, Tensor]:
    return next(interpret.read_batches(read.pipe, video[None], t, layers, seed=seed))


def default_point(clip: Clip) -> tuple[float, float, float]:
    """(x, y, 0) where most moves over the clip, an eighth or more from the edge."""
    import cv2

    speed = cv2.blur(np.linalg.norm(clip.flow, axis=-1).mean(0).astype(np.float32), (5, 5))
    h, w = speed.shape
    inner = np.full_like(speed, -1)
    inner[h // 8 : h - h // 8, w // 8 : w - w // 8] = speed[h // 8 : h - h // 8, w // 8 : w - w // 8]
    row, column = np.unravel_index(int(inner.argmax()), inner.shape)
    return float(column), float(row), 0.0


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


def look(read: Reader, clip: Clip, source: Source, readout: Readout, channels: Mapping[str, Tensor], wanted: Wanted, noise: int) -> dict[str, Tensor]:
    """What a clip shows: similarity maps (f h w) by view, and "flow", the read-out's motion of its cells (f h w 2)."""
    found: dict[str, Tensor] = {}
    for name, view in views(read, clip.video, channels, wanted, noise):
        if name == "plain":
            found["flow"] = readout.cells(view[None], read.size)[0]
        else:
            found[name] = interpret.similarity(source.vectors[name], view[None])[0]
    return found


def looked(clip: Clip, source: Source, key: str, folder: Path, see: Callable[[], dict[str, Tensor]]) -> tuple[dict[str, Tensor], bool]:
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


def _key(read: Reader, clip: Clip, source: Source, wanted: Wanted, noise: int) -> str:
    told = repr((noise, read.fingerprint, source.point, wanted.seed, wanted.timesteps, wanted.fitting, read.layers)).encode()
    return hashlib.sha256(told + clip.video.tobytes() + source.clip.video.tobytes()).hexdigest()[:16]


# ---------------------------------------------------------------- scores


@dataclasses.dataclass(frozen=True)
class Scores:
    """What was found on held-out clips, and what the figures are drawn from."""

    values: dict[str, Any]  # goes into scores.json
    planes: dict[str, interpret.Plane]
    pans: dict[str, Pans]  # of each layer at the reading timestep
    at: dict[int, Pans]  # of the reading layer, by timestep
    best: interpret.BestChannel
    shares: list[interpret.Share]
    known: KnownClips


def score(read: Reader, readout: Readout, pans_of: dict[str, Pans], photos: Sequence[np.ndarray], wanted: Wanted, tell: Tell) -> Scores:
    """Every number of the report, on held-out textures and photographs."""
    from moft.miniature.probe import HELD_OUT_SEED

    least, channels = LEAST_SPEED * read.size.side, read.statistics.channels
    known = object_clips(wanted.objects, read.size, HELD_OUT_SEED)
    tell(f"scoring {len(known)} clips of known flow")
    feature = interpret.read(read.pipe, known.video, read.timestep, read.layer, seed=wanted.seed)
    flow = known.cells(feature)
    agree = {n: interpret.same_way(d(feature, channels), flow, least) for n, d in DESIGNS.items()}
    first = {n: interpret.same_way(d(feature, channels), flow, least, curves=False) for n, d in DESIGNS.items()}
    moved = panned_clips(photos, read.size, max(8, wanted.objects // 2), seed=1)
    still = interpret.read(read.pipe, moved.video, read.timestep, read.layer, seed=wanted.seed)
    tell("reading pans at other timesteps")
    at = {t: interpret.read_pans(read.pipe, photos, read.size, t, (read.layer,), 2, wanted.seed)[read.layer]
          for t in wanted.timesteps}  # fmt: skip
    planes = {name: interpret.directions(pans_of[read.layer], name, channels) for name in DESIGNS}
    best = interpret.best_channel(pans_of[read.layer], channels)
    values = {
        "auc": {name: found.auc for name, found in agree.items()},
        "correlation": {name: found.correlation for name, found in agree.items()},
        "auc_first_frame": {name: found.auc for name, found in first.items()},
        "separability": {name: planes[name].separability for name in ("vanilla", "ccr")},
        "silhouette": {name: planes[name].silhouette for name in ("vanilla", "ccr")},
        "curve_correlation": abs(best.correlation),
        "best_channel": {"channel": best.channel, "follows": "xy"[best.axis], "per_photograph": best.per_photo},
        "readout": _flow_scores(readout, known, feature, least),
        "readout_pans": _flow_scores(readout, moved, still, least),
        "layers": {name: _layer_score(pans_of[name], read) for name in read.layers},
    }
    shares = interpret.share_sweep(pans_of[read.layer], feature, known)
    return Scores({**values, "shares": [dataclasses.asdict(row) for row in shares]}, planes, pans_of, at, best, shares, known)


def _layer_score(found: Pans, read: Reader) -> dict[str, float]:
    return {name: interpret.directions(found, name).separability for name in ("vanilla", "ccr")}


def _flow_scores(readout: Readout, clips: KnownClips, feature: Tensor, least: float) -> dict[str, Any]:
    """The read-out against exact flow: of pixels; of cells; and of pixels by how fast they move (px at 64 px)."""
    cells, true = readout.cells(feature, clips.size), torch.from_numpy(clips.flow)
    whole = enlarged(cells, clips.size)
    speed = true.norm(dim=-1) * 64 / clips.size.side
    error = (whole - true).norm(dim=-1)
    bounds = ((0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0))
    by = {f"{a:g}-{b:g}": float(error[band].mean()) for a, b in bounds if (band := (speed >= a) & (speed < b)).any()}
    pixels: FlowScore = flow_score(whole, true, least)
    oracle = flow_score(enlarged(clips.cells(feature), clips.size), true, least)
    return {**pixels.to_json(), "cells": flow_score(cells, clips.cells(feature), least).to_json(), "epe_px_by_speed": by,
            "epe_px_of_perfect_cells": oracle.epe_px}  # fmt: skip


# ---------------------------------------------------------------- the report


@dataclasses.dataclass
class Page:
    """A section of the report in the making."""

    title: str
    text: list[str]
    pictures: list[dict[str, str]] = dataclasses.field(default_factory=list)
    videos: list[dict[str, str]] = dataclasses.field(default_factory=list)
    table: list[list[str]] | None = None


class Report:
    """Collects sections and files in a passing folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.pages = folder, list[Page]()
        for name in ("figures", "data"):
            (folder / name).mkdir()

    def page(self, title: str, *text: str) -> Page:
        self.pages.append(Page(title, list(text)))
        return self.pages[-1]

    def picture(self, name: str, figure: Any, says: str) -> None:
        """A figure as PNG and SVG, and inlined into the current section; `says` is for those who cannot see it."""
        from moft.figures import render

        for kind in ("svg", "png"):
            data = render(figure, kind)
            (self.folder / "figures" / f"{name}.{kind}").write_bytes(data)
        self.pages[-1].pictures.append({"data": base64.b64encode(data).decode(), "says": says})

    def video(self, name: str, frames: np.ndarray, says: str) -> None:
        from moft.video import write_video

        path = self.folder / "figures" / f"{name}.mp4"
        write_video(path, frames, fps=4)
        self.pages[-1].videos.append({"data": base64.b64encode(path.read_bytes()).decode(), "says": says})

    def rows(self, name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """A CSV of raw data."""
        with open(self.folder / "data" / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(head)
            writer.writerows(rows)

    def html(self, title: str, facts: Mapping[str, str], notes: Sequence[str]) -> str:
        """The page. Everything in it is escaped: names of files are anybody's."""
        from jinja2 import Environment

        template = (Path(__file__).parent / "report.html").read_text(encoding="utf-8")
        page = Environment(autoescape=True).from_string(template)
        return page.render(title=title, facts=facts, notes=notes, sections=self.pages)


def explain(
    pipe: Any, paths: Sequence[str], out: Path, *, wanted: Wanted | None = None, model: str = "", statistics: Statistics | None = None,
    tell: Tell = lambda line: None,
) -> dict[str, Any]:
    """Write `out/report.html`, `out/scores.json`, `out/figures/` and `out/data/`; returns the scores.

    Args:
        paths: clips and pictures; none looks into held-out clips of known flow.
        out: a folder, made if its parent is there.
        tell: gets one line as each piece of work begins.
    Raises:
        MoftError: anything wrong with clips, point, model or folder; no report is left then. What was read of clips
            stays in `out/data`, for the next run.
    """  # fmt: skip
    needs("matplotlib", "jinja2", "sklearn", "cv2")
    from moft.miniature.probe import held_out_photographs

    started, wanted = time.perf_counter(), wanted or Wanted()
    check_folder_for(out)
    pipe.set_progress_bar_config(disable=True)
    read = reader(pipe, wanted, model, tell, statistics)
    clips = [read_clip(path, read.size) for path in paths] or held_out_clips(read.size, 4)
    wanted = dataclasses.replace(wanted, point=_checked(wanted.point or default_point(clips[0]), read.size))
    sweep = run_sweep(read, wanted, tell) if wanted.sweep else None
    photos = held_out_photographs()
    tell("reading pans of photographs at every layer")
    pans_of = interpret.read_pans(read.pipe, photos, read.size, read.timestep, read.layers, wanted.places, wanted.seed)
    share = len(read.statistics.channels) / pans_of[read.layer].feature.shape[-1]
    channels = {name: motion_channels(found.where(_steady).clean[:, 0], share, components=2) for name, found in pans_of.items()}
    channels[read.layer] = read.statistics.channels
    made = {"model": model, "command": command(), "versions": versions(), "weights": read.fingerprint}
    data = out / "data"
    data.mkdir(parents=True, exist_ok=True)
    readout = _readout(read, wanted, made, data, tell)
    scores = score(read, readout, pans_of, photos, wanted, tell)
    source = source_of(read, clips[0], channels, wanted)
    seen = []
    for i, clip in enumerate(clips, 1):
        tell(f"clip {i} of {len(clips)}: {Path(clip.name).name}")

        def see(clip: Clip = clip, noise: int = i) -> dict[str, Tensor]:
            return look(read, clip, source, readout, channels, wanted, noise)

        found, kept = looked(clip, source, _key(read, clip, source, wanted, i), data, see)
        seen.append(found)
        if kept:
            tell("  as read by an earlier run")
    tell("drawing")
    record = {**scores.values, "model": model, "family": Tap(pipe).family.name, "layer": read.layer, "timestep": read.timestep,
              "channels": len(read.statistics.channels), "share": share, "size": dataclasses.asdict(read.size),
              "clips": [_clip_record(read, c, s, source) for c, s in zip(clips, seen, strict=True)],
              **({"sweep": sweep} if sweep else {}), "command": command(), "versions": versions()}  # fmt: skip
    with staging(out.parent) as folder:
        report = Report(folder)
        draw(report, read, scores, source, clips, seen, wanted, record)
        record["seconds"] = time.perf_counter() - started
        record = json.loads(json.dumps(record), parse_constant=lambda _: None)
        notes = [clip.note for clip in clips if clip.note]
        (folder / "report.html").write_text(report.html("Motion inside a video diffusion model", _facts(read, record), notes), encoding="utf-8")
        (folder / "scores.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        if sweep:
            (folder / SWEEP_FILE).write_text(_lines(sweep), encoding="utf-8")
        _move(folder, out)
    if sweep:
        _store(sweep, statistics_path(pipe).with_name(SWEEP_FILE), tell)
    return record


def held_out_clips(size: ClipSize, n: int) -> list[Clip]:
    """Some clips of known flow to look into where none are given."""
    from moft.miniature.probe import HELD_OUT_SEED

    made = object_clips(n, size, HELD_OUT_SEED)
    return [Clip(f"held-out clip {i + 1}", made.video[i], made.flow[i]) for i in range(n)]


def _steady(motion: Motion) -> bool:
    return motion.path is None


def _checked(point: tuple[float, float, float], size: ClipSize) -> tuple[float, float, float]:
    interpret.cell_of(point, size, torch.empty(1, 1, 1, 1, 1))
    return point


def _readout(read: Reader, wanted: Wanted, made: dict[str, Any], data: Path, tell: Tell) -> Readout:
    """Fitted, or that of an earlier run on the same weights."""
    path = data / READOUT_FILE
    if path.exists():
        try:
            kept = Readout.load(path)
            if kept.made.get("weights") == read.fingerprint and kept.made.get("clips") == wanted.fitting:
                return kept
        except RequestError:
            path.unlink()
    tell(f"fitting the read-out on {wanted.fitting} clips")
    readout = fit_readout(read, wanted.fitting, made)
    readout.save(path)
    return readout


def run_sweep(read: Reader, wanted: Wanted, tell: Tell) -> dict[str, Any]:
    """Every layer at every timestep, on textures and photographs to choose by; with the best, and the command."""
    tell(f"sweeping {len(read.layers)} layers over {len(wanted.timesteps)} timesteps")
    known = object_clips(max(8, wanted.objects // 2), read.size, TUNING_SEED)
    def count(times: Sequence[int]) -> Iterator[int]:
        for i, t in enumerate(times, 1):
            tell(f"  timestep {t} ({i} of {len(times)})")
            yield t

    share = len(read.statistics.channels) / _width(read)
    cells = interpret.sweep(read.pipe, training_photographs(), known, read.layers, wanted.timesteps, share,
                            min(2, wanted.places), count)  # fmt: skip
    best = interpret.best(cells)
    return {"best": {"layer": best.layer, "timestep": best.timestep, "share": share, "auc": best.auc["moft"]},
            "cells": [cell.to_json() for cell in cells], "command": command(), "versions": versions()}  # fmt: skip


def _width(read: Reader) -> int:
    """Channels of the reading layer."""
    blank = np.zeros((read.size.frames, read.size.height, read.size.width, 3), np.uint8)
    return int(_features(read, blank, read.timestep, (read.layer,), 0)[read.layer].shape[2])


def _lines(sweep: dict[str, Any]) -> str:
    """JSON with one line a cell."""
    cells = ",\n  ".join(json.dumps(cell) for cell in sweep["cells"])
    rest = json.dumps({name: value for name, value in sweep.items() if name != "cells"}, indent=1)
    return rest.removesuffix("\n}") + f',\n "cells": [\n  {cells}\n ]\n}}\n'


def _store(sweep: dict[str, Any], path: Path, tell: Tell) -> None:
    """Beside the model, where the next report looks for its layer and timestep."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(_lines(sweep), encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        tell(f"could not keep the sweep beside the model ({error.strerror}); it is in the report's folder")


def check_folder_for(out: Path) -> None:
    """Raise MediaError unless a report can be written in `out`, before anything expensive runs."""
    if out.exists() and not out.is_dir():
        raise MediaError(f"cannot write in {out}: expected a folder, got a file; choose another -o")
    if not out.parent.is_dir():
        raise MediaError(f"cannot write in {out}: expected an existing folder, got {out.parent}; create it first")
    with staging(out if out.exists() else out.parent):
        pass


def _move(folder: Path, out: Path) -> None:
    """Every file of a passing folder to its place; the report last, so that what it speaks of is there."""
    files = sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.name == "report.html")
    for path in files:
        target = out / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)


def _facts(read: Reader, record: dict[str, Any]) -> dict[str, str]:
    size = read.size
    chosen = "stored sweep" if read.swept else "where the motion channels are from"
    origin = "found for this report from pans" if read.found_here else "known for the model"
    return {
        "model": f"{record['model']} ({record['family']})",
        "read at": f"{read.layer}, timestep {read.timestep} ({chosen})",
        "motion channels": f"{record['channels']} ({100 * record['share']:.3g} %), {origin}",
        "clips": f"{size.frames} frames of {_by(size)}",
        "command": " ".join(record["command"]),
        "versions": ", ".join(f"{name} {v}" for name, v in record["versions"].items()),
    }


def _clip_record(read: Reader, clip: Clip, seen: dict[str, Tensor], source: Source) -> dict[str, Any]:
    """Numbers of one clip: of each heat map, and of the motion map against exact flow or DIS."""
    flow = torch.from_numpy(np.ascontiguousarray(clip.flow)).float()
    least = LEAST_SPEED * read.size.side
    found = flow_score(enlarged(seen["flow"][None], read.size)[0], flow, least)
    return {"name": clip.name, "note": clip.note, "flow": "exact" if clip.true is not None else "DIS",
            "motion_map": found.to_json(),
            "maps": {name: _map_auc(value, clip, source, least) for name, value in seen.items() if name != "flow"}}  # fmt: skip


def _map_auc(value: Tensor, clip: Clip, source: Source, least: float) -> float | None:
    """AUC of the still that is shown, against the flow of its frame."""
    at, frame = _shown(value, source, len(clip.video))
    flow = torch.from_numpy(np.ascontiguousarray(clip.flow[frame])).float().permute(2, 0, 1)[None]
    cells = F.adaptive_avg_pool2d(flow, (value.shape[1], value.shape[2]))[0].permute(1, 2, 0)
    return interpret.map_agreement(value[at], cells, source.velocity, least).auc


def _shown(value: Tensor, source: Source, frames: int) -> tuple[int, int]:
    """The frame of a map (f h w) that a still shows, and the clip's."""
    frame = int(source.point[2])
    return round(frame * (len(value) - 1) / max(frames - 1, 1)), frame


# ---------------------------------------------------------------- drawing


def draw(
    report: Report, read: Reader, scores: Scores, source: Source, clips: Sequence[Clip], seen: Sequence[dict[str, Tensor]],
    wanted: Wanted, record: dict[str, Any],
) -> None:
    """Every section and file of the report."""  # fmt: skip
    _draw_scores(report, scores, record)
    _draw_directions(report, read, scores)
    _draw_curves(report, read, scores, wanted)
    _draw_maps(report, read, source, clips, seen, wanted, record)
    _draw_motion(report, read, clips, seen, record)
    _draw_choices(report, scores, record)


def _draw_scores(report: Report, scores: Scores, record: dict[str, Any]) -> None:
    from moft import figures

    values = scores.values
    page = report.page(
        "Does similarity tell what moves the same way?",
        "Places of different clips are compared: textures and objects that move on their own, never trained on, whose flow is known "
        "exactly. ROC-AUC: how often a place that goes the same way as the source (within 45 degrees, both moving) is more similar "
        "to it than one that does not. Whole curves over the frames are compared; of the first frame alone the AUC is "
        + ", ".join(f"{figures.NAMES[n]} {_number(v)}" for n, v in values["auc_first_frame"].items()) + ".",
    )  # fmt: skip
    report.picture("scores", figures.scores(values["auc"], values["correlation"]), "AUC and correlation of each design")
    page.table = [["", "ROC-AUC", "correlation", "separability", "silhouette"]] + [
        [figures.NAMES[n], _number(values["auc"][n]), _number(values["correlation"][n]), f"{scores.planes[n].separability:.3f}",
         f"{scores.planes[n].silhouette:+.3f}"] for n in DESIGNS]  # fmt: skip


def _draw_directions(report: Report, read: Reader, scores: Scores) -> None:
    from moft import figures

    report.page(
        "Which way does a picture pan?",
        "First-frame features of held-out photographs that pan in four ways or stand still, in the plane of their first two principal "
        "components (paper, Fig. 2). Separability: nearest centroid among the five ways, each photograph judged by the centroids "
        "of the others; 0.2 is chance.",
    )  # fmt: skip
    report.picture("directions", figures.directions(scores.planes, WAYS), "pans in the plane of two components, per design")
    rows = ((name, int(p.photo[i]), WAYS[int(p.way[i])], *p.points[i].tolist()) for name, p in scores.planes.items()
            for i in range(len(p.points)))  # fmt: skip
    report.rows("directions", ("design", "photograph", "way", "p1", "p2"), rows)
    plane, kept = scores.planes["ccr"], read.statistics.channels.tolist()
    report.page("Which channels carry it?", "Weights of the channels in the first two components of CCR features (paper, Fig. 3a).")
    report.picture("weights", figures.weights(plane.weights.numpy(), kept), "histogram of component weights")
    rows = ((k, *plane.weights[:, k].tolist(), k in kept) for k in range(plane.weights.shape[1]))
    report.rows("weights", ("channel", "p1", "p2", "motion_channel"), rows)


def _draw_curves(report: Report, read: Reader, scores: Scores, wanted: Wanted) -> None:
    from moft import figures

    found, best = scores.pans[read.layer], scores.best
    table = interpret.curve_correlations(found)
    rest = torch.tensor([k not in read.statistics.channels.tolist() for k in range(len(table))])
    other = int(table.abs().amax(1).masked_fill(~rest, 2).argmin()) if rest.any() else int(table.abs().amax(1).argmin())
    report.page(
        "Do motion channels follow the displacement?",
        f"Curves over the frames of pans of held-out photographs, mean and one standard deviation (paper, Fig. 3b-d). The best motion "
        f"channel, {best.channel}, correlates with the true displacement along {'xy'[best.axis]} by {abs(best.correlation):.3f} (chosen "
        f"on one photograph, scored on the other, in turn; pans that reverse are included).",
    )  # fmt: skip
    pair = [float(table[k, best.axis]) for k in (best.channel, other)]
    report.picture("curves", figures.curves(found, best.channel, other, best.axis, pair), "curves of two channels over the frames")
    correlations = {t: float(interpret.curve_correlations(p)[best.channel, best.axis]) for t, p in scores.at.items()}
    report.page("Across timesteps", "The same channel from little noise to much (paper, Fig. 13), on one scale.")
    report.picture("curves_timesteps", figures.curves_at(scores.at, best.channel, best.axis, correlations), "curves at several timesteps")
    rows = ((t, i, str(m), f, *p.path[i, f].tolist(), float(p.clean[i, f, best.channel]), float(p.clean[i, f, other]))
            for t, p in {read.timestep: found, **scores.at}.items() for i, m in enumerate(p.motions)
            for f in range(p.path.shape[1]))  # fmt: skip
    report.rows("curves", ("timestep", "clip", "motion", "frame", "true_x", "true_y", f"channel_{best.channel}", f"channel_{other}"), rows)
    save_tensors(report.folder / "data" / "pans.safetensors",
                 {f"{name}.feature": p.feature for name, p in scores.pans.items()} | {"path": found.path},
                 {"kind": "moft pans", "layers": list(read.layers), "timestep": read.timestep})  # fmt: skip


def _draw_maps(
    report: Report, read: Reader, source: Source, clips: Sequence[Clip], seen: Sequence[dict[str, Tensor]], wanted: Wanted,
    record: dict[str, Any],
) -> None:
    from moft import figures

    frame, limit = int(source.point[2]), 6  # clips in one figure
    shown = list(range(min(len(clips), limit)))
    targets = {f"{i + 1}: {Path(clips[i].name).name}": clips[i].video[frame] for i in shown}
    flows = [clips[i].flow[frame] for i in shown]
    maps = [record["clips"][i]["maps"] for i in shown]
    x, y, f = source.point
    still = "" if float(source.velocity.norm()) >= LEAST_SPEED * read.size.side else " The point hardly moves, so there is no AUC."

    def heat(name: str, views: Mapping[str, str], says: str) -> None:
        rows = {title: [seen[i][view][_shown(seen[i][view], source, read.size.frames)[0]].numpy() for i in shown]
                for title, view in views.items()}  # fmt: skip
        numbers = {title: [m[view] for m in maps] for title, view in views.items()}
        drawn = figures.heat_maps(source.clip.video[frame], source.point, rows, targets, flows, numbers)
        report.picture(name, drawn, says)

    report.page(
        "What moves like this point?",
        f"The point ({x:g}, {y:g}) of frame {f:g} in {Path(source.clip.name).name}, which goes by ({float(source.velocity[0]):+.2f}, "
        f"{float(source.velocity[1]):+.2f}) px a frame there, against every place of each clip (paper, Fig. 4). In the corner the clip's "
        f"flow (exact where it is known, else DIS); AUC of each map is against that flow; there is none where nothing or everything goes the same way.{still}",
    )  # fmt: skip
    heat("designs", {**{n: f"design/{n}" for n in DESIGNS}, "dift": "design/dift"}, "similarity maps of each design")
    for i in shown:
        views_ = {n: seen[i][f"design/{n}"].numpy() for n in (*DESIGNS, "dift")}
        frames = figures.heat_frames(source.clip.video, source.point, clips[i].video, views_)
        report.video(f"heat_{i + 1}", frames, f"{i + 1}: {Path(clips[i].name).name}, frame by frame; one scale of colour")
    report.page("Across layers", "MOFT of each layer in the order in which they run, each with motion channels of its own.")
    blocks = [n for n in read.layers if "motion_modules" not in n or n == read.layer]
    heat("layers", {n: f"layer/{n}" for n in blocks}, "similarity maps of each layer")
    report.page("MOFT beside DIFT across timesteps", f"MOFT is to tell motion, DIFT (plain features of {read.dift}) what is where (paper, Fig. 6).")
    heat("timesteps", {f"{n} t={t}": f"time/{k}/{t}" for t in wanted.timesteps for n, k in (("MOFT", "moft"), ("DIFT", "dift"))},
         "similarity maps of MOFT and DIFT at several timesteps")  # fmt: skip
    rows = ((c["name"], view, auc) for c in record["clips"] for view, auc in c["maps"].items())
    report.rows("maps", ("clip", "view", "auc"), rows)


def _draw_motion(report: Report, read: Reader, clips: Sequence[Clip], seen: Sequence[dict[str, Tensor]], record: dict[str, Any]) -> None:
    from moft import figures

    middle = read.size.frames // 2
    found = [enlarged(s["flow"][None], read.size)[0] for s in seen]
    notes = []
    for clip in record["clips"]:
        m = clip["motion_map"]
        notes.append(f"against {clip['flow']}:\ncosine {_number(m['direction_cosine'])}\nend-point error\n{m['epe_px']:.2f} px "
                     f"(zero: {m['zero_epe_px']:.2f})")  # fmt: skip
    score = record["readout"]
    by = ", ".join(f"{name} px: {value:.2f}" for name, value in score["epe_px_by_speed"].items())
    report.page(
        "Where is the motion?",
        f"Motion of every cell read from its MOFT by a linear read-out, in px a frame, drawn like optical flow. On held-out object clips "
        f"against exact flow: direction cosine {_number(score['direction_cosine'])}, end-point error {score['epe_px']:.2f} px (median "
        f"{score['epe_median_px']:.2f}; saying zero everywhere {score['zero_epe_px']:.2f}; perfect cells, enlarged, "
        f"{score['epe_px_of_perfect_cells']:.2f}). Error by true speed at 64 px: {by}. On panned held-out photographs: cosine "
        f"{_number(record['readout_pans']['direction_cosine'])}, error {record['readout_pans']['epe_px']:.2f} px.",
    )  # fmt: skip
    names = {f"{i + 1}: {Path(c.name).name}": c.video[middle] for i, c in enumerate(clips)}
    columns = {"read-out": [f[middle].numpy() for f in found], "flow": [c.flow[middle] for c in clips]}
    report.picture("motion_maps", figures.motion_maps(names, columns, notes), "motion maps beside optical flow")


def _draw_choices(report: Report, scores: Scores, record: dict[str, Any]) -> None:
    from moft import figures

    report.page("How many channels?", "Separability of held-out pans and AUC of held-out object clips over the share of channels kept (the x axis of the paper's Table 4).")
    report.picture("shares", figures.shares(scores.shares), "separability and AUC over the kept share")
    report.rows("shares", ("share", "channels", "separability", "auc"), (dataclasses.astuple(row) for row in scores.shares))
    page = report.page("Layers", "Separability in the P1/P2 plane of each layer at the timestep read.")
    page.table = [["layer", "vanilla", "CCR"]] + [[name, *(f"{v[d]:.2f}" for d in ("vanilla", "ccr"))] for name, v in record["layers"].items()]
    if "sweep" not in record:
        return
    best = record["sweep"]["best"]
    report.page("Which layer, which timestep?", f"On textures and photographs to choose by, not those of the scores: {best['layer']} at timestep "
                f"{best['timestep']} is best (AUC {best['auc']:.3f}).")  # fmt: skip
    cells = [interpret.Cell(**c, channels=torch.empty(0)) for c in record["sweep"]["cells"]]
    for design in DESIGNS:
        report.picture(f"sweep_{design}", figures.sweep_table(cells, design), f"AUC of {design} over layers and timesteps")
    head = ("layer", "timestep", *(f"auc_{d}" for d in DESIGNS), *(f"separability_{d}" for d in ("vanilla", "ccr")), "curve_correlation")
    rows = ((c.layer, c.timestep, *c.auc.values(), *c.separability.values(), c.curve_correlation) for c in cells)
    report.rows("sweep", head, rows)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


