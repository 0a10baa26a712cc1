"""The world: its exact motion agrees with its frames, every kind of motion is there, and a seed and a number
say it all."""

from __future__ import annotations

import dataclasses
import math
from functools import cache

import pytest
import torch
import torch.nn.functional as F

from moft.known.renderer import SIZE
from moft.known.world.journeys import Journeys
from moft.known.world.moves import PROFILES, Dice, Move, chosen, profiles
from moft.known.world.naming import motion_words
from moft.known.world.renderer import WorldMaker
from moft.known.world.scenes import FLOWING, NEAR, OBJECTS, Mixture, Scenes
from moft.miniature.model import WORDS

EVERYTHING = Mixture(textures=4, photos=0, flat=0, near=0.5, flows=0.5, rolls=0.5, zooms=0.5, objects=1)


@cache
def scenes(seed: int = 1, frames: int = 16) -> Scenes:
    return WorldMaker(EVERYTHING, seed, frames).render(12)


def disagreement(clips: Scenes, at: torch.Tensor, seen: torch.Tensor, gap: int) -> float:
    """Mean difference between visible points and what is seen where they should be `gap` frames later."""
    grid = (at + (SIZE - 1) / 2) / (SIZE - 1) * 2 - 1
    later = clips.video[:, gap:].flatten(0, 1)
    found = F.grid_sample(later, grid[:, :-gap].flatten(0, 1), align_corners=True)
    found = found.view_as(clips.video[:, gap:])
    apart = (found - clips.video[:, :-gap]).abs().mean(2)
    return float(apart[seen[:, :-gap]].mean())


@pytest.mark.parametrize("gap", [1, 5])
def test_points_are_later_where_the_truth_says_and_look_the_same(gap: int):
    clips = scenes()
    at, seen = clips.later(gap)
    stay = clips.pixels.expand_as(at)
    assert disagreement(clips, at, seen, gap) < 0.012 < 0.5 * disagreement(clips, stay, seen, gap)
    assert not seen[:, -gap:].any() and 0.3 < seen[:, :-gap].float().mean() < 0.99


@pytest.mark.parametrize("layer", [FLOWING, NEAR, OBJECTS])
def test_each_layer_is_seen_and_moves_on_its_own(layer: int):
    clips = scenes()
    mask = (clips.layer == layer)[:, :-1]
    assert mask.float().mean() > 0.02
    own = clips.moves[layer].at(torch.arange(16).expand(12, 16)).seen(clips.rest)  # were all of this layer
    assert torch.allclose(own[:, :-1][mask], clips.pixels.expand_as(own)[:, :-1][mask], atol=1e-3)


def test_what_rests_is_found_again_and_the_other_way_round():
    move = Move(torch.randn(2, 5, 2), torch.randn(2, 5), 0.3 * torch.randn(2, 5), torch.randn(2, 2))
    points = 20 * torch.randn(2, 5, 3, 4, 2)
    assert torch.allclose(move.rest(move.seen(points)), points, atol=1e-3)


def test_no_path_but_the_trembling_one_is_faster_than_its_peak_and_each_reaches_it():
    paths = profiles(Dice(0), 64, 16) * 15  # (n kinds f 2)
    speeds = paths.diff(dim=2).norm(dim=-1).amax(2)
    calm = speeds[:, [i for i, kind in enumerate(PROFILES) if kind != "shaking"]]
    assert calm.max() < 1.001 and calm.min() > 0.6
    assert (paths[:, :, 0].abs() < 1e-5).all()


def test_paths_do_what_their_names_say():
    drawn = profiles(Dice(1), 8, 16)
    paths = {kind: chosen(drawn, torch.full((8,), i), 16) for i, kind in enumerate(PROFILES)}
    steps = {kind: path.diff(dim=1) for kind, path in paths.items()}
    along = {kind: step[..., 0] for kind, step in steps.items()}
    assert all(path.mean(1).abs().max() < 1e-4 for path in paths.values())
    assert along["steady"].std() < 1e-4
    assert (along["speeding up"].diff(dim=1) > 0).all() and (along["slowing down"].diff(dim=1) < 0).all()
    assert (along["easing"][:, 7] > 3 * along["easing"][:, 0]).all() and (along["easing"] > 0).all()
    for kind in ("reversing", "swinging"):
        assert (along[kind].amax(1) > 0.2).all() and (along[kind].amin(1) < -0.2).all()
    for kind in ("turning off", "arc"):
        assert steps[kind][..., 1].abs().mean() > 0.05
    assert (along["shaking"].diff(dim=1).sign().diff(dim=1) != 0).any(1).all()


def test_cameras_roll_and_zoom_about_any_point_and_objects_turn_and_grow():
    journeys = Journeys(EVERYTHING, Dice(2), 16)
    for draw in (journeys.cameras, journeys.objects):
        move, words = draw(200)
        assert 60 < int((move.angle.abs().amax(1) > 0.05).sum()) < 140
        assert 60 < int((move.growth.abs().amax(1) > 0.05).sum()) < 140
        assert move.pivot.std() > 5 and len(words) == 200


def test_a_nearer_layer_passes_faster_and_hides_objects_or_is_hidden():
    pans = dataclasses.replace(EVERYTHING, near=1, flows=0, rolls=0, zooms=0, still=0)
    clips = WorldMaker(pans, 3).render(12)
    camera, fence = clips.moves[0].shift, clips.moves[NEAR].shift
    assert (fence.norm(dim=-1).amax(1) > 1.3 * camera.norm(dim=-1).amax(1)).all()
    assert (clips.layer == NEAR).flatten(1).any(1).all()


def test_the_same_seed_and_number_give_the_same_clips_whatever_came_before_and_others_do_not():
    maker, again, other = (WorldMaker(EVERYTHING, seed, 8) for seed in (1, 1, 2))
    first, later = maker.render(2), maker.render(2, 5)
    second = again.render(2, 5)
    assert torch.equal(later.video, second.video) and later.captions == second.captions
    assert not torch.equal(later.video, first.video)
    assert not torch.equal(later.video, other.render(2, 5).video)


def test_a_zoom_about_a_point_flows_away_from_it_in_proportion():
    rate, pivot = 0.05, torch.tensor([7.0, -3.0])
    frames = torch.arange(4.0) - 1.5
    move = Move(torch.zeros(1, 4, 2), torch.zeros(1, 4), rate * frames[None], pivot[None])
    y, x = torch.meshgrid(torch.arange(5.0), torch.arange(6.0), indexing="ij")
    pixels = torch.stack([x, y], -1)
    seen, still = pixels.expand(1, 4, 5, 6, 2), torch.zeros(1, 4, 5, 6, dtype=torch.long)
    clips = Scenes(torch.zeros(1, 4, 3, 5, 6), [""], still, move.rest(seen), (move,), pixels)
    asked = (pixels - pivot) * (math.exp(rate) - 1)
    assert torch.allclose(clips.flow, asked.expand(1, 3, 5, 6, 2), atol=1e-5)


@pytest.mark.parametrize("frames", [1, 8, 12, 16])
def test_clips_of_any_length_are_pictures_with_captions_of_known_words(frames: int):
    clips = WorldMaker(Mixture(textures=4, photos=0), 4, frames).render(3)
    assert clips.video.shape == (3, frames, 3, SIZE, SIZE)
    assert clips.video.min() >= 0 and clips.video.max() <= 1
    assert all(set(caption.split()) <= set(WORDS) for caption in clips.captions)


def test_words_say_where_a_path_goes_or_nothing():
    assert motion_words("steady", -3, 0) == "moving left fast"
    assert motion_words("reversing", 0, -2) == "moving up and down"
    assert motion_words("speeding up", 2, 2) == "moving down right slow fast"
    assert motion_words("arc", 2, 2) == "" and motion_words("arc", 0.1, 0) == "still"
    assert motion_words("steady", 0, 0, growth=0.4) == "zooming in"
