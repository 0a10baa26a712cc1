"""Other systems' objectives: what they read, and that each pulls its own loss down and leaves no trace."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from steered import everything_about, statistics_of
from tiny import tiny

from moft.bench.task import Task
from moft.bench.ways.beside import PEERS, TUNING, WAYS, step_size
from moft.bench.ways.peers import (
    CleanDifferences,
    FirstFrameFeatures,
    Peer,
    SpaceTimeMeans,
    TemporalAttention,
)
from moft.bench.ways.tuning import STEP_SIZES, table, trials
from moft.errors import BackboneError, RequestError
from moft.known.pans import pan
from moft.models.tap import Tap
from moft.request.motion import Motion
from moft.steering.descent import Gradients
from moft.steering.objective import Look
from moft.steering.settings import Settings
from moft.steering.told import Report
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)
SMALL = Settings(step_size=0.002, gradient_steps=3)
LOSSES = {
    "smm": SpaceTimeMeans,
    "motionclone": TemporalAttention,
    "sg_i2v": FirstFrameFeatures,
    "flowmotion": CleanDifferences,
}


@pytest.fixture(scope="module")
def pipe(tiny_folder: Path) -> Any:
    from diffusers import DiffusionPipeline

    found = DiffusionPipeline.from_pretrained(tiny_folder, local_files_only=True)
    found.set_progress_bar_config(disable=True)
    return found


@pytest.fixture(scope="module")
def task() -> Task:
    photo = np.random.default_rng(0).integers(0, 255, (160, 160, 3), np.uint8)
    motion = Motion("right", speed="2px")
    return Task("right", motion, pan(photo, motion, SIZE), ("green cells",), 0)


def sample(pipe: Any, **kwargs: Any) -> torch.Tensor:
    size = dict(num_frames=8, height=64, width=64, num_inference_steps=10)
    generator = torch.Generator().manual_seed(0)
    return pipe("green cells", generator=generator, output_type="latent", **{**size, **kwargs}).frames


# ---------------------------------------------------------------- read from a model


def peer_of(name: str, pipe: Any, task: Task, settings: Settings = SMALL) -> Peer:
    return LOSSES[name].of(pipe, task, settings)


def tap_of(peer: Peer, pipe: Any) -> Tap:
    return Tap(pipe, peer.layer, peer.timestep)


def guided_by(peer: Peer, pipe: Any, latents: torch.Tensor) -> torch.Tensor:
    """Latents after one guided step, the fourth of ten."""
    tap = tap_of(peer, pipe)
    call = tap.first_call([""] * len(latents), latents)
    pipe.scheduler.set_timesteps(10)
    return peer.guide(tap, lambda size: [peer], SMALL, Report()).guided(latents, call, 3, [peer])


@pytest.mark.parametrize("name", ["smm", "motionclone"])
def test_a_clip_is_like_itself(name: str, pipe: Any, task: Task) -> None:
    peer = peer_of(name, pipe, task)
    tap = tap_of(peer, pipe)
    wanted = peer.of_clip(tap, 400.0)
    assert float(peer.compare(wanted, wanted, SIZE)) == pytest.approx(0, abs=1e-6)
    back = dataclasses.replace(task, reference=task.reference[::-1])
    assert float(peer.compare(peer_of(name, pipe, back).of_clip(tap, 400.0), wanted, SIZE)) > 1e-5


def test_attention_over_time_is_the_models_own(pipe: Any, task: Task) -> None:
    """Values weighted by what is read give what the attention itself puts out, before its last map."""
    from moft.models.hooks import capture

    peer = peer_of("motionclone", pipe, task)
    tap = tap_of(peer, pipe)
    site = "up_blocks.1.motion_modules.0.transformer_blocks.0.attn1"
    with capture(tap.denoiser, [f"{site}.to_v", site]) as seen, torch.no_grad():
        maps = peer.of_clip(tap, 400.0)[0, 0]  # (n heads f f)
    attention = tap.denoiser.get_submodule(site)
    values = seen[f"{site}.to_v"].unflatten(-1, (attention.heads, -1)).transpose(1, 2)
    put_out = attention.to_out[0]((maps @ values).transpose(1, 2).flatten(2))
    torch.testing.assert_close(put_out, seen[site], atol=1e-5, rtol=1e-4)


def test_later_frames_are_read_by_the_keys_and_values_of_the_first(pipe: Any, task: Task) -> None:
    """So the first frame itself is read as ever, and the others are not."""
    from moft.models.hooks import capture

    peer = peer_of("sg_i2v", pipe, task)
    site = "up_blocks.1.attentions.0.transformer_blocks.0.attn1"
    tap = tap_of(peer, pipe)
    noisy, told = tap.noised(
        peer.clip, torch.randn(peer.clip.shape, generator=torch.Generator().manual_seed(1)), 500
    )
    with capture(tap.denoiser, [site]) as own, torch.no_grad():
        tap.read(noisy, told, peer.empty)
    with torch.no_grad():
        found = peer.read(tap, noisy, told, peer.empty)
    width = own[site].shape[-1]
    first, others = found[0, 0, :width].flatten(1).T, found[0, 1:, :width].flatten(2).mT
    torch.testing.assert_close(first, own[site][0], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(others, own[site][1:], atol=1e-3)


def test_the_first_frame_is_not_moved_to_suit_the_others(pipe: Any, task: Task) -> None:
    peer, latents = (
        peer_of("sg_i2v", pipe, task),
        torch.randn(1, 4, 8, 16, 16, generator=torch.Generator().manual_seed(4)),
    )
    moved = guided_by(peer, pipe, latents) - latents
    assert float(moved[:, :, 0].abs().max()) < 1e-6 < float(moved[:, :, 1:].abs().amax((0, 1, 3, 4)).min())


def test_the_gradient_of_clean_differences_is_that_of_autograd(pipe: Any, task: Task) -> None:
    peer = peer_of("flowmotion", pipe, task)
    tap = tap_of(peer, pipe)
    x = torch.randn(2, *peer.clip.shape[1:], generator=torch.Generator().manual_seed(2))
    call = tap.first_call(["", ""], x)
    look = Look(tap, x.clone().requires_grad_(), torch.tensor(600), call)
    loss, gradient = Gradients(1.0, Report()).of([peer], look)
    signal = float(pipe.scheduler.alphas_cumprod[600]) ** 0.5
    more = (1 - signal**2) ** 0.5
    predicted = tap.predicted(x, 600.0, call)
    noise = signal * predicted + more * x  # of the v that the tiny model predicts
    moved = x.clone().requires_grad_()
    clean = (moved - more * noise) / signal
    expected = (clean.diff(dim=2) - peer.clip.diff(dim=2)).square().mean()
    expected.backward()
    assert loss == pytest.approx(float(expected.detach()), rel=1e-4)
    torch.testing.assert_close(gradient, moved.grad, atol=1e-6, rtol=1e-3)


# ---------------------------------------------------------------- in a pipeline


@pytest.mark.parametrize("name", PEERS)
def test_each_loss_falls_within_its_steps_and_leaves_no_trace(name: str, pipe: Any, task: Task) -> None:
    before = everything_about(pipe)
    with PEERS[name](pipe, task, SMALL) as run:
        latents = sample(pipe)
    assert everything_about(pipe) == before
    assert latents.isfinite().all() and not torch.allclose(latents, sample(pipe))
    assert [step["step"] for step in run.report.steps] == [1, 2, 3, 4]  # of 10
    for step in run.report.steps:
        assert step["losses"] == sorted(step["losses"], reverse=True) and len(set(step["losses"])) == 3, step


@pytest.mark.parametrize("name", PEERS)
def test_no_step_size_is_plain_sampling(name: str, pipe: Any, task: Task) -> None:
    with PEERS[name](pipe, task, Settings(step_size=0)):
        found = sample(pipe, num_inference_steps=6)
    assert torch.equal(found, sample(pipe, num_inference_steps=6))


def test_clips_of_a_batch_do_not_see_each_other(pipe: Any, task: Task) -> None:
    latents = torch.randn(2, 4, 8, 16, 16, generator=torch.Generator().manual_seed(3))
    for name in LOSSES:
        peer = peer_of(name, pipe, task)
        both, one = (guided_by(peer, pipe, latents[:n]) for n in (2, 1))
        torch.testing.assert_close(both[:1], one, atol=1e-3, rtol=1e-3)


def test_two_prompts_run_in_one_batch(pipe: Any, task: Task) -> None:
    """Reading the one clip in between is not taken for a call of the pipeline."""
    draws = [torch.Generator().manual_seed(i) for i in range(2)]
    for name in LOSSES:
        with PEERS[name](pipe, task, SMALL) as run:
            found = pipe(
                ["green cells", "red cells"],
                generator=draws,
                output_type="latent",
                num_frames=8,
                height=64,
                width=64,
                num_inference_steps=6,
            ).frames
        assert len(found) == 2 and len(run.report.steps) == 2 and found.isfinite().all()


def test_fused_settings_are_refused(pipe: Any, task: Task) -> None:
    with pytest.raises(RequestError, match="not fused"):
        PEERS["smm"](pipe, task, Settings(fused=True))


@pytest.mark.parametrize("name", ["motionclone", "sg_i2v"])
def test_a_model_without_what_is_read_is_refused(
    name: str, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moft.bench.ways.peers.find_statistics", lambda pipe: statistics_of("latte"))
    with pytest.raises(BackboneError, match="this objective is for AnimateDiff"):
        PEERS[name](tiny("latte"), task, SMALL)


def test_every_peer_has_the_step_size_that_was_best_of_the_same_ones() -> None:
    assert set(TUNING) == set(WAYS)
    for name, fidelity in TUNING.items():
        assert set(fidelity) == set(TUNING["smm"]) <= set(STEP_SIZES)
        assert fidelity[step_size(name)] == max(fidelity.values())


def test_trials_score_every_way_at_every_step_size_beside_the_unguided(pipe: Any, task: Task) -> None:
    ways = {name: PEERS[name] for name in ("smm", "flowmotion")}
    found = list(trials(pipe, ways, [task, task], (0.0, 0.1), steps=6))  # of which two are guided
    assert [(t.way, t.step_size) for t in found] == [
        ("plain", 0),
        ("smm", 0),
        ("flowmotion", 0),
        ("smm", 0.1),
        ("flowmotion", 0.1),
    ]
    assert all(trial.clips == 2 * len(task.prompts) for trial in found)
    assert (
        found[0].scores["content"] == pytest.approx(1)
        and found[1].scores == found[2].scores == found[0].scores
    )
    assert found[3].scores != found[0].scores != found[4].scores != found[3].scores
    assert {name: list(by_size) for name, by_size in table(found).items()} == {
        "smm": [0.1],
        "flowmotion": [0.1],
    }
