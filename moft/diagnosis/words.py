"""What `moft doctor` found, in lines that people read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from moft.diagnosis.examining import SCENES, Diagnosis
from moft.diagnosis.fitting import Fit
from moft.diagnosis.needs import GIB
from moft.printing import listed, span


def described(found: Diagnosis) -> str:
    """All of it: what the model is, what is known, what is missing, what it needs, what to type."""
    parts = [
        listed(_rows(found), 12),
        _under("missing", found.known.missing or ("nothing",)),
        _under("memory of a steered run that fits", _fits(found)),
        _under("type", found.commands),
    ]
    return "\n".join(parts)


def _rows(found: Diagnosis) -> Iterator[tuple[str, str]]:
    needs, size, known = found.needs, found.needs.size, found.known
    yield "model", f"{found.model}: {found.family}, {found.pipeline}"
    yield "read at", found.layer
    if known.statistics is not None:
        gain = f"gain {known.statistics.gain:.2f}" if known.calibrated else "no gain"
        yield "channels", f"{len(known.statistics.channels)} in {known.channels}, {gain}"
    yield "size", f"{size.frames} frames of {size.width} x {size.height} px"
    weights = ", ".join(f"{name} {held / GIB:.2f}" for name, held in needs.weights.items())
    yield "weights", f"{sum(needs.weights.values()) / GIB:.2f} GB in {found.dtype}: {weights}"
    yield (
        "memory",
        f"{needs.plain / GIB:.2f} GB for a plain run, {needs.steered() / GIB:.2f} steered, "
        f"{needs.steered(True) / GIB:.2f} with --save-memory, {needs.channels / GIB:.2f} for channels; "
        "tensors alone, counted",
    )
    if (here := found.processor) is not None:
        told = ", ".join(f"{here[name] / GIB:.2f} {name}" for name in ("plain", "steered", "channels"))
        yield "here", f"{told} GB of a processor's memory, with Python's {found.python / GIB:.2f}"
    work = found.work
    yield (
        "work",
        f"channels {_work(work['channels'])} once, calibrate {_work(work['calibrate'])} once ({SCENES} "
        f"scenes), steer {_work(work['steer'])} a clip",
    )
    times = ", ".join(f"{name} {span(flops / found.rate)}" for name, flops in work.items())
    yield "time", f"at least {times}, at the {found.rate / 1e12:.2g} TFLOP/s that this machine has at best"


def _fits(found: Diagnosis) -> Iterator[str]:
    for memory, fit in found.fits.items():
        yield f"{memory:g} GB: {_fit(fit)}"


def _fit(fit: Fit) -> str:
    ways = [*fit.options, *(f"in Python {line}" for line in fit.python)]
    how = ", ".join(ways) or "as it is"
    if fit.fits:
        return f"{how} ({fit.memory:.1f} GB)"
    return f"nothing that was counted; the least is {fit.memory:.1f} GB: {how}"


def _under(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"{title}:", *(f"  {line}" for line in lines)])


def _work(flops: float) -> str:
    """In the unit that leaves few digits."""
    for unit, size in (("PFLOP", 1e15), ("TFLOP", 1e12), ("GFLOP", 1e9)):
        if flops >= size:
            return f"{flops / size:.3g} {unit}"
    return f"{flops:.0f} FLOP"
