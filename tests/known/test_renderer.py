"""Rendered clips move as the truth that comes with them says."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from moft.known.renderer import ClipMaker, World
from moft.metrics.motion import measure

PANS = World(textures=4, photos=0, objects=0, zooms=0, turns=0, flows=0, still=0, motion_words=0, max_speed=3)


def pixels(video: torch.Tensor) -> np.ndarray:
    return (video.permute(0, 2, 3, 1) * 255).round().byte().numpy()


def test_pans_move_the_picture_as_their_truth_says():
    clips = ClipMaker(PANS, 3).render(12)
    for video, truth in zip(clips.video, clips.velocity, strict=True):
        found = measure(pixels(video)).inside
        assert np.linalg.norm(np.subtract(found, truth.numpy())) < 0.35 + 0.1 * truth.norm()


def test_the_exact_flow_of_an_object_is_its_own():
    world = World(textures=4, photos=0, objects=1, zooms=0, turns=0, flows=0, still=0, motion_words=0)
    clips = ClipMaker(world, 5).render(8)
    scene = clips.velocity[:, None, None, None].expand_as(clips.flow)
    assert torch.allclose(clips.flow[~clips.objects], scene[~clips.objects], atol=1e-3)
    assert (clips.flow[clips.objects] - scene[clips.objects]).norm(dim=-1).mean() > 0.5


def test_a_part_that_flows_moves_as_its_truth_says_and_the_rest_as_the_scene():
    world = dataclasses.replace(PANS, flows=1)
    clips = ClipMaker(world, 4).render(12)
    scene = clips.velocity[:, None, None, None].expand_as(clips.flow)
    part = (clips.flow - scene).norm(dim=-1) > 1e-3  # (b f h w)
    assert (part == part[:, :1]).all() and 0.05 < part.float().mean() < 0.95
    for video, mask, flow in zip(clips.video, part[:, 0], clips.flow, strict=True):
        if 0.2 < mask.float().mean() < 0.8:
            found = measure(pixels(video), mask.float().numpy())
            for got, where in ((found.inside, mask), (found.outside, ~mask)):
                truth = flow[:, where].mean((0, 1)).numpy()
                assert np.linalg.norm(got - truth) < 0.5 + 0.35 * np.linalg.norm(truth)


def test_the_same_seed_gives_the_same_clips_and_another_does_not():
    first, second, other = (ClipMaker(PANS, seed).render(2) for seed in (1, 1, 2))
    assert torch.equal(first.video, second.video) and first.captions == second.captions
    assert not torch.equal(first.video, other.video)
