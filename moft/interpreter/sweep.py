"""Which layer, which timestep, how many channels? The interpreter's scores over all of them, to choose by."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from moft.errors import BackboneError, MediaError
from moft.feature.definition import motion_channels, motion_feature
from moft.interpreter.directions import (
    PanFeatures,
    best_channel,
    direction_plane,
    plain_separability,
    read_pans,
)
from moft.interpreter.readout import READOUT_FILE, Readout
from moft.interpreter.similarity import DESIGNS, Places, least_speed
from moft.interpreter.viewpoint import SWEEP_FILE, ExplainSettings, Tell, Viewpoint, layer_batches
from moft.known.clips import TUNING_SEED, KnownClips, object_clips
from moft.media.files import make_folder, staging
from moft.provenance import command, versions

SHARES = (1.0, 0.5, 0.25, 0.1, 0.05, 0.04, 0.03, 0.01)  # of the channels kept, as in Table 4


# ---------------------------------------------------------------- layers and timesteps


@dataclasses.dataclass(frozen=True)
class LayerScore:
    """One layer at one timestep."""

    layer: str
    timestep: int
    auc: dict[str, float | None]  # by design, whole curves
    correlation: dict[str, float | None]  # of similarity with the direction cosine
    separability: dict[str, float]
    curve_correlation: float


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Every layer, in the order in which they run, at every timestep, scored to choose by."""

    scores: tuple[LayerScore, ...]
    share: float  # of the channels that were kept in each layer

    @property
    def best(self) -> LayerScore:
        """The layer and timestep whose MOFT tells best what moves the same way."""
        if not self.scores:
            raise BackboneError("expected scores of at least one layer and timestep, got none")
        return max(self.scores, key=lambda score: score.auc["moft"] or 0.0)

    def to_json(self) -> dict[str, Any]:
        """The best, every score, and how they were made."""
        best = self.best
        return {
            "best": {
                "layer": best.layer,
                "timestep": best.timestep,
                "share": self.share,
                "auc": best.auc["moft"],
            },
            "cells": [dataclasses.asdict(score) for score in self.scores],
            "command": command(),
            "versions": versions(),
        }

    def text(self) -> str:
        """The same as JSON with one line a score: a file `SWEEP_FILE`."""
        whole = self.to_json()
        lines = ",\n  ".join(json.dumps(score) for score in whole.pop("cells"))
        return json.dumps(whole, indent=1).removesuffix("\n}") + f',\n "cells": [\n  {lines}\n ]\n}}\n'


def run_sweep(viewpoint: Viewpoint, settings: ExplainSettings, tell: Tell) -> Sweep:
    """Every layer at every timestep, on textures and photographs to choose by: never those that a score is
    reported on.

    Raises:
        BackboneError: a layer that no forward pass reaches.
    """
    from moft.known.photographs import training_photographs

    times = settings.timesteps
    tell(f"sweeping {len(viewpoint.layers)} layers over {len(times)} timesteps")
    known = object_clips(max(8, settings.objects // 2), viewpoint.size, TUNING_SEED)
    photos, places = list(training_photographs().values()), min(2, settings.places)
    share, scores = len(viewpoint.statistics.channels) / viewpoint.width, list[LayerScore]()
    for i, t in enumerate(times, 1):
        tell(f"  timestep {t} ({i} of {len(times)})")
        scores += score_layers(viewpoint.model.pipe, photos, known, viewpoint.layers, t, share, places)
    return Sweep(tuple(scores), share)


def score_layers(
    pipe: Any,
    photos: Sequence[np.ndarray],
    known: KnownClips,
    layers: Sequence[str],
    timestep: int,
    share: float = 0.04,
    places: int = 2,
) -> Iterator[LayerScore]:
    """Each layer at a timestep, its channels found there from panned photographs.

    Args:
        photos: uint8 (h w 3) each; places: in each, from which pans start.
        layers: in the order in which they run.
        share: of the channels to keep, in (0, 1].
    """
    pans = read_pans(pipe, photos, known.size, timestep, layers, places)
    compared = {name: Places(known.cells, least_speed(known.size)) for name in layers}
    for features in layer_batches(pipe, known.video, timestep, layers):
        for name, value in features.items():
            compared[name].add(value)
    for name in layers:
        channels = motion_channels(pans[name].steady.clean[:, 0], share, components=2)
        yield score_layer(pans[name], compared[name], channels, name, timestep)


def score_layer(
    pans: PanFeatures, compared: Places, channels: Tensor, layer: str, timestep: int
) -> LayerScore:
    """All scores of what a layer makes of pans and of clips of known flow at a timestep.

    Args:
        compared: places of the known clips, as the layer has them.
        channels: (k,), the layer's motion channels.
    """
    agree = {name: compared.same_way(design, channels) for name, design in DESIGNS.items()}
    return LayerScore(
        layer,
        timestep,
        {name: score.auc for name, score in agree.items()},
        {name: score.correlation for name, score in agree.items()},
        plain_separability(pans),
        abs(best_channel(pans, channels).correlation),
    )


def keep_beside_model(sweep: Sweep, readout: Readout, folder: Path, tell: Tell) -> None:
    """Both beside the model, where the next report looks for its layer and timestep, and for a read-out of
    them."""
    try:
        make_folder(folder)
        with staging(folder) as aside:
            (aside / SWEEP_FILE).write_text(sweep.text(), encoding="utf-8")
            readout.save(aside / READOUT_FILE)
    except MediaError as error:
        tell(f"could not keep the sweep beside the model ({error}); it is in the report's folder")


# ---------------------------------------------------------------- shares of the channels


@dataclasses.dataclass(frozen=True)
class ShareScore:
    """What keeping a share of the channels does (Table 4's x axis)."""

    share: float
    channels: int
    separability: float
    auc: float | None


def share_sweep(pans: PanFeatures, compared: Places, shares: Sequence[float] = SHARES) -> list[ShareScore]:
    """Separability and AUC of MOFT over kept shares, of places of known clips. Shares that keep as many
    channels as one before, or fewer than the two that a plane needs, are left out."""
    first, rows = pans.steady.clean[:, 0], dict[int, ShareScore]()
    for share in shares:
        channels = motion_channels(first, share, components=2)
        count = len(channels)
        if count >= 2 and count not in rows:
            auc = compared.same_way(motion_feature, channels).auc
            apart = direction_plane(pans, "moft", channels).separability
            rows[count] = ShareScore(share, count, apart, auc)
    return list(rows.values())
