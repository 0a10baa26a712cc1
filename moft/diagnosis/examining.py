"""The first look at a model: what is known of it, what is missing, what it will need, and what to type."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from moft.diagnosis.assembled import assembled
from moft.diagnosis.fitting import GPUS, Fit, fitting
from moft.diagnosis.known import Known, known_of
from moft.diagnosis.needs import GIB, Needs, needs_of
from moft.errors import BackboneError
from moft.models.families import family_of, patch_size
from moft.models.folder.checked import check_folder
from moft.models.loading import is_hub_id, local_folder, quiet, settings_of
from moft.models.pipeline import Pipeline, pixels_per_cell
from moft.models.size import clip_size
from moft.optional import needs as needs_installed
from moft.runs.calibration import SIDES
from moft.runs.job import Scene
from moft.types import ClipSize

CLIPS = 5 * 25 + 256  # of `moft channels`: five photographs, eight ways at three speeds, and still; courses
Sides = tuple[int | None, int | None, int | None]
SCENES = 3  # that a calibration is counted for
_STEPS = Scene().steps


@dataclass(frozen=True)
class Diagnosis:
    """What `doctor` found."""

    model: str
    family: str
    pipeline: str
    layer: str  # where MOFT is read
    starts_from_image: bool
    dtype: str  # of the weights, as counted
    known: Known
    needs: Needs  # at the model's own size, or that which was asked for
    fits: dict[float, Fit]  # by GB of memory
    rate: float  # FLOPs a second that this machine multiplies matrices with
    python: int  # bytes that Python and the packages of this pipeline take
    mapped: tuple[
        str, ...
    ]  # networks whose files hold float32, so that a processor reads them as it needs them

    @property
    def memory(self) -> dict[str, int]:
        """Bytes of tensors at the peak of each piece of work."""
        needs = self.needs
        return {
            "plain": needs.plain,
            "steered": needs.steered(),
            "steered_save_memory": needs.steered(True),
            "steered_save_memory_offloaded": needs.steered(True, True),
            "channels": needs.channels,
        }

    @property
    def processor(self) -> dict[str, int] | None:
        """The same of the whole process on a processor, where weights that files hold as float32 are read
        as far as they take part; None if another type was counted."""
        if self.dtype != "float32":
            return None
        needs = self.needs

        def less(parts: dict[str, int]) -> int:
            return sum(needs.weights[name] - parts[name] for name in self.mapped) - self.python

        memory = self.memory
        memory.pop("steered_save_memory_offloaded")
        parts = {"channels": needs.looking}
        return {name: held - less(parts.get(name, needs.running)) for name, held in memory.items()}

    @property
    def work(self) -> dict[str, int]:
        """FLOPs of what is to be done once, and of a steered run with the plain one beside it."""
        steered, plain = (self.needs.run_flops(_STEPS, steered) for steered in (True, False))
        return {
            "channels": CLIPS * self.needs.clip_flops,
            "calibrate": SCENES * len(SIDES) * steered,
            "steer": steered + plain,
        }

    @property
    def commands(self) -> tuple[str, str, str]:
        """What to type, one after the other, in settings that fit the least of the memories asked for."""
        extra = " ".join(("", *next(iter(self.fits.values())).options)) if len(self.fits) == 1 else ""
        model = f"--model {self.model}"
        words = '--prompt "two cats in a room"'
        first = "--image first.png" if self.starts_from_image else words
        several = first if self.starts_from_image else '--prompt "a street" --prompt "a forest"'
        return (
            f"moft channels {model}",
            f"moft calibrate {model} {several}",
            f"moft steer {model} {first} --motion left{extra} -o left.mp4",
        )

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        needs, size = self.needs, self.needs.size

        def in_gb(held: dict[str, int]) -> dict[str, float]:
            return {name: round(value / GIB, 3) for name, value in held.items()}

        return {
            **{name: getattr(self, name) for name in ("model", "family", "pipeline", "layer", "dtype")},
            "known": self.known.to_json(),
            "missing": list(self.known.missing),
            "size": [size.frames, size.height, size.width],
            "weights_gb": in_gb(needs.weights),
            "memory_gb": in_gb(self.memory),
            "processor_gb": None if self.processor is None else in_gb(self.processor),
            "tflops": {name: round(work / 1e12, 3) for name, work in self.work.items()},
            "seconds": {name: round(work / self.rate, 1) for name, work in self.work.items()},
            "rate_tflops": round(self.rate / 1e12, 3),
            "fits": {f"{memory:g}": fit.to_json() for memory, fit in self.fits.items()},
            "commands": list(self.commands),
        }


def doctor(
    model: str | os.PathLike[str] = "miniature",
    *,
    gpu_memory: float | None = None,
    size: Sides = (None, None, None),
    dtype: Any = None,
) -> Diagnosis:
    """Look at a model before it is loaded: no weights are opened, of a hub id none are fetched.

        print(moft.doctor("my-animatediff", gpu_memory=12).commands)

    Args:
        model: "miniature", a diffusers folder, or a hub id OWNER/NAME, of which settings are fetched.
        gpu_memory: GB that a steered run should fit into; None looks at 8, 12, 16 and 24.
        size: frames, height and width to count for; None is the model's own.
        dtype: torch's type of the weights; None is float16, as they are loaded on a GPU; float32, as on a
            processor.
    Returns:
        Memory of tensors at its peak, counted, not run; FLOPs, and the least time that they take here.
    Raises:
        BackboneError: no such model, one that `moft.load` would refuse, or one that cannot be counted.
    """
    needs_installed("diffusers", "transformers")
    quiet()
    name = os.fspath(model)
    return _examined(name, _folder(name), gpu_memory, size, dtype or torch.float16)


def _examined(
    name: str, folder: Path, gpu_memory: float | None, size: Sides, dtype: torch.dtype
) -> Diagnosis:
    pipe, networks = assembled(folder, dtype)
    python, mapped = resident(), tuple(name for name in networks if in_float32(folder / name))
    pipe.register_to_config(_name_or_path=name if is_hub_id(name) else str(folder))
    known, family = known_of(pipe, name), family_of(pipe)
    made, layer = ({}, None) if (at := known.statistics) is None else (at.made, at.layer)
    own = clip_size(pipe, *size, made)

    @cache
    def counted(wanted: ClipSize, tiled: bool) -> Needs:
        with tiles(pipe.vae) if tiled else nullcontext():
            return needs_of(pipe, networks, wanted, layer)

    needs = counted(own, False)
    unit = pixels_per_cell(pipe) * patch_size(networks[needs.denoiser].module.config)[1]
    memories = GPUS if gpu_memory is None else (gpu_memory,)
    return Diagnosis(
        name,
        family.name,
        type(pipe).__name__,
        needs.layer,
        Pipeline(pipe).starts_from_image,
        str(dtype).removeprefix("torch."),
        known,
        needs,
        {float(memory): fitting(counted, family, own, unit, memory) for memory in memories},
        rate(),
        python,
        mapped,
    )


def _folder(name: str) -> Path:
    """Where the settings lie, looked through."""
    local = local_folder(name)
    folder = local or settings_of(name)
    check_folder(folder, weights=local is not None)
    return folder


@contextmanager
def tiles(vae: Any) -> Iterator[None]:
    """Inside, an autoencoder works in tiles. Raises BackboneError for one that cannot."""
    try:
        vae.enable_tiling()
    except (AttributeError, NotImplementedError) as error:
        raise BackboneError(
            "expected an autoencoder that works in tiles, got one without; leave it"
        ) from error
    try:
        yield
    finally:
        vae.disable_tiling()


def in_float32(folder: Path) -> bool:
    """Whether all weights of a network lie in its files as float32."""
    from safetensors import safe_open

    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            if any(file.get_slice(name).get_dtype() != "F32" for name in file.keys()):  # noqa: SIM118
                return False
    return True


def resident() -> int:
    """Bytes of memory that this process takes; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def rate() -> float:
    """FLOPs a second that this machine multiplies large matrices with: more than any model reaches."""
    gpu = torch.cuda.is_available()
    device, dtype = ("cuda", torch.float16) if gpu else ("cpu", torch.float32)
    side = 4096 if gpu else 512
    a = torch.ones(side, side, device=device, dtype=dtype)
    best = 0.0
    for _ in range(5):
        started = time.perf_counter()
        float((a @ a)[0, 0])  # waits for a GPU
        best = max(best, 2 * side**3 / (time.perf_counter() - started))
    return best
