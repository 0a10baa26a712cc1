"""Where memory ends or float16 overflows, a gradient is taken again, the same; and it is told."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

import moft
from moft.errors import BackboneError
from moft.memory import enough_memory, is_out_of_memory
from moft.models.tap import Tap
from moft.steering.descent import Gradients
from moft.steering.told import Report

ALLOCATOR = (
    "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"
)
ENDS = [
    MemoryError(),
    RuntimeError(ALLOCATOR),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
]


def sample(pipe: Any, clips: int = 1, **kwargs: Any) -> torch.Tensor:
    size = dict(num_frames=4, height=32, width=32, num_inference_steps=6)
    generator = torch.Generator().manual_seed(0)
    return pipe(["a ball"] * clips, generator=generator, output_type="latent", **{**size, **kwargs}).frames


@pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
def test_memory_that_ends_is_told_from_other_errors(error: Exception) -> None:
    assert is_out_of_memory(error)
    with pytest.raises(BackboneError, match="out of memory while reading; buy more"):
        with enough_memory("reading", "buy more"):
            raise error


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("out of memory"), KeyError("x")])
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)), enough_memory("reading", "buy more"):
        raise error


@contextmanager
def short_of_memory(enough: Callable[[], bool], error: Exception) -> Iterator[None]:
    """Inside, every gradient ends with the error unless it is taken in a way that is enough."""
    usual = Gradients.of

    def of(self: Gradients, *args: Any) -> Any:
        if not enough(*args):
            raise error
        return usual(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gradients, "of", of)
        yield


def steered(pipe: Any, statistics: Any, clips: int = 1, **settings: Any) -> tuple[torch.Tensor, Any]:
    chosen = moft.Settings(steps=(0.17, 0.67), **settings)
    with (
        warnings.catch_warnings(),
        moft.steer(pipe, moft.Motion("left"), statistics=statistics, settings=chosen) as run,
    ):
        warnings.simplefilter("ignore")
        return sample(pipe, clips), run.report


def saves(_objectives: Any, look: Any) -> bool:
    """Whether layers are computed again in the backward pass."""
    denoiser, *parts = look.tap.denoiser.modules()  # the first is wrapped when fused
    return any("forward" in vars(module) for module in parts)


def by_clips(_objectives: Any, look: Any) -> bool:
    return type(look).__name__ == "ByClips"


@pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
def test_the_first_rung_saves_memory_and_comes_to_the_same(
    tiny_animatediff: Any, tiny_statistics: Any, error: Exception
) -> None:
    usual, before = steered(tiny_animatediff, tiny_statistics)
    with short_of_memory(saves, error):
        found, report = steered(tiny_animatediff, tiny_statistics)
    torch.testing.assert_close(found, usual)
    assert report.memory == "with save_memory" and before.memory is None
    assert len(report.steps) == len(before.steps) and not report.skipped


def test_the_second_rung_takes_clip_by_clip_and_comes_to_the_same(
    tiny_animatediff: Any, tiny_statistics: Any
) -> None:
    usual, _ = steered(tiny_animatediff, tiny_statistics, clips=3)
    with short_of_memory(by_clips, MemoryError()):
        found, report = steered(tiny_animatediff, tiny_statistics, clips=3)
    assert len(usual) == 3 and report.memory == "clip by clip"
    torch.testing.assert_close(found, usual, atol=1e-4, rtol=1e-4)


def test_behind_the_last_rung_is_one_error_and_the_pipeline_as_it_was(
    tiny_animatediff: Any, tiny_statistics: Any
) -> None:
    plain = sample(tiny_animatediff)
    with short_of_memory(lambda *_: False, MemoryError()), pytest.raises(BackboneError, match="fewer frames"):
        steered(tiny_animatediff, tiny_statistics, clips=2)
    assert torch.equal(sample(tiny_animatediff), plain)


def test_fused_gradients_save_memory_too(tiny_animatediff: Any, tiny_statistics: Any) -> None:
    usual, _ = steered(tiny_animatediff, tiny_statistics, fused=True)
    with short_of_memory(saves, MemoryError()):
        found, report = steered(tiny_animatediff, tiny_statistics, fused=True)
    torch.testing.assert_close(found, usual)
    assert report.memory == "with save_memory"


def test_no_rung_is_left_out_of_a_run_that_needs_none(tiny_animatediff: Any, tiny_statistics: Any) -> None:
    _, report = steered(tiny_animatediff, tiny_statistics, save_memory=True)
    assert report.memory is None and report.overflows == 0 and report.loss_scale is None


# ---------------------------------------------------------------- float16 overflows


class Half:
    """A look whose gradient is three times the loss's, in float16: it overflows above a scale of 21,840."""

    def __init__(self, slope: float = 3.0) -> None:
        self.latents = torch.ones(1, 1, 1, 1, 1, requires_grad=True)
        self.value = (self.latents.half() * slope).float().sum()
        self.tap = type("T", (), {"denoiser": type("D", (), {"dtype": torch.float16})})


class Asked:
    strength, region, layer = 1.0, None, "x"

    def loss(self, look: Half) -> torch.Tensor:
        return look.value


def taken(scale: float, slope: float = 3.0) -> tuple[Any, Report]:
    report = Report()
    gradients = Gradients(scale, report)
    found = gradients.of([Asked()], Half(slope))
    while gradients.again:
        found = gradients.of([Asked()], Half(slope))
    return found, report


@pytest.mark.parametrize(("scale", "halved"), [(2.0**14, 0), (2.0**15, 1), (2.0**16, 2), (2.0**20, 6)])
def test_an_overflow_backs_off_and_says_so(scale: float, halved: int) -> None:
    (loss, gradient), report = taken(scale)
    assert loss == 3 and float(gradient) == 3 and report.overflows == halved
    assert report.loss_scale == (2.0**14 if halved else None)


def test_the_lowered_scale_stays() -> None:
    report = Report()
    gradients = Gradients(2.0**16, report)
    for expected in (None, None, 3.0, 3.0):
        found = gradients.of([Asked()], Half())[1]
        assert (found is None) if expected is None else float(found) == expected


def test_a_loss_that_is_no_number_is_not_tried_again() -> None:
    with pytest.warns(RuntimeWarning, match="not finite"):
        (_, gradient), report = taken(2.0**16, slope=float("nan"))
    assert gradient is None and report.overflows == 0


# ---------------------------------------------------------------- numbers that are none


@contextmanager
def spoilt(weights: torch.Tensor, value: float) -> Iterator[None]:
    """Inside, one of the weights is no number."""
    kept = weights.detach().clone()
    with torch.no_grad():
        weights.view(-1)[0] = value
        try:
            yield
        finally:
            weights.copy_(kept)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(
    tiny_animatediff: Any, tiny_statistics: Any, value: float
) -> None:
    name, weights = next(iter(tiny_animatediff.unet.named_parameters()))
    with spoilt(weights, value):
        for block in (lambda: steered(tiny_animatediff, tiny_statistics), lambda: recorded(tiny_animatediff)):
            with pytest.raises(BackboneError, match=f"latents before step 1.*weights unet.{name}"):
                block()


def recorded(pipe: Any) -> None:
    with moft.record(pipe):
        sample(pipe)


def test_a_clip_read_by_a_spoilt_model_is_refused(tiny_animatediff: Any, tiny_statistics: Any) -> None:
    import numpy as np

    clip = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), np.uint8)
    for part in ("unet", "vae"):
        name, weights = next(iter(getattr(tiny_animatediff, part).named_parameters()))
        with spoilt(weights, float("nan")), pytest.raises(BackboneError, match=f"weights {part}.{name}"):
            moft.from_clip(tiny_animatediff, clip, statistics=tiny_statistics)


@pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
def test_memory_that_ends_while_a_clip_is_read_or_inverted_is_one_error(
    tiny_animatediff: Any, tiny_statistics: Any, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    def ends(*_: Any, **__: Any) -> Any:
        raise error

    clip = np.zeros((4, 32, 32, 3), np.uint8)
    monkeypatch.setattr(Tap, "first_call", ends)
    with pytest.raises(BackboneError, match="out of memory while reading a clip; use a shorter clip"):
        moft.from_clip(tiny_animatediff, clip, statistics=tiny_statistics)
    with pytest.raises(BackboneError, match="out of memory while inverting a clip"):
        moft.invert(tiny_animatediff, clip, steps=4)
