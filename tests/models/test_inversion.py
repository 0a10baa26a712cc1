"""Inversion: a real clip comes back from its noise, and stays outside a steered region."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AnimateDiffPipeline, EulerDiscreteScheduler
from sklearn.datasets import load_sample_image

import moft
from moft.errors import BackboneError, RequestError
from moft.feature.read import encode
from moft.known.pans import pan
from moft.models.inversion import inverted
from moft.models.tap import Tap
from moft.request.motion import Motion
from moft.steering.recording import Recording
from moft.types import ClipSize

SIZE = ClipSize(8, 48, 48)
CLIP = pan(load_sample_image("china.jpg"), Motion("right", speed="1px"), SIZE, zoom=1.5)
STEPS = 12  # enough that inversion comes out exactly
SMALL = CLIP[:4, :32, :32]  # where nothing need be seen


@pytest.fixture(scope="module")
def miniature() -> Any:
    pipe = AnimateDiffPipeline.from_pretrained(moft.miniature_path(), local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def sampled(pipe: Any, latents: torch.Tensor) -> np.ndarray:
    frames = pipe(
        "",
        latents=latents,
        guidance_scale=1.0,
        num_inference_steps=STEPS,
        num_frames=SIZE.frames,
        height=SIZE.height,
        width=SIZE.width,
        output_type="np",
    ).frames[0]
    return (frames * 255).round().astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(a.astype(float) - b).mean()))


@pytest.fixture(scope="module")
def plain(miniature: Any) -> Recording:
    return moft.invert(miniature, CLIP, steps=STEPS)


@pytest.fixture(scope="module")
def again(miniature: Any, plain: Recording) -> np.ndarray:
    """The clip that sampling from its noise gives."""
    return sampled(miniature, plain.start)


def test_a_real_clip_comes_back_from_its_noise(miniature: Any, again: np.ndarray) -> None:
    tap = Tap(miniature)
    clean = encode(tap, CLIP[None])
    decoded = miniature.decode_latents(clean)[0].permute(1, 2, 3, 0).clamp(-1, 1) / 2 + 0.5
    best = psnr((decoded.detach().numpy() * 255).round(), CLIP)
    (*_, (_, rough)) = inverted(tap, clean, STEPS, iterations=1)
    assert psnr(again, CLIP) > best - 0.5  # what the autoencoder loses is all that is lost
    assert psnr(sampled(miniature, rough), CLIP) < psnr(again, CLIP) - 3


def test_what_surrounds_a_region_of_a_real_clip_stays(
    miniature: Any, plain: Recording, again: np.ndarray
) -> None:
    region = np.zeros((48, 48), np.float32)
    region[:, :24] = 1
    with moft.steer(miniature, Motion("up", speed="1.5px"), regions=[region], plain=plain):
        steered = sampled(miniature, plain.start)
    assert psnr(steered[:, :, 30:], again[:, :, 30:]) > 30
    assert psnr(steered[:, :, :18], again[:, :, :18]) < 20
    assert moft.measure(steered, region).inside[1] < -0.5


def test_the_recording_has_the_noise_and_every_step_to_the_clip(tiny_animatediff: Any) -> None:
    tap, scheduler = Tap(tiny_animatediff), tiny_animatediff.scheduler
    first, second = (moft.invert(tiny_animatediff, SMALL, steps=4) for _ in range(2))
    assert sorted(first.latents) == [0, 1, 2, 3, 4] and torch.equal(first.start, second.start)
    assert torch.equal(first.latents[4], encode(tap, SMALL[None]))
    assert tiny_animatediff.scheduler is scheduler


def test_an_inverted_clips_keys_are_those_of_sampling_it(
    tiny_animatediff: Any, tiny_statistics: moft.Statistics
) -> None:
    def again() -> torch.Tensor:
        return tiny_animatediff(
            "",
            latents=plain.start,
            guidance_scale=1.0,
            num_inference_steps=4,
            num_frames=len(SMALL),
            height=SMALL.shape[1],
            width=SMALL.shape[2],
            output_type="latent",
        ).frames

    plain = moft.invert(tiny_animatediff, SMALL, steps=4, keys=True)
    assert plain.keys is not None and {step for step, _, _ in plain.keys.bank} == {0, 1, 2, 3}
    settings = moft.Settings(step_size=0, keep_keys=1)
    with moft.steer(
        tiny_animatediff, Motion("left"), statistics=tiny_statistics, settings=settings, plain=plain
    ):
        kept = again()
    assert torch.equal(kept, again())


def test_what_cannot_be_inverted_is_refused(tiny_animatediff: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError, match="clip"):
        moft.invert(tiny_animatediff, CLIP[:1])
    with pytest.raises(RequestError, match="1 step"):
        moft.invert(tiny_animatediff, CLIP, steps=0)
    monkeypatch.setattr(tiny_animatediff, "scheduler", EulerDiscreteScheduler())
    with pytest.raises(BackboneError, match="DDIM"):
        moft.invert(tiny_animatediff, CLIP)
