"""What MOFT should be: taken from a clip, or synthesised for a wanted motion from a model's channel statistics.

A model's `Statistics` are found once from synthetic pans (paper, Sec. 3.2): which channels follow motion, how much
each changes per unit of displacement, and between which values it moves. Both files are safetensors of a few
kilobytes with their provenance; nothing is ever pickled.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moft.errors import BackboneError, RequestError
from moft.feature import at_cells, ccr, laid_over, moft, motion_channels, pool
from moft.hooks import capture
from moft.inversion import inverted
from moft.motion import DIRECTIONS, Motion
from moft.tap import ClipSize, Tap, usual_level

EARLY_STEPS, STILL_STEPS = (0.12, 0.48), (0.12, 0.92)
STATISTICS_FILE = "motion_channels.safetensors"


class Reference(Protocol):
    """What steering compares MOFT with."""

    @property
    def channels(self) -> Tensor: ...
    @property
    def layer(self) -> str: ...
    @property
    def timestep(self) -> int: ...
    @property
    def scale(self) -> float: ...
    @property
    def strength(self) -> float: ...
    @property
    def loss(self) -> str:
        """Which of `moft.feature.LOSSES` suits: "position" (Eq. 3) where every place has a target of its own, else
        "quadrants", which says where things go on the whole and leaves their details free."""

    @property
    def region_loss(self) -> str:
        """The same for a request with a region: "region" instead of "quadrants", whose quarters of the frame would cut a
        region in pieces too small to say where they go; but for zooms, whose mean is nought."""

    @property
    def steps(self) -> tuple[float, float] | None:
        """Share of the denoising steps in which it is asked, if the request says so itself."""

    @property
    def usual_steps(self) -> tuple[float, float]:
        """Share of the denoising steps that it suits to guide: the early ones (3…11 of 25 in the release), where motion is
        decided; for stillness most, since details that are drawn later flicker by themselves."""

    def target(self, found: Tensor, size: ClipSize) -> Tensor:
        """The wanted feature for a MOFT (b f k h w) of a clip of this size, broadcastable to it."""


# ---------------------------------------------------------------- statistics


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Motion channels of one model and layer, and how they respond to motion.

    channels (k,); response (k, 2): change of the feature per displacement of one shorter side, right and down;
    low, high (k,): the range seen over the pans; scale: half that range, on average.
    """

    channels: Tensor
    response: Tensor
    low: Tensor
    high: Tensor
    layer: str
    timestep: int  # of the features the statistics were read from
    model: str
    made: dict[str, Any] = dataclasses.field(default_factory=dict)  # provenance: command, versions, scores
    gain: float = 1.0  # targets are this much larger, so that clips move as fast as asked (`moft.calibrate`)

    @property
    def scale(self) -> float:
        """Typical size of the feature (half its range), so that losses compare across models."""
        return float((self.high - self.low).mean() / 2)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, whole or not at all."""
        save_tensors(path, {name: getattr(self, name) for name in ("channels", "response", "low", "high")},
              {"kind": "moft statistics", **{k: getattr(self, k) for k in ("layer", "timestep", "model", "gain", "made")}})  # fmt: skip

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Statistics:
        """Read what `save` wrote. Raises RequestError for anything else."""
        tensors, notes = load_tensors(path, "moft statistics")
        return cls(**tensors, gain=notes.get("gain", 1.0), **{k: notes[k] for k in ("layer", "timestep", "model", "made")})


def pans(
    photos: Sequence[np.ndarray], size: ClipSize, speeds: Sequence[float] = (0.015, 0.03, 0.05), per_photo: int = 1,
    seed: int = 0,
) -> Iterator[tuple[np.ndarray, Motion]]:
    """Synthetic pans of still photographs in eight directions at each speed, and held still.

    Args:
        photos: uint8 (h w 3), each at least twice the clip's size (smaller ones are enlarged).
        speeds: fractions of the shorter side per frame.
        per_photo: random places to look at in each photograph.
    Yields:
        (uint8 (f h w 3), the motion of the picture content).
    """  # fmt: skip
    rng = np.random.default_rng(seed)
    for photo in photos:
        for _ in range(per_photo):
            place, zoom = rng.uniform(0, 1, 2), rng.uniform(1.0, 1.6)
            yield pan(photo, Motion("still"), size, place, zoom), Motion("still")
            for speed in speeds:
                for direction in DIRECTIONS:
                    motion = Motion(direction, speed=speed)
                    yield pan(photo, motion, size, place, zoom), motion


def pan(
    photo: np.ndarray, motion: Motion, size: ClipSize, place: Sequence[float] | np.ndarray = (0.5, 0.5), zoom: float = 1.3
) -> np.ndarray:
    """A still photograph seen by a camera so that its content follows `motion`: uint8 (f h w 3), sub-pixel exact.

    Args:
        place: (x, y) in 0…1, where in the photograph the path is centred.
        zoom: ≥ 1; how much of the photograph's freedom is given up to look closer.
    """
    path = np.array(motion.displacement(size.frames, size.height, size.width))
    path = path - (path.max(0) + path.min(0)) / 2
    scales = np.array(motion.scale(size.frames, size.height, size.width))
    span = path.max(0) - path.min(0)
    need = np.array([size.width, size.height]) + span + 2  # px of the clip that the camera sees in all
    height, width = photo.shape[:2]
    shrink = min(width / need[0], height / need[1]) / zoom  # photograph px per clip px
    free = np.array([width, height]) - need * shrink
    centre = np.asarray(place) * free + need * shrink / 2
    image = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float()
    if shrink > 1:  # prefilter: sampling alone would alias
        smaller = (max(2, round(height / shrink)), max(2, round(width / shrink)))
        image = F.interpolate(image, smaller, mode="bilinear", antialias=True)
    y, x = np.meshgrid(np.arange(size.height), np.arange(size.width), indexing="ij")
    grid = np.stack([x - (size.width - 1) / 2, y - (size.height - 1) / 2], -1)
    at = centre + shrink * (grid[None] - path[:, None, None]) / scales[:, None, None, None]
    normal = torch.from_numpy(at / [width, height] * 2 - 1).float()
    frames = F.grid_sample(image.expand(size.frames, -1, -1, -1), normal, "bilinear", "border", align_corners=False)
    return frames.permute(0, 2, 3, 1).round().clamp(0, 255).byte().numpy()


def find_motion_channels(
    pipe: Any,
    clips: Sequence[tuple[np.ndarray, Motion]],
    *,
    layer: str | None = None,
    timestep: int | None = None,
    share: float = 0.04,
    model: str = "",
    prompt: str = "",
    seed: int = 0,
    batch: int = 8,
    track: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> Statistics:
    """Motion channels and their response, from clips of known motion (see `pans`).

    Channels: largest weight in the first two principal components of first-frame CCR features, pooled over the frame
    (the paper uses the first; horizontal and vertical motion need one each). Response: least squares of the pooled
    MOFT on the displacement against its mean over the frames. `timestep` is the noise level to look at, 1…999; None is
    `moft.tap.usual_level`. `track` wraps the loop over batches, to show progress.
    """
    timestep = usual_level(pipe) if timestep is None else timestep
    tap = Tap(pipe, layer, timestep)
    features, paths = [], []
    for start in track(range(0, len(clips), batch)):
        some = clips[start : start + batch]
        videos = np.stack([video for video, _ in some])
        features.append(pool(ccr(noised_features(tap, videos, timestep, prompt, seed + start))).cpu())
        size = ClipSize(*videos.shape[1:4])
        paths += [latent_path(motion, size, features[-1].shape[1]) for _, motion in some]
    feature, path = torch.cat(features), torch.stack(paths)  # (n f c), (n f 2)
    channels = motion_channels(feature[:, 0], share, components=2)
    kept = feature[..., channels]
    response = torch.linalg.lstsq(path.flatten(0, 1), kept.flatten(0, 1)).solution.T
    flat = kept.flatten(0, 1)
    return Statistics(
        channels, response.contiguous(), flat.quantile(0.01, 0), flat.quantile(0.99, 0), tap.layer, timestep, model
    )


def latent_path(motion: Motion, size: ClipSize, frames: int) -> Tensor:
    """Displacement (f 2) in shorter sides at each latent frame, against its mean over the frames."""
    path = torch.tensor(motion.displacement(size.frames, size.height, size.width)) / size.side
    path = F.interpolate(path.T[None], size=frames, mode="linear", align_corners=True)[0].T
    return path - path.mean(0)


def statistics_path(pipe: Any) -> Path:
    """Where the statistics of a pipeline's model are kept: beside a local model, else in the user's cache."""
    name = str(getattr(pipe, "name_or_path", "") or "")
    if name and Path(name).is_dir():
        return Path(name) / STATISTICS_FILE
    cache = Path(os.environ.get("MOFT_HOME", Path.home() / ".cache" / "moft"))
    return cache / (name.replace("/", "--") or "unnamed") / STATISTICS_FILE


def find_statistics(pipe: Any) -> Statistics:
    """The statistics shipped with or computed for this pipeline's model. Raises RequestError if there are none."""
    path = statistics_path(pipe)
    if not path.exists():
        raise RequestError(
            f"no motion channels are known for this model (looked for {path}); compute them once with "
            "`moft channels --model …`, or pass statistics="
        )
    return Statistics.load(path)


# ---------------------------------------------------------------- references


@dataclasses.dataclass(frozen=True)
class Synthesised:
    """The wanted feature for a motion: each channel moves in proportion to the displacement, between its statistical
    minimum and maximum, so it is piecewise linear over the frames and breaks where the direction changes. The whole is
    enlarged by the model's gain."""

    motion: Motion
    statistics: Statistics

    @property
    def channels(self) -> Tensor:
        return self.statistics.channels

    @property
    def layer(self) -> str:
        return self.statistics.layer

    @property
    def timestep(self) -> int:
        return self.statistics.timestep

    @property
    def scale(self) -> float:
        return self.statistics.scale

    @property
    def strength(self) -> float:
        return self.motion.strength

    @property
    def loss(self) -> str:
        return "position" if self.motion.direction == "still" else "quadrants"  # nothing may move, not only the mean

    @property
    def region_loss(self) -> str:
        shifts = self.motion.path is not None or isinstance(self.motion.direction, float) or self.motion.direction in DIRECTIONS
        return "region" if shifts else self.loss

    @property
    def steps(self) -> tuple[float, float] | None:
        return self.motion.steps

    @property
    def usual_steps(self) -> tuple[float, float]:
        return STILL_STEPS if self.motion.direction == "still" else EARLY_STEPS

    def target(self, found: Tensor, size: ClipSize) -> Tensor:
        """(1 f k h w), or (1 f k 1 1) if the motion is the same everywhere."""
        path = self._displacement(found.shape[1], found.shape[3:], size)  # (f h w 2)
        value = torch.einsum("fhwa,ka->fkhw", path, self.statistics.response)
        low, high = (bound[None, :, None, None] for bound in (self.statistics.low, self.statistics.high))
        return self.statistics.gain * value.clamp(low, high)[None]

    def _displacement(self, frames: int, cells: Sequence[int], size: ClipSize) -> Tensor:
        path = latent_path(self.motion, size, frames)[:, None, None]
        scales = torch.tensor(self.motion.scale(size.frames, size.height, size.width))
        if (scales == 1).all():
            return path
        grow = F.interpolate(scales[None, None], size=frames, mode="linear", align_corners=True)[0, 0].log()
        y, x = (((torch.arange(n) + 0.5) / n - 0.5) * extent / size.side
                for n, extent in zip(cells, (size.height, size.width), strict=True))  # fmt: skip
        at = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)  # from the centre, in shorter sides
        return path + (grow - grow.mean())[:, None, None, None] * at


@dataclasses.dataclass(frozen=True)
class FromClip:
    """The feature of a reference clip, per position or (one cell) its mean over a region."""

    value: Tensor  # (f k h w)
    channels: Tensor
    layer: str
    scale: float
    timestep: int
    strength: float = 1.0
    made: dict[str, Any] = dataclasses.field(default_factory=dict)
    gain: float = 1.0  # as in `Statistics`
    steps: tuple[float, float] | None = None  # as of `Motion`; not kept in a file

    @property
    def loss(self) -> str:
        return "position" if self.value.shape[2:].numel() > 1 else "quadrants"

    @property
    def region_loss(self) -> str:
        return "position" if self.loss == "position" else "region"

    @property
    def usual_steps(self) -> tuple[float, float]:
        return EARLY_STEPS

    def target(self, found: Tensor, size: ClipSize) -> Tensor:
        """(1 f k h w), resampled to the frames and cells of `found`."""
        cells = found.shape[3:] if self.value.shape[2] > 1 else (1, 1)
        value = self.value.permute(1, 0, 2, 3)[None]
        resized = F.interpolate(value, (found.shape[1], *cells), mode="trilinear", align_corners=False)
        return self.gain * ccr(resized.transpose(1, 2))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, whole or not at all."""
        save_tensors(path, {"value": self.value, "channels": self.channels},
              {"kind": "moft reference", **{k: getattr(self, k) for k in
               ("layer", "scale", "timestep", "strength", "gain", "made")}})  # fmt: skip

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FromClip:
        """Read what `save` wrote. Raises RequestError for anything else."""
        tensors, notes = load_tensors(path, "moft reference")
        known = {k: notes[k] for k in ("layer", "scale", "timestep", "strength", "made")}
        return cls(**tensors, gain=notes.get("gain", 1.0), **known)


def from_clip(
    pipe: Any,
    video: np.ndarray,
    *,
    statistics: Statistics | None = None,
    region: np.ndarray | None = None,
    onto: np.ndarray | None = None,
    per_position: bool = False,
    invert: bool = False,
    timestep: int | None = None,
    strength: float = 1.0,
    steps: tuple[float, float] | None = None,
    seed: int = 0,
) -> FromClip:
    """MOFT of a clip, to steer by.

    Args:
        video: uint8 (f h w 3), of the size at which the model samples.
        statistics: motion channels; None takes those known for the model.
        region: where to look in the clip, (h w) or (f h w) in 0…1; None the whole frame.
        onto: the region that it is to steer, likewise; counts with `per_position` alone.
        per_position: keep every position (paper, Eq. 3) instead of the region's mean (the release): then the clips'
            layouts should agree. The bounds of `region` are laid over those of `onto`, stretched if need be.
        invert: reach the timestep by inversion (`moft.inversion`) instead of adding noise.
        timestep: None takes that of the statistics.
        strength, steps: as of `Motion`.
    Raises:
        RequestError: wrong shape or dtype. BackboneError: inversion asked of a model that has none.
    """
    check_clip(video)
    statistics = statistics or find_statistics(pipe)
    t = statistics.timestep if timestep is None else timestep
    tap = Tap(pipe, statistics.layer, t)
    read = inverted_features if invert else noised_features
    feature = moft(read(tap, video[None], t, "", seed), statistics.channels).cpu()
    places = [None if mask is None else torch.as_tensor(mask) for mask in (region, onto)]
    if per_position:
        feature = laid_over(feature, *places)
    else:
        where = None if places[0] is None else at_cells(places[0], (feature.shape[1], *feature.shape[-2:]))
        feature = pool(feature, where)[..., None, None]
    made = {"from": "inverted" if invert else "noised", "frames": len(video), "size": list(video.shape[1:3])}
    return FromClip(
        feature[0].contiguous(), statistics.channels, statistics.layer, statistics.scale, t, strength, made,
        statistics.gain, steps,
    )


def check_clip(video: np.ndarray) -> None:
    """Raise RequestError unless this is a clip, uint8 (f h w 3) of two frames or more."""
    if video.dtype != np.uint8 or video.ndim != 4 or video.shape[-1] != 3 or len(video) < 2:
        raise RequestError(f"expected a clip uint8 (f h w 3), f ≥ 2, got {video.dtype} {video.shape}")


def synthesise(motion: Motion, statistics: Statistics) -> Synthesised:
    """The wanted feature for `motion` from a model's statistics."""
    return Synthesised(motion, statistics)


def noised_features(tap: Tap, videos: np.ndarray, timestep: int, prompt: str = "", seed: int = 0) -> Tensor:
    """Features (b f c h w) of clips uint8 (b f h w 3), noised to a timestep in one go."""
    return noised_layers(tap, videos, timestep, (tap.layer,), prompt, seed)[tap.layer]


@torch.no_grad()
def noised_layers(
    tap: Tap, videos: np.ndarray, timestep: int, layers: Sequence[str], prompt: str = "", seed: int = 0
) -> dict[str, Tensor]:
    """As `noised_features`, for several layers in one pass; it stops behind `tap.layer`, so name that one last.

    Raises:
        BackboneError: a layer that the pass does not reach.
    """
    latents = encode(tap, videos)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed)).to(latents)
    noisy, told = tap.noised(latents, noise, timestep)
    size = 1 if tap.starts_from_image else len(latents)  # pipelines take one image for all clips of a batch
    found: dict[str, list[Tensor]] = {name: [] for name in layers}
    for i in range(0, len(latents), size):
        some, images = slice(i, i + size), videos[i : i + size, 0]
        call = tap.first_call([prompt] * size, latents[some], images)
        with capture(tap.denoiser, layers) as seen:
            tap.features_of(noisy[some], told, call)
        for name in layers:
            if name not in seen:
                raise BackboneError(f"{name!r} runs behind {tap.layer!r}, where reading stops; read it by itself")
            found[name].append(tap.grid(seen[name], call, name).float())
    return {name: torch.cat(parts) for name, parts in found.items()}


@torch.no_grad()
def inverted_features(tap: Tap, videos: np.ndarray, timestep: int, prompt: str = "", seed: int = 0) -> Tensor:
    """Features (b f c h w) of clips brought to a timestep by inversion in 25 steps (deterministic; no seed)."""
    latents = encode(tap, videos)
    call = tap.first_call([prompt] * len(latents), latents)
    path = inverted(tap, latents, 25, prompt)
    level, found = next((at for at in path if at[0] >= timestep), (timestep, latents))
    return tap.features_of(found, level, call)


def encode(tap: Tap, videos: np.ndarray) -> Tensor:
    """Clips uint8 (b f h w 3) → latents (b c f h w)."""
    pixels = torch.from_numpy(np.ascontiguousarray(videos)).permute(0, 1, 4, 2, 3).float() / 255
    return tap.encode(pixels).to(tap.device)


# ---------------------------------------------------------------- files


def save_tensors(path: str | os.PathLike[str], tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
    """Write a safetensors file with notes (JSON) about it, whole or not at all."""
    from safetensors.torch import save_file

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    save_file({k: v.contiguous() for k, v in tensors.items()}, aside, {"moft": json.dumps(notes)})
    aside.replace(path)


def load_tensors(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `save_tensors` wrote: tensors and notes. Raises RequestError unless the notes are of this kind."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            notes = json.loads((file.metadata() or {})["moft"])
            if notes["kind"] != kind:
                raise RequestError(f"cannot use {path}: expected {kind}, got {notes['kind']}")
            return {name: file.get_tensor(name) for name in file.keys()}, notes  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise RequestError(f"cannot read {path}: expected a safetensors file of {kind}, got {error}") from error
