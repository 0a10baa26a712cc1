"""What a model's layer makes of a clip, and of photographs panned in known directions: read once, and kept
for clicks, which need no model."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from moft.app.asked.kinds import Looked, Planed
from moft.app.folder import write_json
from moft.app.inside import Inside, noise_of
from moft.errors import RequestError
from moft.feature.definition import motion_feature
from moft.feature.statistics import Statistics, statistics_path
from moft.interpreter.clips import read_clip
from moft.interpreter.directions import direction_plane, read_pans
from moft.interpreter.readout import READOUT_FILE, Readout
from moft.interpreter.similarity import DESIGNS
from moft.interpreter.viewpoint import ExplainSettings, Viewpoint, choose_viewpoint
from moft.known.pans import WAYS
from moft.known.photographs import held_out_photographs

if TYPE_CHECKING:
    from torch import Tensor

    from moft.feature.model import Model
    from moft.types import Video

PLACES = 4  # in each photograph, from which pans start


def read_clip_inside(model: Model, wanted: Looked, looks: Path) -> None:
    """Read a clip of the folder at a layer and a timestep, and keep what a click needs.

    Raises MediaError for what is no clip, BackboneError for a layer that there is none of."""
    view = _view(model, wanted, looks)
    clip = read_clip(wanted.file, view.size)
    noise = noise_of(wanted.media)
    feature = view.features(clip.video[None], noise)[0]
    flow, how = _motion(view, clip.video, feature, noise)
    found = Inside(
        feature=feature,
        channels=view.statistics.channels,
        video=torch.from_numpy(np.ascontiguousarray(clip.video)),
        flow=flow,
        how=how,
        note=clip.note or "",
    )
    found.save(looks / f"{wanted.name}.safetensors")


def read_plane(model: Model, wanted: Planed, looks: Path) -> None:
    """The plane of directions (Fig. 2) of a layer at a timestep, under every design."""
    view = _view(model, wanted, looks)
    pans = read_pans(model.pipe, held_out_photographs(), view.size, wanted.timestep, (view.layer,), PLACES)[
        view.layer
    ]
    planes = {name: direction_plane(pans, name, view.statistics.channels) for name in DESIGNS}
    told = {
        name: {
            "points": plane.points.tolist(),
            "way": [str(WAYS[int(i)]) for i in plane.way],
            "separability": plane.separability,
            "silhouette": plane.silhouette,
        }
        for name, plane in planes.items()
    }
    write_json(looks / f"{wanted.name}.json", told)


def _view(model: Model, wanted: Looked | Planed, looks: Path) -> Viewpoint:
    """Where to look; motion channels that had to be found for a layer are kept for the next time."""
    place = Planed(wanted.model, wanted.channels, wanted.layer, wanted.timestep)
    kept = looks / f"{place.name}.channels.safetensors"
    if kept.exists():
        with suppress(RequestError):
            model = replace(model, given=Statistics.load(kept))
    settings = ExplainSettings(layer=wanted.layer, timestep=wanted.timestep)
    view = choose_viewpoint(model, settings, lambda line: None)
    if view.channels_found:
        view.statistics.save(kept)
    return view


def _motion(view: Viewpoint, video: Video, feature: Tensor, noise: int) -> tuple[Tensor, str]:
    """How each cell moves by the model's feature, (f-1 h w 2) px a frame: by the read-out beside the model,
    if it is of this place, else by the response of its motion channels."""
    path = statistics_path(view.model.pipe).with_name(READOUT_FILE)
    if path.exists():
        with suppress(RequestError):
            readout = Readout.load(path)
            if (readout.layer, readout.timestep) == (view.layer, view.timestep):
                flow = readout.flow(video[None], lambda clips: view.features(clips, noise))[0]
                return _cells(flow, feature), "read-out"
    return _by_response(view, feature), "response"


def _cells(flow: Tensor, feature: Tensor) -> Tensor:
    """Of pixels (f h w 2) → means over the cells of a feature, without the last frame, whose step is a
    repetition."""
    rows, columns = feature.shape[-2:]
    pooled = torch.nn.functional.adaptive_avg_pool2d(flow.permute(0, 3, 1, 2), (rows, columns))
    return pooled.permute(0, 2, 3, 1)[:-1].contiguous()


def _by_response(view: Viewpoint, feature: Tensor) -> Tensor:
    """The displacement that answers best to what the motion channels show, from one latent frame to the
    next."""
    shown = motion_feature(feature[None], view.statistics.channels)[0].permute(0, 2, 3, 1)
    at = view.statistics.displacement(shown) * view.size.side
    per_latent = (view.size.frames - 1) / max(len(feature) - 1, 1)
    return (at.diff(dim=0) / per_latent).contiguous()
