"""What one clip shows inside a model: where it is like a point of another, and how each of its pixels
moves."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.errors import RequestError
from moft.feature.checks import check_floats
from moft.feature.definition import motion_feature
from moft.interpreter.clips import Clip
from moft.interpreter.readout import FlowScore, Readout, flow_score
from moft.interpreter.similarity import DESIGNS, cell_of, least_speed, map_agreement, similarity
from moft.interpreter.viewpoint import ExplainSettings, Tell, Viewpoint, layer_batches
from moft.media.tensors import about, load_tensors, save_tensors

_KIND = "moft explain clip"


@dataclasses.dataclass(frozen=True)
class Source:
    """The point whose likes are sought: what each view holds at its cell, over the frames."""

    clip: Clip
    point: tuple[float, float, float]  # (x, y, frame), px and frames of the clip
    vectors: Mapping[str, Tensor]  # by view, (f c)

    @cached_property
    def velocity(self) -> Tensor:
        """(2,) px a frame at the point, by the clip's flow."""
        x, y, frame = (int(value) for value in self.point)
        return torch.from_numpy(np.array(self.clip.flow[frame, y, x])).float()

    @property
    def moves(self) -> bool:
        """Whether the point moves, so that what goes its way can be told from what does not."""
        return float(self.velocity.norm()) >= least_speed(self.clip.size)


@dataclasses.dataclass(frozen=True)
class Reading:
    """One clip read by one model."""

    clip: Clip
    source: Source
    maps: Mapping[str, Tensor]  # by view: similarity to the source's point, (f h w) cells, in −1…1
    flow: Tensor  # (f h w 2), motion of the clip's pixels by the read-out, px a frame

    def still(self, view: str) -> Tensor:
        """The one frame of a map, (h w), that a figure shows: that of the source's point."""
        value, last = self.maps[view], max(len(self.clip.video) - 1, 1)
        return value[round(self._frame * (len(value) - 1) / last)]

    @cached_property
    def aucs(self) -> dict[str, float | None]:
        """By view, how well the still tells what moves as the point does, by the clip's flow in that
        frame."""
        flow = torch.from_numpy(np.ascontiguousarray(self.clip.flow[self._frame])).float().permute(2, 0, 1)
        least, aucs = least_speed(self.clip.size), dict[str, float | None]()
        for view, value in self.maps.items():
            cells = F.adaptive_avg_pool2d(flow[None], (value.shape[1], value.shape[2]))[0].permute(1, 2, 0)
            aucs[view] = map_agreement(self.still(view), cells, self.source.velocity, least).auc
        return aucs

    @cached_property
    def motion(self) -> FlowScore:
        """The read-out's motion against the clip's flow, exact or DIS."""
        true = torch.from_numpy(np.ascontiguousarray(self.clip.flow)).float()
        return flow_score(self.flow, true, least_speed(self.clip.size))

    @property
    def _frame(self) -> int:
        return int(self.source.point[2])

    def to_json(self) -> dict[str, Any]:
        """Its numbers: of each heat map, and of the motion map."""
        return {
            "name": self.clip.name,
            "note": self.clip.note,
            "flow": self.clip.flow_origin,
            "motion_map": dataclasses.asdict(self.motion),
            "maps": self.aucs,
        }

    def save(self, path: Path) -> None:
        """Write the maps and the flow as a safetensors file, whole or not at all."""
        notes = {"kind": _KIND, "clip": self.clip.name, "point": list(self.source.point)}
        save_tensors(path, {**self.maps, "flow": self.flow}, notes)

    @classmethod
    def load(cls, path: Path, clip: Clip, source: Source) -> Reading:
        """What `save` wrote of this clip. Raises RequestError for anything else."""
        maps, _ = load_tensors(path, _KIND, {})
        with about(path):
            if maps.keys() != {*source.vectors, "flow"}:
                raise RequestError("expected a map of each view of its clip and its flow, got others")
            flow = maps.pop("flow")
            check_floats("flow", flow, (*clip.video.shape[:3], 2))
            for name, value in maps.items():
                check_floats(name, value, (None, None, None))
        return cls(clip, source, maps, flow)


@dataclasses.dataclass(frozen=True)
class Interpreter:
    """What reads clips: a viewpoint, the motion channels of each of its layers, and a read-out of motion."""

    viewpoint: Viewpoint
    channels: Mapping[str, Tensor]  # by layer
    readout: Readout
    settings: ExplainSettings

    def source(self, clip: Clip, point: tuple[float, float, float]) -> Source:
        """A point (x, y, frame) of a clip, in every view. Raises RequestError for a point outside it."""
        vectors = {}
        for name, view in self._views(clip.video):
            _, row, column = cell_of(point, self.viewpoint.size, view[None])
            vectors[name] = view[:, :, row, column].clone()
        return Source(clip, point, vectors)

    def read(self, clip: Clip, source: Source, noise: int) -> Reading:
        """Look into a clip of the model's size for what is like a source.

        Args:
            noise: is to differ between clips that are compared: under one noise, places are alike because
                they are the same place.
        """
        maps = {
            name: similarity(source.vectors[name], view[None])[0]
            for name, view in self._views(clip.video, noise)
        }
        features_of = partial(self.viewpoint.features, seed=self.settings.seed + noise)
        flow = self.readout.flow(clip.video[None], features_of)[0]
        return Reading(clip, source, maps, flow.contiguous())  # as `load` has it: sums to the same last bit

    def read_once(self, clip: Clip, source: Source, noise: int, folder: Path, tell: Tell) -> Reading:
        """`read`, or what an earlier run kept in a folder of the same clip, source and model; kept there
        now."""
        path = folder / f"clip-{self._key(clip, source, noise)}.safetensors"
        if path.exists():
            try:
                reading = Reading.load(path, clip, source)
                tell("  as read by an earlier run")
                return reading
            except RequestError:  # broken
                path.unlink()
        reading = self.read(clip, source, noise)
        reading.save(path)
        return reading

    def _key(self, clip: Clip, source: Source, noise: int) -> str:
        """Tells readings apart: by all that they depend on."""
        look, at = self.settings, self.viewpoint
        told = (noise, at.fingerprint, source.point, look.seed, look.timesteps, look.fitting, at.layers)
        data = repr(told).encode() + clip.video.tobytes() + source.clip.video.tobytes()
        return hashlib.sha256(data).hexdigest()[:16]

    def _views(self, video: np.ndarray, noise: int = 0) -> Iterator[tuple[str, Tensor]]:
        """Every way to look at a clip uint8 (f h w 3): name → (f c h w). "design/…" at the viewpoint's layer
        and timestep, "layer/…" MOFT of each layer, "time/moft/…" and "time/dift/…" across timesteps."""
        at, kept = self.viewpoint, self.viewpoint.statistics.channels
        main = self._features(video, at.timestep, at.layers, noise)
        for name, design in DESIGNS.items():
            yield f"design/{name}", design(main[at.layer], kept)[0]
        yield "design/dift", main[at.content_layer][0]
        for name in at.layers:
            yield f"layer/{name}", motion_feature(main[name], self.channels[name])[0]
        two = tuple(name for name in at.layers if name in (at.layer, at.content_layer))
        for t in self.settings.timesteps:
            some = self._features(video, t, two, noise)
            yield f"time/moft/{t}", motion_feature(some[at.layer], kept)[0]
            yield f"time/dift/{t}", some[at.content_layer][0]

    def _features(self, video: np.ndarray, t: int, layers: Sequence[str], noise: int) -> dict[str, Tensor]:
        """Plain features (1 f c h w) of layers."""
        seed = self.settings.seed + noise
        return next(layer_batches(self.viewpoint.model.pipe, video[None], t, layers, seed))
