"""Which settings let a steered run fit into the memory of a GPU: the first of several, the dearest last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from moft.diagnosis.needs import GIB, Needs
from moft.errors import BackboneError, RequestError
from moft.models.families import Family
from moft.types import ClipSize

GPUS = (8, 12, 16, 24)  # GB, as people have them
SPARE = 1.0  # GiB that are left to the driver, and to what an allocator keeps in pieces
_LEAST = 128  # px; below, models of real size draw nothing

Counted = Callable[[ClipSize, bool], Needs]  # of a size, its autoencoder in tiles or not


@dataclass(frozen=True)
class Fit:
    """Settings under which a steered run fits, or the least that it could be brought to."""

    fits: bool
    memory: float  # GiB at its peak, counted
    options: tuple[str, ...]  # of `moft steer`
    python: tuple[str, ...]  # lines, which the command line has no options for
    size: ClipSize

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        size = [self.size.frames, self.size.height, self.size.width]
        told = {"fits": self.fits, "memory_gb": round(self.memory, 2), "options": list(self.options)}
        return {**told, "python": list(self.python), "size": size}


def gigabytes(text: str) -> float:
    """ "12GB" or "12" as a number. Raises RequestError for anything else."""
    number = text.strip().lower().removesuffix("gb").removesuffix("gib").strip()
    try:
        found = float(number)
    except ValueError:
        found = 0.0
    if not 1 <= found <= 4096:
        raise RequestError(f"expected the memory of a GPU as 12GB, 1 to 4096, got {text!r:.50}")
    return found


def fitting(counted: Counted, family: Family, own: ClipSize, unit: int, memory: float) -> Fit:
    """What fits into so many GB; unit: px of which sides are multiples."""
    best: Fit | None = None
    for fit in _ways(counted, family, own, unit):
        if fit.memory + SPARE <= memory:
            return replace(fit, fits=True)
        best = fit if best is None or fit.memory < best.memory else best
    assert best is not None
    return best


def _ways(counted: Counted, family: Family, own: ClipSize, unit: int) -> Iterator[Fit]:
    """From what costs nothing to what changes the clip."""
    for size in _sizes(family, own, unit):
        smaller = _smaller(size, own, family)
        try:
            needs = counted(size, False)
            yield _fit(needs.steered(), smaller, (), size)
            yield _fit(needs.steered(True), ("--save-memory", *smaller), (), size)
            offload = "pipe.enable_model_cpu_offload()"
            yield _fit(needs.steered(True, True), ("--save-memory", *smaller), (offload,), size)
            needs = counted(size, True)
            tiling = "pipe.vae.enable_tiling()"
            yield _fit(needs.steered(True), ("--save-memory", *smaller), (tiling,), size)
            yield _fit(needs.steered(True, True), ("--save-memory", *smaller), (offload, tiling), size)
        except BackboneError:
            continue  # a size that the pipeline does not take, or an autoencoder without tiles


def _fit(peak: int, options: tuple[str, ...], python: tuple[str, ...], size: ClipSize) -> Fit:
    return Fit(False, peak / GIB, options, python, size)


def _sizes(family: Family, own: ClipSize, unit: int) -> Iterator[ClipSize]:
    """The model's own, then half its frames, then sides of two thirds, then both, then half."""
    half = family.first_frames + max(own.frames // 2 // family.frame_stride, 1) * family.frame_stride
    half = min(half - (family.first_frames if family.frame_stride == 1 else 0), own.frames)
    found = [own]
    for frames, share in ((half, 1.0), (own.frames, 2 / 3), (half, 2 / 3), (half, 1 / 2)):
        sides = [max(round(side * share / unit) * unit, unit) for side in (own.height, own.width)]
        size = ClipSize(max(frames, 2), *sides)
        if size not in found and size.side >= min(_LEAST, own.side):
            found.append(size)
    yield from found


def _smaller(size: ClipSize, own: ClipSize, family: Family) -> tuple[str, ...]:
    """Options of a size that is not the model's own."""
    frames = (f"--frames {size.frames}",) if size.frames != own.frames else ()
    if (size.height, size.width) == (own.height, own.width):
        return frames
    return (*frames, f"--height {size.height}", f"--width {size.width}")
