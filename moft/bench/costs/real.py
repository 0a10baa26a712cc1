"""What steering costs on each family at its real size: FLOPs and peak memory, counted, not run.

The denoisers have their published sizes and no weights: tensors without data pass through them, so that a
laptop can count what a data centre would compute. FLOPs: the whole run's denoising, 9 guided steps, 2
gradients each, over plain sampling; attention included. Memory: weights and activations in bfloat16 with
fused attention, the gradient's step over the plain step, without and with `Settings.save_memory`. Text
encoders and VAEs count in neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from moft.bench.costs import cost
from moft.bench.costs.published import MODELS, Published
from moft.diagnosis import counting
from moft.diagnosis.steps import gradient, nothing_masked, of_type, plain
from moft.models.families import FAMILIES
from moft.models.families.family import default_layer
from moft.models.hooks import checkpointed
from moft.steering.objective import UPDATES


def count(real: Published) -> dict[str, Any]:
    """Of one model: its layer, its steps, and the ratios."""
    family = next(f for f in FAMILIES if f.name == real.family)
    with FakeTensorMode():
        layer = default_layer(family, real.denoiser())
    return {
        "model": real.model,
        "family": real.family,
        "layer": layer,
        "steps": real.steps,
        "flops": flops(real, family, layer),
        **memory(real, family, layer),
    }


def flops(real: Published, family: Any, layer: str) -> float:
    """FLOPs of a steered run over a plain one."""
    with FakeTensorMode():
        model = real.denoiser().eval()
        base = counting.flops(lambda: plain(model, real.call(real.branches)))
        more = counting.flops(lambda: gradient(model, real.call(1), family, layer))
    return 1 + cost.WHOLE.guided * UPDATES * more / (real.steps * base)


def memory(real: Published, family: Any, layer: str) -> dict[str, float]:
    """Peak memory of a plain step, GB, and a gradient's over it, as it is and with `Settings.save_memory`."""
    with of_type(torch.bfloat16), FakeTensorMode():
        model = real.denoiser().eval()
        weights = sum(p.nbytes for p in model.parameters())
        before = weights + counting.memory(lambda: plain(model, real.call(real.branches)))
        free = weights + counting.memory(lambda: gradient(model, real.call(1), family, layer))
        with checkpointed(model, family.segments, layer):
            saving = weights + counting.memory(lambda: gradient(model, real.call(1), family, layer))
    return {
        "weights_gb": weights / 2**30,
        "plain_gb": before / 2**30,
        "memory": free / before,
        "memory_saving": saving / before,
    }


def real_costs(say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Every model of `MODELS`: FLOPs and memory as ratios to plain sampling, numbers rounded."""
    rows = []
    with nothing_masked():
        for real in MODELS:
            say(real.model)
            rows.append({k: round(v, 3) if isinstance(v, float) else v for k, v in count(real).items()})
    return rows
