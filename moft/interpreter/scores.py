"""The numbers of a report: of held-out clips, and with them those of the clips that were read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.interpreter.directions import (
    BestChannel,
    PanFeatures,
    Plane,
    best_channel,
    direction_plane,
    plain_separability,
    read_pans,
)
from moft.interpreter.reading import Reading
from moft.interpreter.readout import FlowScore, Readout, enlarged, flow_score
from moft.interpreter.similarity import DESIGNS, Agreement, Places, least_speed
from moft.interpreter.sweep import ShareScore, Sweep, share_sweep
from moft.interpreter.viewpoint import ExplainSettings, Tell, Viewpoint
from moft.known.clips import KnownClips, object_clips, panned_clips
from moft.provenance import command, versions

_SPEEDS = ((0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0))  # px a frame at 64 px
_EDGE = 6  # px at 64 px
_COMPARED = 128  # of the shorter side's pixels, or somewhat more


# ---------------------------------------------------------------- the read-out


@dataclasses.dataclass(frozen=True)
class ReadoutScore:
    """The read-out against exact flow; bands of speed and of distance are in px at 64 px, errors in px a
    frame."""

    whole: FlowScore  # of every pixel
    by_speed: dict[str, float]  # mean end-point error of the pixels whose true speed is in a band
    by_edge: dict[str, float]  # "near" another motion, and "away" from any
    share_near_edges: float
    read_once: FlowScore  # what one reading gives
    perfect_cells: float  # mean end-point error of cells that were read perfectly, enlarged

    def to_json(self) -> dict[str, Any]:
        """As in scores.json."""
        return {
            **dataclasses.asdict(self.whole),
            "epe_px_by_speed": self.by_speed,
            "epe_px_by_edge": self.by_edge,
            "share_near_edges": self.share_near_edges,
            "read_once": dataclasses.asdict(self.read_once),
            "epe_px_of_perfect_cells": self.perfect_cells,
        }


def score_readout(viewpoint: Viewpoint, readout: Readout, clips: KnownClips) -> ReadoutScore:
    """The motion that a read-out gives clips of known flow, against that flow; of large clips one pixel in
    some is compared."""
    size, least, scale = clips.size, least_speed(clips.size), clips.size.side / 64
    every = max(1, size.side // _COMPARED)
    parts: dict[str, list[Tensor]] = {name: [] for name in ("true", "near", "flow", "once", "perfect")}
    for start in range(0, len(clips), viewpoint.together):
        some = clips[start : start + viewpoint.together]
        feature, true = viewpoint.features(some.video, start), torch.from_numpy(some.flow)
        found = {
            "true": true,
            "near": _near_another(true, round(_EDGE * scale)),
            "flow": readout.flow(some.video, viewpoint.features),
            "once": enlarged(readout.cells(feature, size), size),
            "perfect": enlarged(some.cells(feature), size),
        }
        for name, value in found.items():
            parts[name].append(value[:, :, ::every, ::every].clone())
    true, near, flow, once, perfect = (torch.cat(part) for part in parts.values())
    error, speed = (flow - true).norm(dim=-1), true.norm(dim=-1) / scale

    def means(bands: Mapping[str, Tensor]) -> dict[str, float]:
        return {name: float(error[band].mean()) for name, band in bands.items() if band.any()}

    return ReadoutScore(
        flow_score(flow, true, least),
        means({f"{a:g}-{b:g}": (speed >= a) & (speed < b) for a, b in _SPEEDS}),
        means({"near": near, "away": ~near}),
        float(near.float().mean()),
        flow_score(once, true, least),
        flow_score(perfect, true, least).epe_px,
    )


def _near_another(flow: Tensor, reach: int) -> Tensor:
    """Which pixels (b f h w) of a flow (b f h w 2) have one within `reach` px that moves otherwise."""
    planes, window = flow.flatten(0, 1).permute(0, 3, 1, 2), 2 * reach + 1
    spread = F.max_pool2d(planes, window, 1, reach) + F.max_pool2d(-planes, window, 1, reach)
    return (spread.amax(1) > 0.25).view(flow.shape[:4])


# ---------------------------------------------------------------- held-out clips


@dataclasses.dataclass(frozen=True)
class Scores:
    """What a model knows of motion, on held-out textures and photographs."""

    pans: dict[str, PanFeatures]  # of each layer at the viewpoint's timestep
    pans_at: dict[int, PanFeatures]  # of the viewpoint's layer, by timestep
    agreement: dict[str, Agreement]  # by design, of whole curves
    first_frame: dict[str, Agreement]  # by design, of the first frame alone
    planes: dict[str, Plane]  # by design
    best: BestChannel
    readout: ReadoutScore  # on clips of objects
    readout_pans: ReadoutScore  # on panned photographs
    layers: dict[str, dict[str, float]]  # separability of each layer under the designs without channels
    shares: list[ShareScore]

    def to_json(self) -> dict[str, Any]:
        """As in scores.json."""
        planes = {name: self.planes[name] for name in ("vanilla", "ccr")}
        return {
            "auc": {name: score.auc for name, score in self.agreement.items()},
            "correlation": {name: score.correlation for name, score in self.agreement.items()},
            "auc_first_frame": {name: score.auc for name, score in self.first_frame.items()},
            "separability": {name: plane.separability for name, plane in planes.items()},
            "silhouette": {name: plane.silhouette for name, plane in planes.items()},
            "curve_correlation": abs(self.best.correlation),
            "best_channel": {
                "channel": self.best.channel,
                "follows": "xy"[self.best.axis],
                "per_photograph": self.best.per_photo,
            },
            "readout": self.readout.to_json(),
            "readout_pans": self.readout_pans.to_json(),
            "layers": self.layers,
            "shares": [dataclasses.asdict(row) for row in self.shares],
        }


def score_model(
    viewpoint: Viewpoint,
    readout: Readout,
    pans: dict[str, PanFeatures],
    photos: Sequence[np.ndarray],
    settings: ExplainSettings,
    tell: Tell,
) -> Scores:
    """Every number of a report that is no single clip's.

    Args:
        pans: of the photographs, by layer.
        photos: held-out photographs uint8 (h w 3).
    """
    from moft.known.photographs import HELD_OUT_SEED

    channels, least, own = viewpoint.statistics.channels, least_speed(viewpoint.size), pans[viewpoint.layer]
    objects = object_clips(settings.objects, viewpoint.size, HELD_OUT_SEED)
    tell(f"scoring {len(objects)} clips of known flow")
    compared = Places(objects.cells, least)
    for features in viewpoint.batches(objects.video, settings.seed):
        compared.add(features)
    panned = panned_clips(photos, viewpoint.size, max(8, settings.objects // 2), seed=1)
    agreement = {name: compared.same_way(d, channels) for name, d in DESIGNS.items()}
    first_frame = {name: compared.same_way(d, channels, curves=False) for name, d in DESIGNS.items()}
    tell("reading pans at other timesteps")
    return Scores(
        pans,
        _pans_at(viewpoint, photos, settings),
        agreement,
        first_frame,
        {name: direction_plane(own, name, channels) for name in DESIGNS},
        best_channel(_training_pans(viewpoint, settings.seed), channels, own),
        score_readout(viewpoint, readout, objects),
        score_readout(viewpoint, readout, panned),
        {name: plain_separability(pans[name]) for name in viewpoint.layers},
        share_sweep(own, compared),
    )


def _pans_at(
    viewpoint: Viewpoint, photos: Sequence[np.ndarray], settings: ExplainSettings
) -> dict[int, PanFeatures]:
    """Pans as the viewpoint's layer has them at each timestep."""
    pipe, layer, size = viewpoint.model.pipe, viewpoint.layer, viewpoint.size
    return {
        t: read_pans(pipe, photos, size, t, (layer,), 2, settings.seed)[layer] for t in settings.timesteps
    }


def _training_pans(viewpoint: Viewpoint, seed: int) -> PanFeatures:
    """Pans of other photographs than the held-out ones, to choose a channel on."""
    from moft.known.photographs import training_photographs

    photos, layer = list(training_photographs().values()), viewpoint.layer
    pipe, size, timestep = viewpoint.model.pipe, viewpoint.size, viewpoint.timestep
    return read_pans(pipe, photos, size, timestep, (layer,), 2, seed)[layer]


# ---------------------------------------------------------------- all that a report says


@dataclasses.dataclass(frozen=True)
class Findings:
    """All that was found for one report."""

    viewpoint: Viewpoint
    readout: Readout
    scores: Scores
    readings: tuple[Reading, ...]
    sweep: Sweep | None

    def to_json(self) -> dict[str, Any]:
        """The record of a report, scores.json."""
        at = self.viewpoint
        kept, width = len(at.statistics.channels), self.scores.pans[at.layer].feature.shape[-1]
        return {
            **self.scores.to_json(),
            "model": at.model.name,
            "family": at.model.tap().family.name,
            "layer": at.layer,
            "timestep": at.timestep,
            "channels": kept,
            "share": kept / width,
            "size": dataclasses.asdict(at.size),
            "clips": [reading.to_json() for reading in self.readings],
            **({"sweep": self.sweep.to_json()} if self.sweep else {}),
            "command": command(),
            "versions": versions(),
        }
