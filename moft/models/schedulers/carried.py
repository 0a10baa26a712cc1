"""Whether a scheduler takes up latents that were changed between two of its steps: tried, not looked up.

A scheduler that computes a step in stages, or from a sample that it kept, drops such a change or part of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from moft.errors import BackboneError

STEPS = 10  # of the trial: more than any scheduler's stages and order
LEAST, MOST = 0.95, 5.0  # of a change, that must reach the end; multistep schedulers extrapolate it
_ADVICE = (
    "use DDIM, Euler, DPM++ (multistep) or UniPC: "
    "pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)"
)
_UNCLIPPED = ("clip_sample", "clip_denoised", "thresholding")  # what would end a change for another reason
_SLOPES = {"sample": 0.5, "v_prediction": -0.5}  # the trial's prediction for latents, by its kind; else 0

_tried: dict[str, frozenset[int]] = {}


def forget_last_sample(scheduler: Any) -> None:
    """Let the next step start from latents that were changed: correctors (UniPC, SA) would restore those that
    were handed out."""
    if getattr(scheduler, "last_sample", None) is not None:
        scheduler.last_sample = None


def lost_steps(scheduler: Any) -> frozenset[int]:
    """Before which of its steps (1…, of a run's own) a change is lost: none, or the second (1) alone, which
    PNDM computes from the first one's sample.

    Raises BackboneError, with a remedy, for a scheduler that loses others, or that cannot be tried.
    """
    kind, config = type(scheduler), getattr(scheduler, "config", {})
    name, key = kind.__name__, f"{kind.__module__}.{kind.__qualname__} {sorted(config.items())!r}"
    if key not in _tried:
        try:
            shares = shares_carried(scheduler)
        except Exception as error:
            raise BackboneError(
                f"cannot tell whether {name} keeps changes made between its steps ({type(error).__name__}: "
                f"{error}); {_ADVICE}"
            ) from error
        _tried[key] = frozenset(i for i, share in shares.items() if not LEAST <= share <= MOST)
    lost = _tried[key]
    if lost - {1}:
        raise BackboneError(f"{name} drops changes made between its two stages, or a part of them; {_ADVICE}")
    return lost


def shares_carried(scheduler: Any) -> dict[int, float]:
    """For each step but the first, the share of a change made before it that reaches the end of a run, of
    what the same change reaches if it was there from the start. 1: carried; 0: lost.

    The trial is linear, so its latents are so many runs side by side, each changed before one step.
    """
    blank = torch.zeros(1, 1, 1, 1, STEPS, dtype=torch.float64)
    count = len(_states(scheduler, blank, {})) - 1  # schedules in stages have more steps than were asked for
    blank = blank[..., :1].repeat(1, 1, 1, 1, count)
    plain = _states(scheduler, blank, {})
    along = _states(scheduler, blank + 1e-3, {}) - plain
    changes = {i: along[i] * (torch.arange(count) == i) for i in range(1, count)}
    found = (_states(scheduler, blank, changes) - plain)[-1] / along[-1]
    if not found.isfinite().all():
        raise ValueError("not a finite number in its trial")
    return dict(enumerate(found.flatten().tolist()[1:], 1))


def _states(scheduler: Any, start: Tensor, changes: Mapping[int, Tensor]) -> Tensor:
    """The latents before each step of a run of a scheduler like this one and behind the last (n+1 …), each
    changed by so much."""
    config = {name: False for name in _UNCLIPPED if scheduler.config.get(name)}
    own = type(scheduler).from_config(scheduler.config, **config)
    shifted = {"mu": 1.0} if own.config.get("use_dynamic_shifting") else {}
    own.set_timesteps(STEPS, **shifted)
    takes, slope = inspect.signature(own.step).parameters, _SLOPES.get(own.config.get("prediction_type"), 0.0)
    told: dict[str, Any] = {"generator": torch.Generator().manual_seed(0), "return_dict": False}
    told |= {
        "old_pred_original_sample": None,
        "timestep_back": None,
    }  # CogVideoX's DPM is told by its pipeline
    x, states = start, [start]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # for those that take no generator
        for index, timestep in enumerate(own.timesteps):
            if index:
                forget_last_sample(own)
                x = states[-1] = x + changes.get(index, 0)
            scaled = own.scale_model_input(x, timestep) if hasattr(own, "scale_model_input") else x
            told |= {"model_output": slope * scaled, "timestep": timestep, "sample": x}
            output = own.step(**{name: value for name, value in told.items() if name in takes})
            x = output[0]
            told |= {"old_pred_original_sample": output[-1], "timestep_back": timestep}
            states.append(x)
    return torch.stack(states)
