"""A program of its own, with no pipeline and no scheduler, is read and steered through `Host` alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import moft
from moft.errors import BackboneError
from moft.feature.read import noised_features
from moft.models.families import Family
from moft.models.host import Host
from moft.models.parametrisation import Parametrisation
from moft.models.tap import Tap
from moft.steering.recording import record
from moft.types import ClipSize

CHANNELS, SIDE, FRAMES, STEPS = 4, 8, 5, 6


class Network(nn.Module):
    """Predicts a flow; frames before channels, as no family of diffusers' transformers has its blocks."""

    config: dict[str, Any] = {}
    dtype = torch.float32

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Conv3d(CHANNELS, CHANNELS, 3, padding=1) for _ in range(3))

    def forward(self, x: Tensor, timestep: Tensor, words: Tensor) -> tuple[Tensor]:
        for block in self.blocks:
            x = x + torch.tanh(block(x) + words[:, :, None, None, None])
        return (x * (1 - timestep / 1000).reshape(-1, 1, 1, 1, 1),)


class Program(Host):
    """Samples by steps of Euler along the flow, guided by words, in a loop that knows nothing of moft."""

    family = Family(
        name="Program",
        pipelines={},
        denoiser="Network",
        attribute="network",
        features={"": "b c f h w"},
        layer="blocks.*",
        kv_sites="none",
        batched=("words",),
        latents="x",
    )
    pixels_per_cell = 2
    device = torch.device("cpu")
    starts_from_image = False
    parametrisation = Parametrisation()  # flow
    timesteps = torch.linspace(1000, 0, STEPS + 1)[:-1]

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = Network()
        self.change: Callable[[Tensor, Any], Tensor] | None = None
        self.forgotten = 0

    @property
    def denoisers(self) -> list[nn.Module]:
        return [self.network]

    def at_work(self, timestep: float) -> Any:
        return self.network

    def encode(self, video: Tensor) -> Tensor:
        small = nn.functional.avg_pool2d(video.flatten(0, 1), self.pixels_per_cell).unflatten(
            0, video.shape[:2]
        )
        return torch.cat([small, small.mean(2, keepdim=True)], 2).transpose(1, 2)

    def scaled(self, latents: Tensor, timestep: Tensor | int) -> Tensor:
        return latents

    def forget_last_sample(self) -> None:
        self.forgotten += 1

    def ddim(self, steps: int) -> tuple[float, list[tuple[int, float]]]:
        raise BackboneError("expected DDIM, got Euler")

    def run(self, prompt: list[str], latents: Tensor, images: Any = None, *, steps: int) -> Tensor:
        return self.sample(latents, guidance=1.0)

    @contextmanager
    def between_steps(self, change: Callable[[Tensor, Any], Tensor], by_callback: bool) -> Iterator[None]:
        self.change = change
        try:
            yield
        finally:
            self.change = None

    @torch.no_grad()
    def sample(self, x: Tensor, guidance: float = 3.0) -> Tensor:
        words = (
            torch.stack([torch.zeros(CHANNELS), torch.ones(CHANNELS)])
            if guidance > 1
            else torch.ones(1, CHANNELS)
        )
        for t in self.timesteps:
            flow = self.network(x.repeat(len(words), 1, 1, 1, 1), t.reshape(1), words)[0]
            flow = flow[:1] + guidance * (flow[1:] - flow[:1]) if guidance > 1 else flow
            x = x - flow / STEPS
            x = self.change(x, t) if self.change else x
        return x


@pytest.fixture
def program() -> Program:
    return Program()


def start() -> Tensor:
    return torch.randn(1, CHANNELS, FRAMES, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def test_its_features_are_what_its_layer_puts_out(program: Program) -> None:
    tap = Tap(program)
    assert tap.layer == "blocks.1" and tap.clip_size(start()) == ClipSize(FRAMES, 2 * SIDE, 2 * SIDE)
    call = tap.first_call([""], start())
    seen: list[Tensor] = []
    with torch.no_grad(), program.network.blocks[1].register_forward_hook(lambda *a: seen.append(a[2])):
        program.network(**call)
    assert torch.equal(tap.features_of(start(), 1000.0, call), seen[0].transpose(1, 2))
    video = np.random.default_rng(0).integers(0, 255, (2, FRAMES, 2 * SIDE, 2 * SIDE, 3), np.uint8)
    assert noised_features(tap, video, 300).shape == (2, FRAMES, CHANNELS, SIDE, SIDE)


@pytest.mark.parametrize("fused", [False, True])
def test_it_is_steered_and_left_as_found(program: Program, fused: bool) -> None:
    bound = torch.ones(2)
    known = moft.Statistics(torch.tensor([0, 2]), torch.eye(2), -bound, bound, "blocks.1", 300, "Program")
    plain = program.sample(start())
    settings = moft.Settings(steps=(0.17, 0.67), step_size=0.05, loss="position", fused=fused)
    with moft.steer(program, moft.Motion("left"), statistics=known, settings=settings) as run:
        steered = program.sample(start())
    losses = [step["losses"] for step in run.report.steps]
    assert [step["step"] for step in run.report.steps] == [1, 2, 3] and losses[-1][-1] < losses[0][0]
    assert not torch.equal(plain, steered)
    # Fused, noise goes along behind the first step, before a call yields a gradient.
    assert program.forgotten == 3 + fused
    assert torch.equal(program.sample(start()), plain)


def test_its_run_is_recorded(program: Program) -> None:
    with record(program) as recording:
        last = program.sample(start())
    assert torch.equal(recording.latents[STEPS], last) and len(recording.latents) == STEPS
