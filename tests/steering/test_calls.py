"""Every call in a block gives what it gives alone, whatever was called before it."""

from __future__ import annotations

import functools
import warnings
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from doubles import KNOWN, LEFT, UNetMotionModel, double, everything_about
from torch import Tensor

import moft
from moft.errors import BackboneError, RequestError
from moft.models.attach import Between, between_steps
from moft.models.hooks import frozen
from moft.models.tap import Tap
from moft.steering.objective import Objective

warnings.simplefilter("ignore", moft.SteeringWarning)
BOX = moft.Motion("left", speed="8px", region="box:0,0,32,64")
CORNER = np.pad(np.ones((3, 3), np.float32), ((0, 5), (5, 0)))
BLOCKS: dict[str, dict[str, Any]] = {
    "gradients": {},
    "momentum": {"settings": moft.Settings(rule="adam")},
    "in passing": {"settings": moft.Settings(fused=True, steps=(0, 1))},
    "a box": {"requests": (BOX,)},
    "two places": {"requests": (BOX, moft.Motion("up", speed="8px", region="rest"))},
    "a mask": {"regions": [CORNER]},
    "stillness": {"requests": (moft.Motion("still"),)},
    "a drag": {"requests": (moft.Drag([[(20, 32), (34, 32)]]),)},
}
CALLS: dict[str, dict[str, Any]] = {
    "the same": {},
    "wider": {"side": 12},
    "longer": {"frames": 6},
    "more steps": {"num_inference_steps": 17},
    "few steps": {"num_inference_steps": 3},
    "a batch": {"batch": 2},
    "the end of a schedule": {"num_inference_steps": 20, "strength": 0.5},
    "other noise": {"seed": 5},
}


@contextmanager
def block(pipe: Any, name: str, **options: Any) -> Any:
    options = {"requests": (LEFT,), **BLOCKS[name], **options}
    requests = options.pop("requests")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", moft.SteeringWarning)
        with moft.steer(pipe, *requests, statistics=KNOWN, **options) as run:
            yield run


def alone(name: str, **call: Any) -> tuple[Tensor, Any]:
    pipe = double()
    with block(pipe, name) as run:
        found = pipe(**call)
    return found, run.reports[0]


@pytest.mark.parametrize("name", BLOCKS)
def test_calls_of_a_block_are_each_as_alone(name: str):
    pipe, wanted = double(), {call: alone(name, **options) for call, options in CALLS.items()}
    with block(pipe, name) as run:
        found = {call: pipe(**options) for call, options in CALLS.items()}
        again = pipe()
    for number, call in enumerate(CALLS):
        assert torch.equal(found[call], wanted[call][0]), call
        one, other = run.reports[number], wanted[call][1]
        assert (one.steps, one.made, one.moved, one.skipped) == (
            (other.steps, other.made, other.moved, other.skipped)
        ), call
    assert torch.equal(again, found["the same"]) and len(run.reports) == len(CALLS) + 1
    assert run.report.steps == [step for one in run.reports for step in one.steps]


class Midway(Exception):
    """What no part of moft knows."""


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("at", [0, 1, 4, 7])
def test_a_call_that_fails_midway_leaves_nothing_for_the_next(name: str, at: int):
    pipe, wanted = double(), alone(name, side=12)[0]

    def fail(_module: Any, _args: Any) -> None:
        seen.append(1)
        if len(seen) > at:
            raise Midway

    with block(pipe, name):
        seen: list[int] = []
        handle = pipe.unet.register_forward_pre_hook(fail)
        with pytest.raises(Midway):
            pipe(frames=6)
        handle.remove()
        assert torch.equal(pipe(side=12), wanted)


def test_by_callback_each_call_is_as_alone_too():
    pipe = double()
    with block(pipe, "a box", by_callback=True) as run:
        found = [pipe(callback_on_step_end=run.callback, **options) for options in CALLS.values()]
    for clip, options in zip(found, CALLS.values(), strict=True):
        assert torch.equal(clip, alone("a box", **options)[0])


def test_what_is_recorded_is_the_last_call():
    pipe = double()
    with moft.record(pipe) as recording:
        pipe(num_inference_steps=12)
        last = pipe(num_inference_steps=6, seed=3)
    with moft.record(pipe) as single:
        pipe(num_inference_steps=6, seed=3)
    assert recording.latents.keys() == single.latents.keys() == set(range(1, 7))
    assert all(torch.equal(recording.latents[i], single.latents[i]) for i in range(1, 7))
    assert torch.equal(recording.latents[6], last)


@pytest.mark.parametrize("settings", [moft.Settings(), moft.Settings(carry=0.5)], ids=["kept", "carried"])
def test_what_is_kept_or_carried_is_alike_in_each_call(settings: moft.Settings):
    pipe = double()
    with moft.record(pipe) as plain:
        pipe()
    found = []
    with block(pipe, "a box", settings=settings, plain=plain):
        found.append(pipe())
        with pytest.raises(RequestError, match="another seed"):
            pipe(seed=4)
        found.append(pipe())
    with block(double(), "a box", settings=settings, plain=plain) as run:
        single = run.tap.pipe()
    assert torch.equal(found[0], single) and torch.equal(found[1], single)


def test_reading_a_clip_inside_a_block_is_not_a_call_of_it():
    pipe, wanted = double(), alone("gradients")[0]
    with block(pipe, "gradients"), moft.record(pipe) as recording:
        first = pipe()
        kept = dict(recording.latents)
        tap = Tap(pipe)
        made = {"sample": first, "timestep": torch.tensor(5), "encoder_hidden_states": torch.ones(1, 1, 2)}
        call = tap.conditional([made], 1)
        tap.features_of(first, 500.0, call)
        assert recording.latents == kept
        assert torch.equal(pipe(), first) and torch.equal(first, wanted)


# ---------------------------------------------------------------- blocks within blocks


def test_a_second_block_on_a_pipeline_is_refused_and_the_first_goes_on():
    pipe, wanted = double(), alone("gradients")[0]
    other = double(scheduler=pipe.scheduler)  # another pipeline, but not another scheduler
    with block(pipe, "gradients"):
        for second in (pipe, other):
            with pytest.raises(BackboneError, match="being steered already.*scheduler of its own"):
                with moft.steer(second, LEFT, statistics=KNOWN):
                    pytest.fail("entered")
        assert torch.equal(pipe(), wanted)
    assert everything_about(pipe) == everything_about(double())
    with block(pipe, "gradients"):
        assert torch.equal(pipe(), wanted)


class Seen(Between):
    """Looks on."""

    def __init__(self, pipe: Any) -> None:
        super().__init__(Tap(pipe))
        self.found: list[Tensor] = []

    def next(self, latents: Tensor, index: int, calls: list[Any]) -> Tensor:
        self.found.append(latents.clone())
        return latents


@pytest.mark.parametrize("order", ["last first", "first first"])
def test_whatever_is_around_a_pipeline_goes_in_any_order(order: str):
    pipe = double()
    before, plain = everything_about(pipe), pipe()
    blocks = [between_steps(Seen(pipe), False), moft.record(pipe), moft.steer(pipe, LEFT, statistics=KNOWN)]
    blocks.append(between_steps(Seen(pipe), False))
    for one in blocks:
        one.__enter__()
    steered = pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one in reversed(blocks) if order == "last first" else blocks:
            one.__exit__(None, None, None)
    assert everything_about(pipe) == before and torch.equal(pipe(), plain) and not torch.equal(steered, plain)


def test_a_step_that_another_program_put_there_inside_the_block_stays():
    pipe = double()
    with block(pipe, "gradients"):
        ours = pipe.scheduler.step
        pipe.scheduler.step = theirs = functools.wraps(ours)(lambda *args, **kwargs: ours(*args, **kwargs))
        steered = pipe()
    assert pipe.scheduler.step is theirs and torch.equal(steered, alone("gradients")[0])
    assert torch.equal(pipe(), double()())  # and nothing of ours is in it


def test_parameters_ask_again_after_the_last_of_several_blocks():
    net = UNetMotionModel()
    asked = [True, False] * 3
    for p, asks in zip(net.parameters(), asked, strict=True):
        p.requires_grad_(asks)
    one, two = frozen(net), frozen(net)
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    assert not any(p.requires_grad for p in net.parameters())
    two.__exit__(None, None, None)
    assert [p.requires_grad for p in net.parameters()] == asked


def test_it_is_an_objective_of_ones_own_that_is_told_of_by_name():
    class Nothing(Objective):
        def loss(self, look: Any) -> Tensor:
            return torch.zeros(())

    with pytest.raises(BackboneError, match="no gradient comes from 'up_blocks.1'"):
        with moft.steer(double(), Nothing("up_blocks.1", 300)) as run:
            run.tap.pipe()
