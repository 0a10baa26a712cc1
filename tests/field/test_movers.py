"""What moves otherwise than its ground is found where it is, as it goes, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import noise, pan, photograph, zoomed

from moft.bench.control.movers import overlap
from moft.errors import RequestError
from moft.field.movers import movers, parted
from moft.field.moving.camera import Similarity, camera_of, places
from moft.field.parts import part_of
from moft.known.filmed import CROWDS, KINDS, Filmed, filmed
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)
WITH = ["object", "against", *CROWDS]  # that show objects


def shown(kind: str, seed: int = 3) -> Filmed:
    return filmed(kind, [photograph("china.jpg"), noise(1)], SIZE, seed)


@pytest.mark.parametrize("kind", WITH)
def test_objects_are_found_where_they_are_and_as_they_go(kind: str) -> None:
    clip = shown(kind)
    found = parted(clip.video)
    assert len(found.movers) == len(clip.things)
    assert np.linalg.norm(found.ground - clip.scene, axis=-1).mean() < 0.15
    for thing in clip.things:
        mover = max(found.movers, key=lambda one: overlap(one.mask > 0.5, thing))
        assert overlap(mover.mask > 0.5, thing) > 0.75
        assert mover.share == pytest.approx(thing.mean(), rel=0.25)
        true, behind = (
            np.array([step[where].mean(0) for step, where in zip(steps, thing, strict=False)])
            for steps in (clip.steps, clip.scene)
        )
        assert np.linalg.norm(mover.steps - true, axis=-1).mean() < 0.25
        assert np.linalg.norm(mover.against - (true - behind), axis=-1).mean() < 0.35
        rows, columns = (np.flatnonzero(thing.any(axes)) for axes in ((0, 2), (0, 1)))
        left, top, width, height = mover.box
        ends = [left, top, left + width, top + height]
        assert ends == pytest.approx([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], abs=4)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in WITH])
@pytest.mark.parametrize("seed", [3, 4])
def test_where_only_the_camera_moves_nothing_else_does(kind: str, seed: int) -> None:
    clip = shown(kind, seed)
    assert movers(clip.video) == []
    assert np.linalg.norm(parted(clip.video).ground - clip.scene, axis=-1).mean() < 0.15


def test_a_still_clip_and_one_of_cuts_have_no_movers() -> None:
    still = np.repeat(pan((0, 0), 1), 5, 0)
    assert movers(still) == [] and not parted(still).ground.any()
    cuts = np.random.default_rng(0).integers(0, 255, (5, 64, 64, 3), np.uint8)
    assert movers(cuts) == [] and parted(cuts).found < 0.2


def test_a_cut_behind_a_mover_does_not_bend_its_motion() -> None:
    clip = shown("object")
    (whole,) = movers(clip.video)
    (cut,) = movers(np.concatenate([clip.video, zoomed(1.0, 4)]))
    np.testing.assert_allclose(cut.steps[:6], whole.steps[:6], atol=0.15)
    np.testing.assert_allclose(cut.steps[8:], np.tile(cut.steps[:7].mean(0), (3, 1)), atol=0.1)


def test_plain_places_do_not_count() -> None:
    """A textured disc over a plain ground beside a textured still one: nothing is told of the plain part."""
    clip = shown("object")
    video = clip.video.copy()
    video[:, :, :6] = 200
    (mover,) = movers(video)
    assert overlap(mover.mask > 0.5, clip.things[0]) > 0.7


def test_the_largest_comes_first() -> None:
    found = movers(shown("two objects over a pan").video)
    assert [one.share for one in found] == sorted((one.share for one in found), reverse=True)


def test_twice_as_large_a_clip_has_the_same_movers_twice_as_fast() -> None:
    small, large = (
        movers(filmed("against", [photograph("china.jpg"), noise(1)], ClipSize(8, side, side), 3).video)
        for side in (160, 320)
    )
    assert large[0].mask.shape == (8, 320, 320) and large[0].share == pytest.approx(small[0].share, rel=0.1)
    np.testing.assert_allclose(large[0].steps, 2 * small[0].steps, atol=0.5)


# ---------------------------------------------------------------- the camera


@pytest.mark.parametrize("motion", [Similarity(0, 2 - 1j), Similarity(0.05, 0), Similarity(0.08j, 1 + 1j)])
def test_the_camera_is_what_most_of_the_edge_does(motion: Similarity) -> None:
    flow = motion.flow(48, 64)
    flow[12:36, 12:52] = -3 + 2j  # a third of the picture
    found = camera_of(flow, np.ones((48, 64)), 0.3)
    assert found.turn == pytest.approx(motion.turn, abs=1e-6)
    assert found.shift == pytest.approx(motion.shift, abs=1e-6)


def test_its_inverse_leads_back() -> None:
    motion, place = Similarity(0.1 + 0.05j, 2 - 1j), places(6, 8)
    there = place + motion.flow(6, 8)
    np.testing.assert_allclose(there + motion.back.turn * there + motion.back.shift, place)


def test_no_motion_is_told_where_nothing_counts() -> None:
    assert camera_of(np.ones((8, 8), complex), np.zeros((8, 8)), 0.3) == Similarity(0, 0)


# ---------------------------------------------------------------- parts to follow


def test_a_mover_goes_everywhere_as_it_does_and_the_ground_as_the_camera() -> None:
    clip = shown("against")
    mask, field = part_of(clip.video, "mover", None, "a")
    way = np.array([step[where].mean(0) for step, where in zip(clip.steps, clip.things[0], strict=False)])
    assert overlap(mask > 0.5, clip.things[0]) > 0.75 and np.all(field.weight == 1)
    np.testing.assert_allclose(
        64 * field.steps, np.broadcast_to(way[:, None, None], (7, 64, 64, 2)), atol=0.4
    )
    rest, ground = part_of(clip.video, "ground", None, "a")
    np.testing.assert_allclose(rest, 1 - mask)
    np.testing.assert_allclose(64 * ground.steps, clip.scene, atol=0.4)


def test_movers_are_looked_for_in_a_place() -> None:
    clip = shown("two objects")
    look = np.zeros((64, 64), np.float32)
    look[:, :32] = 1
    mask, _ = part_of(clip.video, "mover", look, "a")
    assert overlap(mask > 0.5, clip.things[0]) > 0.75
    other, _ = part_of(clip.video, "mover", 1 - look, "a")
    assert overlap(other > 0.5, clip.things[1]) > 0.75


@pytest.mark.parametrize(
    ("kind", "part", "words"),
    [
        ("pan", "mover", r"cannot use a#b: expected 1 or more parts .*, got 0; leave out what is behind #"),
        (
            "object",
            "mover2",
            r"expected 2 or more parts .*, got 1: .* px a frame, in \d.*; name one of these",
        ),
    ],
)
def test_a_part_that_is_not_there_is_refused_with_those_that_are(kind: str, part: str, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        part_of(shown(kind).video, part, None, "a#b")


def test_the_ground_is_everywhere() -> None:
    with pytest.raises(RequestError, match="expected no like_region beside it"):
        part_of(shown("object").video, "ground", np.ones((64, 64), np.float32), "a")


def test_noise_has_no_parts() -> None:
    cuts = np.random.default_rng(0).integers(0, 255, (5, 64, 64, 3), np.uint8)
    with pytest.raises(RequestError, match="found again from frame to frame"):
        part_of(cuts, "ground", None, "a")
