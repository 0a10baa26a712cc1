"""Numbers that are none: NaN and infinity are told where they come up, with their cause."""

from __future__ import annotations

from typing import Any

from moft.errors import BackboneError


def check_finite(values: Any, what: str, pipe: Any = None) -> None:
    """Raise BackboneError unless a tensor's numbers are all finite.

    what: they are, for the message. pipe: a pipeline whose weights may be the cause; they are read only then.
    """
    fine = values.isfinite()
    if fine.all():
        return
    got = f"expected finite numbers in {what}, got NaN or infinity in {int((~fine).sum())} of {fine.numel()}"
    weights = unsound_weights(pipe)
    if weights is not None:
        raise BackboneError(f"{got}: the weights {weights} hold such; get the file again")
    raise BackboneError(
        f"{got}; load the model in bfloat16 or float32 (float16 overflows), or ask for less: a smaller "
        "step_size, a lower guidance scale"
    )


def unsound_weights(pipe: Any) -> str | None:
    """The name of the first weights of a pipeline that are not all finite numbers; None if there are none."""
    for part, module in getattr(pipe, "components", {}).items():
        for name, weights in getattr(module, "named_parameters", dict)() or ():
            if weights.is_floating_point() and not weights.isfinite().all():
                return f"{part}.{name}"
    return None
