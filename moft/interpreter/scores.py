"""The numbers of a report, all of held-out clips; and what they rest on: the read-out that is fitted, the sweep that chooses."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.interpreter import numbers as interpret
from moft.interpreter import sweep as sweeps
from moft.interpreter.numbers import DESIGNS, LEAST_SPEED, Pans
from moft.interpreter.reading import SWEEP_FILE, Reader, Tell, Wanted
from moft.interpreter.readout import READOUT_FILE, Readout, enlarged, fit, flow_score
from moft.known.clips import (
    FITTING_SEED,
    TUNING_SEED,
    KnownClips,
    object_batches,
    object_clips,
    panned_clips,
    steadied,
)
from moft.provenance import command, versions

_MOST_INPUTS = 2048  # of the read-out; it solves for a square matrix of them


def fit_readout(read: Reader, n: int, made: dict[str, Any], batch: int = 32) -> Readout:
    """The read-out of a model, fitted on `n` clips of training textures and photographs: as they are, and steadied. It reads
    all channels of the layer, or the motion channels alone where all would be too many."""

    def batches(change: Callable[[KnownClips, int], KnownClips]) -> Iterator[tuple[Tensor, Tensor]]:
        made = object_batches(batch, read.size, FITTING_SEED, photos=0.3)
        for start, clips in zip(range(0, n, batch), made, strict=False):
            clips = change(clips, start)
            feature = read.see(clips.video, start)
            yield feature, clips.cells(feature)

    few = read.size.frames * read.width <= _MOST_INPUTS
    channels = torch.arange(read.width) if few else read.statistics.channels
    made = {**made, "clips": n}
    return fit(
        batches(lambda clips, _: clips),
        batches(steadied),
        channels,
        read.layer,
        read.timestep,
        read.size,
        made,
    )


# ---------------------------------------------------------------- scores


@dataclasses.dataclass(frozen=True)
class Scores:
    """What was found on held-out clips, and what the figures are drawn from."""

    values: dict[str, Any]  # goes into scores.json
    planes: dict[str, interpret.Plane]
    pans: dict[str, Pans]  # of each layer at the reading timestep
    at: dict[int, Pans]  # of the reading layer, by timestep
    best: interpret.BestChannel
    shares: list[sweeps.Share]
    known: KnownClips


def score(
    read: Reader,
    readout: Readout,
    pans_of: dict[str, Pans],
    photos: Sequence[np.ndarray],
    wanted: Wanted,
    tell: Tell,
) -> Scores:
    """Every number of the report, on held-out textures and photographs."""
    from moft.known.photographs import HELD_OUT_SEED, training_photographs

    least, channels = LEAST_SPEED * read.size.side, read.statistics.channels
    known = object_clips(wanted.objects, read.size, HELD_OUT_SEED)
    tell(f"scoring {len(known)} clips of known flow")
    feature = read.see(known.video, wanted.seed)
    flow = known.cells(feature)
    agree = {n: interpret.same_way(d(feature, channels), flow, least) for n, d in DESIGNS.items()}
    first = {
        n: interpret.same_way(d(feature, channels), flow, least, curves=False) for n, d in DESIGNS.items()
    }
    moved = panned_clips(photos, read.size, max(8, wanted.objects // 2), seed=1)
    tell("reading pans at other timesteps")
    at = {
        t: interpret.read_pans(read.pipe, photos, read.size, t, (read.layer,), 2, wanted.seed)[read.layer]
        for t in wanted.timesteps
    }
    planes = {name: interpret.directions(pans_of[read.layer], name, channels) for name in DESIGNS}
    chosen = interpret.read_pans(
        read.pipe,
        list(training_photographs().values()),
        read.size,
        read.timestep,
        (read.layer,),
        2,
        wanted.seed,
    )
    best = interpret.best_channel(chosen[read.layer], channels, pans_of[read.layer])
    values = {
        "auc": {name: found.auc for name, found in agree.items()},
        "correlation": {name: found.correlation for name, found in agree.items()},
        "auc_first_frame": {name: found.auc for name, found in first.items()},
        "separability": {name: planes[name].separability for name in ("vanilla", "ccr")},
        "silhouette": {name: planes[name].silhouette for name in ("vanilla", "ccr")},
        "curve_correlation": abs(best.correlation),
        "best_channel": {
            "channel": best.channel,
            "follows": "xy"[best.axis],
            "per_photograph": best.per_photo,
        },
        "readout": _flow_scores(read, readout, known, least),
        "readout_pans": _flow_scores(read, readout, moved, least),
        "layers": {name: _layer_score(pans_of[name], read) for name in read.layers},
    }
    shares = sweeps.share_sweep(pans_of[read.layer], feature, known)
    return Scores(
        {**values, "shares": [dataclasses.asdict(row) for row in shares]},
        planes,
        pans_of,
        at,
        best,
        shares,
        known,
    )


def _layer_score(found: Pans, read: Reader) -> dict[str, float]:
    return {name: interpret.directions(found, name).separability for name in ("vanilla", "ccr")}


def _flow_scores(read: Reader, readout: Readout, clips: KnownClips, least: float) -> dict[str, Any]:
    """The read-out against exact flow: of every pixel, by how fast it moves and by how near it is to another motion (px at
    64 px); and, to compare, what one reading gives, and what its cells would if they were read perfectly."""
    first = read.see(clips.video)
    true, cells, scale = torch.from_numpy(clips.flow), clips.cells(first), clips.size.side / 64
    found = torch.cat(
        [readout.flow(some, read.see) for some in np.array_split(clips.video, max(1, len(clips) // 32))]
    )
    error, speed, near = (
        (found - true).norm(dim=-1),
        true.norm(dim=-1) / scale,
        _near_another(true, round(6 * scale)),
    )
    bounds = ((0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0))
    by_speed = {f"{a:g}-{b:g}": (speed >= a) & (speed < b) for a, b in bounds}
    return {
        **flow_score(found, true, least).to_json(),
        "epe_px_by_speed": {name: float(error[band].mean()) for name, band in by_speed.items() if band.any()},
        "epe_px_by_edge": {
            name: float(error[band].mean()) for name, band in (("near", near), ("away", ~near)) if band.any()
        },
        "share_near_edges": float(near.float().mean()),
        "read_once": flow_score(
            enlarged(readout.cells(first, clips.size), clips.size), true, least
        ).to_json(),
        "epe_px_of_perfect_cells": flow_score(enlarged(cells, clips.size), true, least).epe_px,
    }


def _near_another(flow: Tensor, reach: int) -> Tensor:
    """Which pixels (b f h w) of a flow (b f h w 2) have one within `reach` px that moves otherwise."""
    planes, window = flow.flatten(0, 1).permute(0, 3, 1, 2), 2 * reach + 1
    spread = F.max_pool2d(planes, window, 1, reach) + F.max_pool2d(-planes, window, 1, reach)
    return (spread.amax(1) > 0.25).view(flow.shape[:4])


# ---------------------------------------------------------------- where to read


def run_sweep(read: Reader, wanted: Wanted, tell: Tell) -> dict[str, Any]:
    """Every layer at every timestep, on textures and photographs to choose by; with the best, and the command."""
    from moft.known.photographs import training_photographs

    tell(f"sweeping {len(read.layers)} layers over {len(wanted.timesteps)} timesteps")
    known = object_clips(max(8, wanted.objects // 2), read.size, TUNING_SEED)

    def count(times: Sequence[int]) -> Iterator[int]:
        for i, t in enumerate(times, 1):
            tell(f"  timestep {t} ({i} of {len(times)})")
            yield t

    share = len(read.statistics.channels) / read.width
    cells = sweeps.sweep(
        read.pipe,
        list(training_photographs().values()),
        known,
        read.layers,
        wanted.timesteps,
        share,
        min(2, wanted.places),
        count,
    )
    best = sweeps.best(cells)
    return {
        "best": {"layer": best.layer, "timestep": best.timestep, "share": share, "auc": best.auc["moft"]},
        "cells": [cell.to_json() for cell in cells],
        "command": command(),
        "versions": versions(),
    }


def as_lines(sweep: dict[str, Any]) -> str:
    """JSON with one line a cell."""
    cells = ",\n  ".join(json.dumps(cell) for cell in sweep["cells"])
    rest = json.dumps({name: value for name, value in sweep.items() if name != "cells"}, indent=1)
    return rest.removesuffix("\n}") + f',\n "cells": [\n  {cells}\n ]\n}}\n'


def keep(sweep: dict[str, Any], readout: Readout, folder: Path, tell: Tell) -> None:
    """Both beside the model, where the next report looks for its layer and timestep, and for a read-out of them."""
    aside = folder / f".{SWEEP_FILE}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside.write_text(as_lines(sweep), encoding="utf-8")
        aside.replace(folder / SWEEP_FILE)
        readout.save(folder / READOUT_FILE)
    except OSError as error:
        tell(f"could not keep the sweep beside the model ({error.strerror}); it is in the report's folder")
