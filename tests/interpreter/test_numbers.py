"""The interpreter's numbers, on planted features whose answers are known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from moft.errors import RequestError
from moft.feature.definition import ccr
from moft.feature.statistics import latent_path
from moft.interpreter.numbers import (
    DESIGNS,
    Pans,
    best_channel,
    cell_of,
    curve_correlations,
    curve_similarity,
    directions,
    layers_of,
    map_agreement,
    roc_auc,
    same_way,
    separability,
    similarity,
)
from moft.interpreter.readout import Readout, enlarged, fit, flow_score
from moft.interpreter.steady import main_velocities
from moft.interpreter.sweep import share_sweep
from moft.known.camera import along
from moft.known.clips import KnownClips
from moft.known.pans import WAYS, pan_motions
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)
CHANNELS = torch.tensor(
    [0, 1]
)  # planted: 0 follows the displacement to the right, 1 downward; the others are content


def planted(n: int = 24, cells: int = 4, noise: float = 0.05) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (n 8 8 cells cells) whose first two channels hold the displacement, each half of a clip with a velocity of
    its own, the rest what each clip shows and noise; and the flow (n 8 cells cells 2) in px a frame."""
    draw = torch.Generator().manual_seed(3)
    velocity = 2 * torch.randn(n, 2, 2, generator=draw)  # clip, half, xy
    left = (torch.arange(cells) < cells // 2).long()
    flow = velocity[:, left][:, None, None].expand(n, 8, cells, cells, 2)
    clock = torch.arange(8.0) - 3.5
    motion = (flow * clock[:, None, None, None]).permute(0, 1, 4, 2, 3)
    content = 20 * torch.randn(n, 1, 8, cells, cells, generator=draw)
    feature = content + torch.cat([motion, torch.randn(n, 8, 6, cells, cells, generator=draw)], 2)
    return feature + noise * torch.randn(feature.shape, generator=draw), flow.contiguous()


def planted_pans(photos: int = 3, code: float = 1.0) -> Pans:
    """Pooled features of pans: channels 0 and 1 are the displacement, the others differ between photographs."""
    motions = pan_motions(SIZE) * photos
    owner = torch.arange(photos).repeat_interleave(len(pan_motions(SIZE)))
    path = torch.stack([latent_path(motion, SIZE, 8) for motion in motions]).float()
    draw = torch.Generator().manual_seed(0)
    content = 3 * torch.randn(photos, 1, 6, generator=draw)[owner].expand(-1, 8, -1)
    both = torch.cat([10 * code * path, content], 2)
    return Pans(both + 0.02 * torch.randn(both.shape, generator=draw), tuple(motions), owner, SIZE)


# ---------------------------------------------------------------- directions


def test_separability_is_one_for_clear_directions_and_chance_for_none():
    direction, group = torch.arange(4).repeat(20), torch.arange(20).repeat_interleave(4)
    corner = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]])[direction]
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(80, 6, generator=rng)
    assert separability(torch.cat([5 * corner, 0.1 * noise], 1), direction, group) == 1
    assert separability(noise, direction, group) < 0.5


def test_directions_part_without_content_and_not_with_it():
    pans = planted_pans()
    clean, plain = directions(pans, "ccr"), directions(pans, "vanilla")
    assert clean.separability == 1 and clean.silhouette > 0.8
    assert plain.separability < 0.5 and len(clean.points) == 3 * len(WAYS)
    assert (clean.weights[:, :2].square().sum(1) > 0.99).all()


# ---------------------------------------------------------------- curves


def test_a_channel_that_is_the_displacement_correlates_fully_and_content_does_not():
    table = curve_correlations(planted_pans())
    assert table[0, 0] > 0.99 and table[1, 1] > 0.99
    assert table[2:].abs().max() < 0.5 and table[0, 1].abs() < 0.3


def test_the_best_channel_is_chosen_on_photographs_on_which_it_is_not_scored():
    found = best_channel(planted_pans(), torch.arange(8))
    assert found.channel in (0, 1) and found.axis == found.channel and found.correlation > 0.99
    assert len(found.per_photo) == 3
    chance = best_channel(planted_pans(code=0.0), torch.arange(8))
    assert abs(chance.correlation) < 0.6


def test_a_curve_that_falls_with_the_displacement_correlates_negatively():
    pans = planted_pans(code=-1.0)
    assert best_channel(pans, CHANNELS).correlation < -0.99


# ---------------------------------------------------------------- similarity


def test_roc_auc_is_that_of_scikit_learn_ties_included():
    draw = np.random.default_rng(0)
    score, positive = draw.integers(0, 6, 200).astype(float), draw.random(200) < 0.3
    found = roc_auc(torch.from_numpy(score), torch.from_numpy(positive))
    assert found == pytest.approx(roc_auc_score(positive, score))
    assert roc_auc(torch.ones(3), torch.ones(3)) is None


def test_similarity_is_a_cosine_frame_by_frame():
    feature = torch.randn(2, 4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    found = similarity(feature[0, :, :, 1, 2], feature)
    assert torch.allclose(found[0, :, 1, 2], torch.ones(4)) and found.abs().max() <= 1 + 1e-6
    expected = torch.cosine_similarity(feature[0, 3, :, 1, 2], feature[1, 3, :, 4, 0], dim=0)
    assert found[1, 3, 4, 0] == pytest.approx(float(expected), abs=1e-6)
    assert curve_similarity(feature[0, :, :, 1, 2], feature)[0, 1, 2] == pytest.approx(1)


def test_similarity_tells_what_moves_the_same_way_only_once_content_is_gone():
    feature, flow = planted()
    found = {name: same_way(design(feature, CHANNELS), flow, 0.5) for name, design in DESIGNS.items()}
    assert found["moft"].auc > 0.97 and found["moft"].correlation > 0.95
    assert found["moft"].auc > found["ccr"].auc > found["vanilla"].auc
    assert abs(found["vanilla"].auc - 0.5) < 0.1


def test_pairs_are_of_different_clips_and_a_still_set_has_no_score():
    feature, flow = planted(n=1)
    assert same_way(feature, flow, 0.5).pairs == 0
    still = same_way(feature, torch.zeros_like(flow), 0.5)
    assert still.auc is None and still.correlation is None


def test_a_heat_map_is_scored_against_the_flow_of_its_target():
    flow = torch.tensor([[[2.0, 0], [2, 0.2]], [[-2, 0], [0, 0]]])
    good = torch.tensor([[1.0, 0.9], [-1, 0]])
    assert map_agreement(good, flow, torch.tensor([1.0, 0]), 0.5).auc == 1
    assert map_agreement(-good, flow, torch.tensor([1.0, 0]), 0.5).auc == 0
    assert map_agreement(good, flow, torch.zeros(2), 0.5).auc is None


def test_a_point_is_found_in_its_cell_and_refused_outside():
    feature = torch.zeros(1, 2, 1, 4, 8)
    assert cell_of((63, 0, 7), SIZE, feature) == (1, 0, 7)
    assert cell_of((0, 40, 0), SIZE, feature) == (0, 2, 0)
    for point in ((64, 0, 0), (0, -1, 0), (0, 0, 8), (math.nan, 0, 0)):
        with pytest.raises(RequestError, match="inside"):
            cell_of(point, SIZE, feature)


# ---------------------------------------------------------------- shares and layers


def known(flow: torch.Tensor) -> KnownClips:
    pixels = flow.repeat_interleave(16, 2).repeat_interleave(16, 3)
    return KnownClips(np.zeros((len(flow), 8, 64, 64, 3), np.uint8), pixels.numpy())


def test_flow_in_cells_is_the_mean_of_its_pixels_whatever_the_latent_frames():
    feature, flow = planted()
    assert torch.allclose(known(flow).cells(feature), flow, atol=1e-5)
    assert torch.allclose(known(flow).cells(feature[:, :2]), flow[:, :2], atol=1e-5)


def test_keeping_the_planted_channels_alone_is_best():
    feature, flow = planted()
    rows = share_sweep(planted_pans(), feature, known(flow), (1.0, 0.5, 0.25, 0.01))
    assert [row.channels for row in rows] == [8, 4, 2]
    assert rows[-1].auc == max(row.auc for row in rows) and rows[-1].auc > rows[0].auc + 0.01


def test_layers_come_in_the_order_in_which_they_run(tiny_animatediff):
    found = layers_of(tiny_animatediff.unet)
    assert found[0] == "down_blocks.0" and found[-1] == "up_blocks.2"
    assert found.index("mid_block") < found.index("up_blocks.0")
    assert (
        found.index("up_blocks.1.motion_modules.0") < found.index("up_blocks.1") < found.index("up_blocks.2")
    )


# ---------------------------------------------------------------- the read-out


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


def slopes(velocity: torch.Tensor) -> np.ndarray:
    """Clips uint8 (b 8 64 64 3) of two slopes, red along x and green along y, that go by velocities (b 2) px a frame."""
    clock, axis = torch.arange(8.0) - 3.5, torch.arange(64.0)
    at = axis - velocity[:, :, None, None] * clock[:, None]  # (b 2 f 64)
    x, y = at[:, 0, :, None, :].expand(-1, -1, 64, -1), at[:, 1, :, :, None].expand(-1, -1, -1, 64)
    return (64 + 2 * torch.stack([x, y, torch.zeros_like(x)], -1)).round().clamp(0, 255).byte().numpy()


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


def test_a_camera_that_goes_along_sees_a_still_clip_and_back_is_where_it_was():
    velocity = torch.tensor([[1.5, -1.0], [0.0, 2.0]])
    video = torch.from_numpy(slopes(velocity)).float()
    seen = along(video, velocity)[:, :, 16:48, 16:48]
    assert seen.std(1).max() < 0.6 and video.std(1).max() > 5  # half a grey value is rounding
    inner = along(along(video, velocity), velocity, back=True)[:, :, 20:44, 20:44]
    assert (inner - video[:, :, 20:44, 20:44]).abs().max() < 1.5


def test_the_main_velocities_are_those_on_which_most_agree():
    draw = torch.Generator().manual_seed(0)
    centres = torch.tensor([[3.0, 0], [-1, 2], [0, 0]])
    owner = torch.tensor([0] * 300 + [1] * 150 + [2] * 62)
    found = main_velocities(centres[owner] + 0.1 * torch.randn(512, 2, generator=draw), 64)
    assert torch.allclose(found[:3], centres, atol=0.1) and torch.equal(found[3], found[0])


def test_enlarging_keeps_constant_flow_and_fills_frames_between():
    flow = torch.ones(1, 3, 4, 4, 2) * torch.arange(3.0)[:, None, None, None]
    large = enlarged(flow, ClipSize(9, 64, 64))
    assert large.shape == (1, 9, 64, 64, 2)
    assert torch.allclose(large[0, :, 5, 5, 0], torch.linspace(0, 2, 9))
