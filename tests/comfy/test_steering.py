"""Nodes steer and look into a pipeline, in the inference mode in which ComfyUI runs them."""

from __future__ import annotations

import operator
import sys
import types
from typing import Any

import numpy as np
import pytest
import torch

import moft

STEPS = 4


@pytest.fixture(scope="module")
def model(tiny_animatediff: Any, tiny_statistics: moft.Statistics) -> moft.Model:
    return moft.Model(tiny_animatediff, given=tiny_statistics)


@pytest.fixture(scope="module")
def steered(call: Any, model: moft.Model) -> tuple[Any, ...]:
    """What Steer Video gives under inference mode."""
    with torch.inference_mode():
        (motion,) = call("MoftMotionFromDirection", speed="1px")
        return call("MoftSteer", model=model, motion=motion, prompt="red", seed=3, steps=STEPS)


def test_frames_are_those_of_a_run_bit_for_bit(steered: tuple[Any, ...], model: moft.Model) -> None:
    images, plain, fps, run, report = steered
    scene = moft.Scene("red", size=moft.ClipSize(8, 64, 64), seed=3, steps=STEPS)
    wanted = moft.run(model, moft.Job(scene, (moft.Motion("left", speed="1px"),)))
    assert np.array_equal((images * 255).round().numpy(), wanted.steered)
    assert np.array_equal((plain * 255).round().numpy(), wanted.plain)
    assert not torch.equal(images, plain) and run.best.report.steps  # gradients were taken
    assert fps == model.fps and report.startswith("asked:") and "files" not in report


def test_plain_and_steered_are_shown(steered: tuple[Any, ...], call: Any) -> None:
    (shown,) = call("MoftVisualizeRun", run=steered[3])
    assert np.array_equal((shown * 255).round().numpy(), steered[3].comparison())


def test_settings_and_pictures_reach_the_run(call: Any, model: moft.Model) -> None:
    (motion,) = call("MoftMotionFromDirection", speed="1px")
    (settings,) = call("MoftSettings", gradient_steps=1, step_size=0.0)
    given = dict(model=model, motion=motion, prompt="red", steps=STEPS, settings=settings)
    images, plain, *_ = call("MoftSteer", **given)
    assert torch.equal(images, plain)  # zero step size is plain sampling
    with pytest.raises(moft.RequestError, match="image"):
        call("MoftSteer", **given, image=torch.rand(1, 64, 64, 3))


def test_the_bar_moves_and_what_it_raises_ends_the_run(
    call: Any, model: moft.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[tuple[int, int]]()

    class Cancel(Exception):
        pass

    class ProgressBar:
        def __init__(self, total: int) -> None:
            pass

        def update_absolute(self, done: int, total: int) -> None:
            told.append((done, total))
            if done == STEPS + 2:
                raise Cancel

    utils = types.ModuleType("comfy.utils")
    utils.ProgressBar = ProgressBar  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "comfy.utils", utils)
    (motion,) = call("MoftMotionFromDirection", speed="1px")
    with pytest.raises(Cancel):
        call("MoftSteer", model=model, motion=motion, prompt="red", steps=STEPS)
    assert told == [(i, 2 * STEPS) for i in range(1, STEPS + 3)]


def test_a_pipeline_of_another_node_is_taken(call: Any, nodes: Any, tiny_animatediff: Any) -> None:
    (model,) = call("MoftUsePipeline", pipeline=tiny_animatediff)
    assert model.pipe is tiny_animatediff
    sort, _ = nodes.NODE_CLASS_MAPPINGS["MoftUsePipeline"].INPUT_TYPES()["required"]["pipeline"]
    assert not operator.ne("DIFFUSERS_PIPELINE", sort) and not operator.ne(sort, "PIPE")  # as ComfyUI asks
    with pytest.raises(moft.BackboneError):
        call("MoftUsePipeline", pipeline=object())


def test_a_pipeline_loaded_in_inference_mode_is_refused_with_what_to_do(call: Any, tiny_folder: Any) -> None:
    from diffusers import AnimateDiffPipeline

    with torch.inference_mode():
        pipe = AnimateDiffPipeline.from_pretrained(tiny_folder, local_files_only=True)
        with pytest.raises(moft.BackboneError, match=r"torch.inference_mode\(False\)"):
            call("MoftUsePipeline", pipeline=pipe)
        (model,) = call("MoftLoadPipeline", name=str(tiny_folder))
    assert not any(p.is_inference() for p in model.pipe.unet.parameters())


def test_a_heat_map_is_a_mask_and_is_shown(call: Any, model: moft.Model, steered: tuple[Any, ...]) -> None:
    with torch.inference_mode():
        found, mask = call("MoftHeatMap", model=model, clip=steered[1], x=20, y=30)
    assert found.point == (20, 30, 0) and mask.shape == (8, 64, 64)
    assert mask.min() >= 0 and 0 < mask.max() <= 1
    (shown,) = call("MoftVisualizeHeatMap", heat_map=found)
    assert len(shown) == 8 and np.ptp(shown.numpy()) > 0.5
    with pytest.raises(moft.RequestError, match="point"):
        call("MoftHeatMap", model=model, clip=steered[1], x=64, y=0)
