"""A model made ready to be looked into: at which layers and timestep, with which motion channels."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moft import plain
from moft.errors import RecipeError, RequestError
from moft.feature.checks import check_place
from moft.feature.model import Model
from moft.feature.read import at_once, noised_layers
from moft.feature.statistics import Statistics, find_motion_channels, statistics_path
from moft.known.pans import pans
from moft.models.families import default_layer
from moft.models.tap import Tap
from moft.optional import needs
from moft.request.fields import read
from moft.types import ClipSize

SWEEP_FILE = "sweep.json"
MAX_SWEEP = 2**26  # bytes of one
TIMESTEPS = (20, 100, 300, 500, 700, 900)
Tell = Callable[[str], None]  # gets one line as each piece of work begins


@dataclasses.dataclass(frozen=True)
class ExplainSettings:
    """What a report looks at; None takes what is known of the model, else the family's default."""

    point: tuple[float, float, float] | None = None  # (x, y, frame) in the first clip; None: where most moves
    sweep: bool = False  # score every layer at every timestep, and keep the best beside the model
    layer: str | None = None
    timestep: int | None = None  # 1…999
    share: float = 0.04  # of channels to keep where channels are found anew, in (0, 1]
    objects: int = 96  # clips of known flow that scores are computed on
    fitting: int = 768  # clips that the read-out is fitted on
    places: int = 6  # in each photograph, from which pans start
    timesteps: tuple[int, ...] = TIMESTEPS  # that are compared
    seed: int = 0  # of the noise


# ---------------------------------------------------------------- a model, and where to look


@dataclasses.dataclass(frozen=True)
class Viewpoint:
    """A model, and where it is looked into."""

    model: Model
    size: ClipSize
    statistics: Statistics  # of the layer
    timestep: int
    layers: tuple[str, ...]  # all that are looked at, in the order in which they run
    channels_found: bool  # the motion channels were not known, and were found for this report
    swept: bool  # a stored sweep says where to look

    @property
    def layer(self) -> str:
        """The one that most of a report is about."""
        return self.statistics.layer

    @property
    def content_layer(self) -> str:
        """The layer whose plain features, DIFT, say what is where: the family's default block."""
        return self.model.tap(None, self.timestep).layer

    def features(self, videos: np.ndarray, seed: int = 0) -> Tensor:
        """Plain features (n f c h w) of the layer for clips uint8 (n f h w 3)."""
        return torch.cat(list(self.batches(videos, seed)))

    def batches(self, videos: np.ndarray, seed: int = 0) -> Iterator[Tensor]:
        """The same some clips at a time, so that what is read of all need not be held."""
        for some in layer_batches(self.model.pipe, videos, self.timestep, (self.layer,), seed):
            yield some[self.layer]

    @cached_property
    def together(self) -> int:
        """Of how many clips features are held at once: 32 of the miniature's, 4 where one is read at once."""
        return 4 * at_once(self.model.tap(self.layer, self.timestep), self.size)

    @cached_property
    def width(self) -> int:
        """Channels of the layer."""
        size = self.size
        black = np.zeros((1, size.frames, size.height, size.width, 3), np.uint8)
        return int(self.features(black).shape[2])

    @cached_property
    def fingerprint(self) -> str:
        """Tells weights apart, so that what was read from others is not taken for this model's."""
        weights = self.model.tap(self.layer, self.timestep).denoiser.parameters()
        sums = [f"{float(p.detach().double().abs().sum()):.6g}" for p in weights]  # the same on any machine
        told = (sums, self.layer, self.timestep, self.statistics.channels.tolist())
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def choose_viewpoint(model: Model, settings: ExplainSettings, tell: Tell) -> Viewpoint:
    """Where to look into a model: as set, else as a stored sweep found best, else where its motion channels
    are from. If no channels are known for that layer, they are found from pans of training photographs.

    Raises:
        BackboneError: unknown pipeline or layer.
        RequestError: a stored sweep or motion channels that cannot be read.
    """
    best = _stored_best(statistics_path(model.pipe).with_name(SWEEP_FILE))
    known = _known_statistics(model)
    usual = best or ((known.layer, known.timestep) if known else (None, 300))
    layer, timestep = settings.layer or usual[0], settings.timestep or usual[1]
    tap = model.tap(layer, timestep)
    size = model.size(own=known is None)
    layers = layers_of(tap.denoiser, tap.layer, default_layer(tap.family, tap.denoiser))
    if known and known.layer == tap.layer:
        return Viewpoint(model, size, known, timestep, layers, channels_found=False, swept=best is not None)
    channels = _find_channels(model, tap.layer, timestep, settings.share, size, tell)
    return Viewpoint(model, size, channels, timestep, layers, channels_found=True, swept=best is not None)


def _known_statistics(model: Model) -> Statistics | None:
    """The motion channels that were given or lie beside the model, if there are any."""
    known = model.given is not None or model.channels or statistics_path(model.pipe).exists()
    return model.statistics if known else None


def _find_channels(
    model: Model, layer: str, timestep: int, share: float, size: ClipSize, tell: Tell
) -> Statistics:
    """Motion channels of a layer, from pans of training photographs."""
    needs("skimage")
    from moft.known.photographs import training_photographs

    tell(f"finding motion channels of {layer}")
    clips = pans(list(training_photographs().values()), size, speeds=(0.035,))
    return find_motion_channels(
        model.pipe, clips, layer=layer, timestep=timestep, share=share, model=model.name
    )


@dataclasses.dataclass(frozen=True)
class Best:
    """What a stored sweep says of the best of its places.

    Raises RequestError for no layer, and for a timestep outside 0…1000."""

    layer: str
    timestep: int
    share: float  # of the layer's channels that were kept
    auc: float | None

    def __post_init__(self) -> None:
        check_place(self.layer, self.timestep)


def _stored_best(path: Path) -> tuple[str, int] | None:
    """Layer and timestep that a stored sweep found best; None without one. Raises RequestError for a broken
    file."""
    if not path.exists():
        return None
    held = plain.read(path, "what `moft explain --sweep` stores", most=MAX_SWEEP)
    try:
        best: Best = read(Best, held.get("best") if isinstance(held, dict) else held, "best")
    except RecipeError as error:
        raise RequestError(f"cannot use {path}: {error}; remove it, and sweep anew") from error
    return best.layer, best.timestep


# ---------------------------------------------------------------- what layers make of clips


def layer_batches(
    pipe: Any, videos: np.ndarray, timestep: int, layers: Sequence[str], seed: int = 0
) -> Iterator[dict[str, Tensor]]:
    """Features (b f c h w) of each layer for clips uint8 (n f h w 3), some clips at a time; layers in the
    order in which they run. Each clip gets noise of its own."""
    tap = Tap(pipe, layers[-1], timestep)
    batch = 2 * at_once(tap, ClipSize(*videos.shape[1:4]))  # 16 of the miniature's, whose noise is one draw
    for start in range(0, len(videos), batch):
        some = noised_layers(tap, videos[start : start + batch], timestep, layers, seed=seed + start)
        yield {name: value.cpu() for name, value in some.items()}


def layers_of(denoiser: Any, *more: str) -> tuple[str, ...]:
    """Where to look in a denoiser, in the order in which it runs: the blocks of a UNet and the motion modules
    on its way up, or up to nine blocks of a transformer; and whatever else is named."""
    names = [name for name, _ in denoiser.named_modules()]
    unet = "mid_block" in names

    def order(name: str) -> tuple[int, list[int]]:  # a block ends after what it holds
        first, *rest = name.split(".")
        stage = _STAGES.get(first, len(_STAGES)) if unet else names.index(name)
        return stage, [int(part) if part.isdigit() else _WITHIN.get(part, 0) for part in rest] + [99]

    blocks = _unet_blocks(names) if unet else _transformer_blocks(names)
    return tuple(sorted({*blocks, *more}, key=order))


_STAGES = {"down_blocks": 0, "mid_block": 1, "up_blocks": 2}
_WITHIN = {
    "resnets": 0,
    "attentions": 1,
    "temp_convs": 2,
    "temp_attentions": 3,
    "motion_modules": 4,
    "upsamplers": 5,
}


def _unet_blocks(names: Sequence[str]) -> list[str]:
    blocks = [n for n in names if n == "mid_block" or _is_item(n, "down_blocks") or _is_item(n, "up_blocks")]
    return blocks + [n for n in names if n.startswith("up_blocks.") and _is_item(n, "motion_modules")]


def _transformer_blocks(names: Sequence[str]) -> list[str]:
    lists = [name for name in names if name.endswith("blocks") and "." not in name]
    items = [n for name in lists for n in names if _is_item(n, name) and n.startswith(name + ".")]
    return [items[i] for i in sorted({round(i) for i in np.linspace(0, len(items) - 1, min(9, len(items)))})]


def _is_item(name: str, of: str) -> bool:
    """Whether a name is an element of a list of this name."""
    parts = name.split(".")
    return len(parts) >= 2 and parts[-2] == of and parts[-1].isdigit()
