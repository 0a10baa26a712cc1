"""Which schedulers take up a change between their steps: every class of diffusers, against a closed form."""

from __future__ import annotations

import inspect
from typing import Any

import diffusers
import pytest
import torch
from doubles import KNOWN, LEFT, STEPS, double
from torch import Tensor

import moft
from moft.errors import BackboneError
from moft.models.attach import Between, between_steps
from moft.models.schedulers.carried import lost_steps
from moft.models.tap import Tap

NAMES = sorted(
    name
    for name in dir(diffusers)
    if name.endswith("Scheduler") and inspect.isclass(getattr(diffusers, name))
)
OTHERS = [
    ("PNDMScheduler", {"skip_prk_steps": True}),
    ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    ("DPMSolverMultistepScheduler", {"solver_order": 3}),
    ("DPMSolverSinglestepScheduler", {"solver_order": 1}),
    ("DPMSolverSinglestepScheduler", {"solver_order": 3}),
    ("DPMSolverSinglestepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    ("UniPCMultistepScheduler", {"prediction_type": "flow_prediction", "use_flow_sigmas": True}),
    ("UniPCMultistepScheduler", {"solver_order": 3}),
    ("FlowMatchEulerDiscreteScheduler", {"use_dynamic_shifting": True}),
    ("LCMScheduler", {"timestep_spacing": "trailing"}),
]
SERVED = {
    "DDIM",
    "EulerDiscrete",
    "EulerAncestralDiscrete",
    "DPMSolverMultistep",
    "UniPCMultistep",
    "LCM",
    "TCD",
}
SERVED |= {"FlowMatchEulerDiscrete", "CogVideoXDDIM", "CogVideoXDPM", "DDPM", "DEISMultistep", "LMSDiscrete"}
STAGED = {"HeunDiscrete", "KDPM2Discrete", "KDPM2AncestralDiscrete", "FlowMatchHeunDiscrete", "PNDM"}
STAGED |= {"DPMSolverSinglestep", "DPMSolverSDE"}


def built(name: str, config: dict[str, Any]) -> Any:
    options = {**config}
    kind = getattr(diffusers, name)
    if "clip_sample" in inspect.signature(kind).parameters:
        options["clip_sample"] = False
    try:
        return kind(**options)
    except (TypeError, ImportError) as error:  # wants a vocabulary, or torchsde
        pytest.skip(str(error))


class Push(Between):
    """Adds 1 to all latents before one step."""

    def __init__(self, pipe: Any, at: int) -> None:
        super().__init__(Tap(pipe))
        self.at = at

    def next(self, latents: Tensor, index: int, calls: list[Any]) -> Tensor:
        if index == self.at:
            self.tap.forget_last_sample()  # in the plain run too: a corrector left out is another way
        return latents + (index == self.at) * self.by

    by = 1.0


def reached(pipe: Any, at: int) -> float:
    """How far the end of a run is pushed, of what the exact way of a constant prediction would be: noise
    stays, so the clean latents are further by 1 over their share in the latents."""
    ends = []
    for by in (0.0, 1.0):
        push = Push(pipe, at)
        push.by = by
        with between_steps(push, by_callback=False):
            torch.manual_seed(0)
            ends.append(pipe().double())
    scheduler = pipe.scheduler
    grows = float(getattr(scheduler, "init_noise_sigma", 1.0)) > 1.01  # clean + σ · noise
    alphas = getattr(scheduler, "alphas_cumprod", None)
    flow = scheduler.config.get("prediction_type") == "flow_prediction" or alphas is None
    share = 1.0 if grows or flow else float(alphas[int(scheduler.timesteps[at])]) ** 0.5
    return float((ends[1] - ends[0]).mean()) * share


@pytest.mark.parametrize(("name", "config"), [*((name, {}) for name in NAMES), *OTHERS], ids=str)
def test_a_change_reaches_the_end_or_the_scheduler_is_refused_with_a_remedy(
    name: str, config: dict[str, Any]
):
    pipe = double(slope=0.0, scheduler=built(name, config))
    try:
        with moft.steer(pipe, LEFT, statistics=KNOWN, settings=moft.Settings(steps=(0, 1))) as run:
            pipe()
    except BackboneError as error:
        assert "use DDIM" in str(error) and "from_config" in str(error)
        assert name.removesuffix("Scheduler") not in SERVED
        return
    assert name.removesuffix("Scheduler") not in STAGED or config
    steps = [step["step"] for step in run.report.steps]
    assert len(set(steps)) == len(steps) >= STEPS - 3 and run.report.moved == len(steps)
    if any(other in name for other in ("EDM", "Cosine", "Inverse", "UnCLIP", "FlowMatchLCM", "AncestralRF")):
        return  # their latents mean something else, or get fresh noise; that they are moved is seen above
    for at in steps[::3]:
        assert 0.94 < reached(pipe, at) < 5, at


def test_a_strangers_scheduler_in_stages_is_refused_whatever_it_is_called():
    class Mine(diffusers.DDIMScheduler):
        """Starts every second step from the sample before the first."""

        def step(self, model_output: Tensor, timestep: Any, sample: Tensor, **options: Any) -> Any:
            index = int((self.timesteps == timestep).nonzero()[0])
            if index % 2 == 0:
                self.held = sample, model_output
                return super().step(model_output, timestep, sample, **options)
            before = self.timesteps[index - 1]
            first = super().step(self.held[1], before, self.held[0], return_dict=False)[0]
            return super().step(model_output, timestep, first, **options)

    with pytest.raises(BackboneError, match="Mine drops changes"):
        with moft.steer(double(scheduler=Mine(clip_sample=False)), LEFT, statistics=KNOWN):
            pass


def test_a_subclass_that_keeps_to_its_class_is_served():
    class Mine(diffusers.EulerDiscreteScheduler):
        pass

    assert not lost_steps(Mine())


def test_a_scheduler_that_cannot_be_tried_is_refused_with_the_reason():
    class Odd(diffusers.DDIMScheduler):
        def step(self, sample: Tensor, weather: str) -> Any:  # type: ignore[override]
            raise AssertionError

    with pytest.raises(BackboneError, match=r"cannot tell whether Odd .*weather.*use DDIM"):
        lost_steps(Odd())


def test_trying_a_scheduler_leaves_the_dice_and_the_scheduler_alone():
    scheduler = diffusers.EulerAncestralDiscreteScheduler(beta_start=0.0009)
    before, kept = torch.get_rng_state(), dict(vars(scheduler))
    lost_steps(scheduler)
    assert torch.equal(torch.get_rng_state(), before) and vars(scheduler).keys() == kept.keys()
    assert all(vars(scheduler)[name] is value for name, value in kept.items())


def test_pndm_is_guided_but_before_its_second_step_which_starts_from_the_sample_before_the_first():
    pipe = double(scheduler=diffusers.PNDMScheduler(skip_prk_steps=True))
    assert lost_steps(pipe.scheduler) == {1}
    with moft.steer(pipe, LEFT, statistics=KNOWN, settings=moft.Settings(steps=(0, 1))) as run:
        pipe(num_inference_steps=6)
    assert [step["step"] for step in run.report.steps] == [2, 3, 4, 5, 6]
