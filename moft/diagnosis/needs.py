"""What runs of a pipeline need at a size: bytes and FLOPs of each part, counted on its networks of shapes."""

from __future__ import annotations

import inspect
import tempfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from moft.diagnosis import counting
from moft.diagnosis.hollow import Hollow
from moft.diagnosis.steps import gradient, reading
from moft.errors import BackboneError, understood
from moft.models.calls import parts_of
from moft.models.families import Family, default_layer, family_of
from moft.models.families.inputs import inputs_of
from moft.models.hooks import checkpointed
from moft.models.pipeline import Pipeline
from moft.runs.job import Scene
from moft.runs.sample import arguments
from moft.steering.objective import LATER
from moft.types import ClipSize

GIB = 2**30
_STEPS = 2  # that are run on paper: a pipeline's calls are alike in all of them


@dataclass(frozen=True)
class Needs:
    """Of one size. Bytes are of tensors alone: what Python and its packages take comes on top."""

    size: ClipSize
    weights: dict[str, int]  # of each network
    beside: dict[str, int]  # most that it keeps beside its weights while it runs
    running: dict[str, int]  # of each network's weights, bytes that take part in a run
    looking: dict[str, int]  # and in reading a clip, as far as the feature layer
    denoiser: str  # which of them
    layer: str  # of it, where MOFT is read
    gradient: int  # what a gradient keeps beside the weights
    saving: int  # the same with `Settings.save_memory`
    reading: int  # what reading a clip keeps: encoded, then as far as the feature layer
    step_flops: int  # of a plain step
    gradient_flops: int
    clip_flops: int  # of reading one clip
    ends_flops: int  # of texts and frames, once a run

    def steered(self, save_memory: bool = False, offloaded: bool = False) -> int:
        """Peak of a steered run, bytes. offloaded: one network at a time is where it computes."""
        beside = dict(self.beside)
        more = self.saving if save_memory else self.gradient
        beside[self.denoiser] = max(beside[self.denoiser], more)
        if offloaded:
            return max(self.weights[name] + beside[name] for name in self.weights)
        return sum(self.weights.values()) + max(beside.values())

    @property
    def plain(self) -> int:
        """Peak of a plain run, bytes."""
        return sum(self.weights.values()) + max(self.beside.values())

    @property
    def channels(self) -> int:
        """Peak of `moft channels`, bytes."""
        return sum(self.weights.values()) + self.reading

    def run_flops(self, steps: int, steered: bool) -> int:
        """Of a run of so many steps, plain or guided as by default."""
        guided = round(LATER[1] * steps) - round(LATER[0] * steps) if steered else 0
        gradients = guided * self.gradient_flops  # one a step, as suits a motion of the whole frame
        return self.ends_flops + steps * self.step_flops + gradients


def needs_of(
    pipe: Any,
    networks: dict[str, Hollow],
    size: ClipSize,
    layer: str | None = None,
) -> Needs:
    """What a pipeline of `moft.diagnosis.assembled` needs at a size.

    layer: where MOFT is read; None is the family's default.

    Raises BackboneError for a pipeline that cannot be run without weights."""
    for network in networks.values():
        network.calls.clear()
    family = family_of(pipe)
    with _understood(pipe):
        _run_whole_or_tiled(pipe, size)
        denoiser = family.attribute if family.attribute in networks else str(family.expert)
        beside = {name: network.memory for name, network in networks.items()}
        running = {name: network.used for name, network in networks.items()}
        ends = sum(network.flops for name, network in networks.items() if name != denoiser)
        run = networks[denoiser].flops
        networks["vae"].calls.clear()
        with torch.no_grad():
            Pipeline(pipe).encode(torch.zeros(1, size.frames, 3, size.height, size.width))
        encoding = networks["vae"]
        layer = layer or default_layer(family, networks[denoiser].module)
        reached = dict[int, int]()
        grown, saved, read, work = _steps(networks[denoiser], family, layer, reached)
    return Needs(
        size,
        {name: network.weights for name, network in networks.items()},
        beside,
        running,
        {**running, "vae": encoding.used, denoiser: sum(reached.values())},
        denoiser,
        layer,
        gradient=grown,
        saving=saved,
        reading=max(encoding.memory, read),
        step_flops=run // _STEPS,
        gradient_flops=work["gradient"],
        clip_flops=encoding.flops + work["reading"],
        ends_flops=ends,
    )


def _steps(
    denoiser: Hollow, family: Family, layer: str, reached: dict[int, int]
) -> tuple[int, int, int, dict[str, int]]:
    """Bytes of a gradient, as it is and saving memory, and of reading; and FLOPs by name. `reached` gets the
    bytes of each weight as far as the layer."""
    first = next(iter(denoiser.calls.values()))
    signature = inspect.signature(type(denoiser.module).forward)
    with denoiser.bare() as module:

        def call() -> Any:
            args, named = first.arguments()
            whole = dict(signature.bind(module, *args, **named).arguments)
            whole.pop("self")
            return parts_of(whole, family, 1)[-1]()

        def descend() -> None:
            gradient(module, call(), family, layer)

        def look() -> None:
            reading(module, call(), layer)

        grown = counting.memory(descend)
        with checkpointed(module, family.segments, layer):
            saved = counting.memory(descend)
        work = {"gradient": counting.flops(descend), "reading": counting.flops(look)}
        return grown, saved, counting.memory(look, reached), work


def _run_whole_or_tiled(pipe: Any, size: ClipSize) -> None:
    try:
        _run(pipe, size)
    except NotImplementedError:  # Allegro's autoencoder, whole
        pipe.vae.enable_tiling()
        _run(pipe, size)


def _run(pipe: Any, size: ClipSize) -> None:
    """A short run as `moft steer` makes it, of a grey picture where one is wanted."""
    from PIL import Image

    wanted = Pipeline(pipe).starts_from_image
    takes_words = "prompt" in inputs_of(pipe)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "grey.png"
        Image.fromarray(np.full((size.height, size.width, 3), 128, np.uint8)).save(picture)
        image = str(picture) if wanted else None
        scene = Scene("a ball" if takes_words else None, size, steps=_STEPS, image=image)
        with torch.no_grad():
            pipe(**arguments(pipe, scene))


def _understood(pipe: Any) -> AbstractContextManager[None]:
    """Whatever a pipeline raises for want of numbers, as an error of the model."""
    return understood(
        lambda got: BackboneError(
            f"cannot count what {type(pipe).__name__} needs: expected a run without weights, got {got}; "
            "try a size that its maker names"
        )
    )
