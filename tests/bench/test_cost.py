"""What `moft bench cost` compares: the release's gradient is ours, at more work; and what is counted."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import moft
from moft.bench.costs import cost, scheme
from moft.diagnosis import counting
from moft.request.motion import Motion

SHORT = cost.Clip(steps=5, guided=1)


@pytest.fixture
def pipe(tiny_animatediff: Any, tiny_statistics: moft.Statistics, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The tiny pipeline, its runs as short as they can be."""
    monkeypatch.setattr(cost, "WHOLE", SHORT)
    monkeypatch.setattr(scheme, "find_statistics", lambda pipe: tiny_statistics)
    monkeypatch.setattr("moft.steering.entry.find_statistics", lambda pipe: tiny_statistics)
    return tiny_animatediff


def latents(pipe: Any, attach: Any) -> torch.Tensor:
    with attach as run:
        found: torch.Tensor = pipe(
            "a ball",
            num_frames=8,
            height=64,
            width=64,
            num_inference_steps=5,
            output_type="latent",
            generator=torch.Generator().manual_seed(0),
        ).frames
    assert run.report.steps
    return found


def test_the_releases_way_ends_in_the_latents_that_ours_ends_in(pipe: Any) -> None:
    ours = latents(pipe, moft.steer(pipe, Motion("left"), settings=SHORT.settings))
    torch.testing.assert_close(
        latents(pipe, cost.release(pipe, Motion("left"), SHORT.settings)), ours, atol=1e-3, rtol=1e-3
    )


def test_the_releases_way_leaves_no_gradients_behind(pipe: Any) -> None:
    latents(pipe, cost.release(pipe, Motion("left"), SHORT.settings))
    assert all(p.grad is None and p.requires_grad for p in pipe.unet.parameters())


def test_every_way_costs_more_than_a_plain_run_and_the_releases_most(pipe: Any) -> None:
    found = cost.measure(pipe, quick=True)["cost"]
    flops = {name: value["flops"] for name, value in found.items()}
    assert (
        1 < flops["shared_kv"] < flops["steered"]
    )  # no gradient goes back through keys and values that are given
    assert 1 < flops["fused"] < flops["steered"] < flops["release"]
    assert found["steered"]["memory"] < found["release"]["memory"]
    assert all(value["seconds"] > 0 for value in found.values())


def test_what_a_short_run_tells_of_a_longer_one_is_so(pipe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All guided steps are alike; the text encoder's share is small."""
    clip = cost.Clip(output="latent", steps=4, guided=2)
    monkeypatch.setattr(cost, "WHOLE", clip)
    short, long = (cost.over_plain(pipe, one) for one in (cost.SHORT, clip))
    assert short["flops"] == pytest.approx(long["flops"], abs=0.02)
    assert short["memory"] == pytest.approx(long["memory"], rel=0.01)


def test_flops_of_a_product_of_matrices_are_two_for_each_pair() -> None:
    assert counting.flops(lambda: torch.ones(3, 5) @ torch.ones(5, 7)) == 2 * 3 * 5 * 7


def test_memory_is_what_was_alive_at_once() -> None:
    def run() -> None:
        for _ in range(3):
            torch.ones(1000)  # 4000 bytes, gone before the next

    assert counting.memory(run) == 4000
    assert counting.memory(lambda: [torch.ones(1000) for _ in range(3)]) == 12000
