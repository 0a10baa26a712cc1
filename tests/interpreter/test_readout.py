"""Motion read from planted features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import slopes
from planted import CHANNELS, SIZE, planted

from moft.errors import RequestError
from moft.feature.definition import ccr
from moft.interpreter.readout import Readout, enlarged, fit, flow_score, main_velocities
from moft.types import ClipSize


def fitted(noise: float = 0.05) -> Readout:
    feature, flow = planted(48, noise=noise)
    batches = [(feature[i : i + 8], flow[i : i + 8]) for i in range(0, 40, 8)]
    return fit(batches, batches, CHANNELS, "a.layer", 100, SIZE, {"model": "planted"})


def test_the_read_out_finds_planted_velocities_in_px_on_clips_it_was_not_fitted_on():
    feature, flow = planted(48)
    readout = fitted()
    score = flow_score(readout.cells(feature[40:], SIZE), flow[40:], 0.5)
    assert score.epe_px < 0.05 and score.direction_cosine > 0.99 and score.zero_epe_px > 1
    half = ClipSize(8, 32, 32)
    assert torch.allclose(readout.cells(feature, half) * 2, readout.cells(feature, SIZE), atol=1e-5)


def test_the_read_out_reads_no_content_and_says_nothing_of_a_still_clip():
    feature = planted()[0]
    still = feature[:, :1].expand_as(feature)
    bias = fitted().bias[0].view(8, 2) * 64
    assert torch.allclose(
        fitted().cells(still, SIZE), bias[None, :, None, None].expand(24, 8, 4, 4, 2), atol=1e-4
    )
    assert bias.abs().max() < 0.3
    assert torch.allclose(
        fitted().cells(feature + 100 * ccr(feature)[:, :1], SIZE), fitted().cells(feature, SIZE), atol=0.05
    )


def test_a_read_out_comes_back_as_it_was_saved(tmp_path: Path):
    readout, feature = fitted(), planted()[0]
    readout.save(tmp_path / "readout.safetensors")
    again = Readout.load(tmp_path / "readout.safetensors")
    assert torch.equal(again.cells(feature, SIZE), readout.cells(feature, SIZE))
    assert again.made["model"] == "planted" and again.layer == "a.layer"
    (tmp_path / "bad.safetensors").write_bytes(b"no")
    with pytest.raises(RequestError, match="cannot read"):
        Readout.load(tmp_path / "bad.safetensors")


def test_other_lengths_and_too_few_clips_are_refused():
    feature, flow = planted()
    with pytest.raises(RequestError, match="8 frames"):
        fitted().cells(feature[:, :4], SIZE)
    with pytest.raises(RequestError, match="two batches"):
        fit([(feature, flow)], [(feature, flow)] * 2, CHANNELS, "a.layer", 100, SIZE)
    with pytest.raises(RequestError, match="two batches"):
        fit([(feature, flow)] * 2, [(feature, flow)], CHANNELS, "a.layer", 100, SIZE)


def saturating(videos: np.ndarray) -> torch.Tensor:
    """Features (b f 2 8 8) of slopes that follow small displacements and hardly tell large ones apart."""
    colours = torch.from_numpy(videos[..., :2]).float().permute(0, 1, 4, 2, 3)
    cells = torch.nn.functional.avg_pool2d(colours.flatten(0, 1), 8).unflatten(0, colours.shape[:2])
    return torch.tanh(ccr(cells) / 8)


def test_a_clip_that_is_steadied_and_read_again_is_read_better():
    velocity = 4 * torch.rand(48, 2, generator=torch.Generator().manual_seed(0)) - 2
    batches = {}
    for name, speeds in (("moving", velocity), ("steadied", velocity / 4)):
        flow = speeds[:, None, None, None].expand(-1, 8, 8, 8, 2)
        batches[name] = [(saturating(slopes(speeds[i : i + 8])), flow[i : i + 8]) for i in range(0, 40, 8)]
    readout = fit(batches["moving"], batches["steadied"], CHANNELS, "a.layer", 100, SIZE)
    videos, true = slopes(velocity[40:]), velocity[40:, None, None, None]
    inner = (slice(None), slice(None), slice(24, 40), slice(24, 40))  # the slopes end at the edges
    once = enlarged(readout.cells(saturating(videos), SIZE), SIZE)[inner] - true
    twice = readout.flow(videos, saturating)[inner] - true
    assert twice.norm(dim=-1).mean() < 0.5 * once.norm(dim=-1).mean()


def test_the_main_velocities_are_those_on_which_most_agree():
    draw = torch.Generator().manual_seed(0)
    centres = torch.tensor([[3.0, 0], [-1, 2], [0, 0]])
    owner = torch.tensor([0] * 300 + [1] * 150 + [2] * 62)
    velocities = main_velocities(centres[owner] + 0.1 * torch.randn(512, 2, generator=draw), 64)
    assert torch.allclose(velocities[:3], centres, atol=0.1) and torch.equal(velocities[3], velocities[0])


def test_enlarging_keeps_constant_flow_and_fills_frames_between():
    flow = torch.ones(1, 3, 4, 4, 2) * torch.arange(3.0)[:, None, None, None]
    large = enlarged(flow, ClipSize(9, 64, 64))
    assert large.shape == (1, 9, 64, 64, 2)
    assert torch.allclose(large[0, :, 5, 5, 0], torch.linspace(0, 2, 9))
