"""What came of requests: how clips to follow are laid out, who is judged followed, and what is tried then."""

from __future__ import annotations

import math
import re
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import noise, photograph
from drawn import pan as drawn_pan
from sklearn.datasets import load_sample_image

import moft
from moft.errors import MediaError, RequestError
from moft.field.field import Field
from moft.known.filmed import filmed
from moft.known.pans import pan
from moft.metrics.motion import Verdict
from moft.request.along import Along
from moft.request.drag import Drag
from moft.request.like import Like
from moft.request.motion import Motion
from moft.runs.outcome import Judgement, Outcome, as_motion, judge, lay_out, overall, remedies, standing
from moft.runs.words import in_words
from moft.steering.settings import Settings
from moft.types import ClipSize

SIZE = ClipSize(8, 64, 64)
NOISE = np.random.default_rng(0).integers(0, 255, (16, 64, 3)).astype(np.uint8).repeat(4, 0).repeat(4, 1)


def panned(speeds: list[float]) -> np.ndarray:
    """A clip whose content goes right by so many whole px from frame to frame."""
    starts = 128 - np.cumsum([0, *speeds]).astype(int)
    return np.stack([NOISE[:, x : x + 64] for x in starts])


def motion_of(speeds: list[float]) -> Motion | None:
    return as_motion(moft.measure(panned(speeds)), ClipSize(8, 64, 64))


# ---------------------------------------------------------------- goals


def test_a_clip_that_goes_one_way_is_a_direction() -> None:
    found = motion_of([2] * 7)
    assert found is not None and isinstance(found.direction, float)
    assert math.cos(math.radians(found.direction)) > 0.99 and found.velocity(ClipSize(8, 64, 64))[
        0
    ] == pytest.approx(2, abs=0.3)


def test_a_clip_that_turns_back_is_a_path_and_one_that_stays_is_still() -> None:
    found, still = motion_of([2, 2, 2, 0, -2, -2, -2]), motion_of([0] * 7)
    assert found is not None and found.path is not None
    assert [x for x, _ in found.displacement(ClipSize(8, 64, 64))] == pytest.approx(
        [0, 2, 4, 6, 6, 4, 2, 0], abs=0.6
    )
    assert still == Motion("still")


def test_a_clip_that_zooms_names_no_mean_motion() -> None:
    import cv2

    frames = [
        cv2.warpAffine(NOISE[:, :64], cv2.getRotationMatrix2D((31.5, 31.5), 0, 1.03**i), (64, 64))
        for i in range(8)
    ]
    found = as_motion(
        moft.measure(cv2.GaussianBlur(np.stack(frames).reshape(512, 64, 3), (5, 5), 0).reshape(8, 64, 64, 3)),
        ClipSize(8, 64, 64),
    )
    assert found is None or found.direction != "still"


def test_the_clip_itself_follows_its_own_motion_and_its_reverse_does_not() -> None:
    for speeds in ([2] * 7, [2, 2, 2, 0, -2, -2, -2], [0] * 7):
        clip, goal = panned(speeds), motion_of(speeds)
        assert judge(clip, None, goal).followed is True
        if any(speeds):
            assert judge(panned([-s for s in speeds]), None, goal).followed is False
    assert judge(panned([2] * 7), None, None).followed is None


# ---------------------------------------------------------------- laid out


def lay(*requests: Motion | Like | Along) -> tuple[list[Any], list[str]]:
    said: list[str] = []
    return lay_out(requests, SIZE, said.append), said


def test_a_longer_or_shorter_clip_is_resampled_and_it_is_said(tmp_path: Path) -> None:
    clip = panned([1] * 15)
    moft.write_video(tmp_path / "clip.mp4", clip)
    name = str(tmp_path / "clip.mp4")
    (asked,), said = lay(Like(name))
    assert said == [f"{name}: 16 frames resampled to 8, 2 times as fast"]
    assert np.array_equal(asked.clip.video[[0, -1]], moft.read_video(name)[[0, -1]])
    assert asked.outcome(clip[:8], clip[::2]).reference.inside[0] == pytest.approx(15 / 7, abs=0.3)
    (asked,), said = lay(Like(name, like_frames=(4, 12)))
    assert not said and np.array_equal(asked.clip.video, moft.read_video(name)[4:12])
    (asked,), said = lay(Like(name, like_frames=(0, 3)))
    assert said == [f"{name}: 3 frames resampled to 8, 0.38 times as fast"] and len(asked.clip.video) == 8


@pytest.mark.parametrize("kind", ["zoom", "roll", "object", "against", "pan"])
def test_a_clip_is_judged_place_by_place(tmp_path: Path, kind: str) -> None:
    shown = filmed(kind, [noise(0), noise(1)], SIZE)
    moft.write_video(tmp_path / "clip.mp4", shown.video)
    (asked,), _ = lay(Like(str(tmp_path / "clip.mp4")))
    still, other = np.repeat(shown.video[:1], 8, 0), shown.video[::-1]
    outcome = asked.outcome(other, shown.video)
    assert outcome.followed is True and outcome.steered.share == pytest.approx(1, abs=0.2)
    assert outcome.plain.followed is False and outcome.plain.share == pytest.approx(-1, abs=0.2)
    assert asked.outcome(other, still).followed is False
    told = in_words(outcome.to_json())
    assert told.startswith("yes, ") and "of the clip's motion, cosine 1.00" in told and "least at row" in told


@pytest.mark.parametrize("text", ["right 2px", "zoom in 2%"])
def test_a_field_is_judged_place_by_place(tmp_path: Path, text: str) -> None:
    Field.of_motion(Motion(text), SIZE).save(tmp_path / "a.safetensors")
    (asked,), said = lay(Along(str(tmp_path / "a.safetensors")))
    goes = pan(load_sample_image("flower.jpg"), Motion(text), SIZE, zoom=1.6)
    outcome = asked.outcome(goes[::-1], goes)
    assert not said and outcome.goal is None and outcome.reference is None
    assert outcome.followed is True and outcome.steered.share == pytest.approx(1, abs=0.2)
    assert outcome.plain.followed is False
    assert "of the field's motion, cosine" in in_words(outcome.to_json())


def test_a_field_in_which_nothing_moves_is_judged_by_stillness(tmp_path: Path) -> None:
    Field.of_motion(Motion("still"), SIZE).save(tmp_path / "a.safetensors")
    (asked,), _ = lay(Along(str(tmp_path / "a.safetensors")))
    outcome = asked.outcome(panned([2] * 7), panned([0] * 7))
    assert outcome.followed is True and outcome.plain.followed is False


def test_a_still_clip_is_judged_by_stillness(tmp_path: Path) -> None:
    moft.write_video(tmp_path / "clip.mp4", np.repeat(noise()[None, :64, :64], 8, 0))
    (asked,), _ = lay(Like(str(tmp_path / "clip.mp4")))
    outcome = asked.outcome(panned([2] * 7), panned([0] * 7))
    assert outcome.goal == Motion("still") and (outcome.plain.followed, outcome.followed) == (False, True)


def test_only_the_region_is_judged(tmp_path: Path) -> None:
    moft.write_video(tmp_path / "clip.mp4", panned([2] * 7))
    (asked,), _ = lay(Like(str(tmp_path / "clip.mp4"), region="box:0,0,50%,100%"))
    half = np.concatenate([panned([2] * 7)[:, :, :32], panned([-2] * 7)[:, :, 32:]], 2)
    assert asked.outcome(half[:, :, ::-1], half).followed is True


def test_where_to_look_is_told_in_px_of_the_clip_to_follow(tmp_path: Path) -> None:
    right, left = panned([2] * 7), panned([-2] * 7)
    wide = (
        np.concatenate([right, left], 2).repeat(2, 1).repeat(2, 2)[:, 32:96]
    )  # 256 x 64: of the centre, two halves are left
    moft.write_video(tmp_path / "wide.mp4", wide)
    name = str(tmp_path / "wide.mp4")
    for box, way in (("box:96,0,32,64", 1), ("box:50%,0,12.5%,100%", -1)):
        (asked,), _ = lay(Like(name, like_region=box))
        assert asked.clip.look.shape == (64, 64) and asked.clip.look[:, :2].any() == (way == 1)
        assert way * asked.outcome(right, left).reference.inside[0] > 1


def test_one_picture_is_no_clip_and_frames_behind_the_end_are_none(tmp_path: Path) -> None:
    moft.write_video(tmp_path / "a.gif", panned([]))
    with pytest.raises(RequestError, match="2 frames or more, got 1"):
        lay(Like(str(tmp_path / "a.gif")))
    moft.write_video(tmp_path / "b.mp4", panned([2, 2]))
    with pytest.raises(MediaError, match="a clip of 3"):
        lay(Like(str(tmp_path / "b.mp4"), like_frames=(1, 5)))


def test_each_request_is_judged_in_its_own_region() -> None:
    asked, _ = lay(Motion("right", speed="2px", region="box:0,0,50%,100%"), Motion("left", speed="2px"))
    apart = np.concatenate([panned([2] * 7)[:, :, :32], panned([-2] * 7)[:, :, 32:]], 2)
    still = panned([0] * 7)
    outcome = [part.outcome(still, apart) for part in asked]
    assert [part.steered.followed for part in outcome] == [True, True]
    assert [part.plain.followed for part in outcome] == [False, False]
    assert overall(outcome) is True and all(
        re.match(r"yes, (8|9|10)\d% of", in_words(part.to_json())) for part in outcome
    )
    backwards = [part.outcome(still, apart[::-1]) for part in asked]
    assert overall(backwards) is False
    for part in backwards:
        assert part.steered.share < -0.8 and part.steered.verdict.angle > 170
        assert re.fullmatch(r"no, -\d+% of what was asked, 1[78]\d degrees off", in_words(part.to_json()))
    moving = lay(Motion("still"))[0][0].outcome(still, panned([2] * 7))
    assert re.fullmatch(r"no, moves by [12]\.\d\d px a frame", in_words(moving.to_json()))


def test_contradictions_are_refused_before_anything_runs() -> None:
    with pytest.raises(RequestError, match=r"request 1 \(left.*request 2 \(right"):
        lay(Motion("left", region="box:0,0,50%,100%"), Motion("right", region="box:0,0,40%,100%"))
    with pytest.raises(RequestError, match="whole frame or the rest"):
        lay(Motion("left"), Motion("right"))


# ---------------------------------------------------------------- which is best, and what is tried


def parts(*judged: tuple[bool | None, float | None]) -> list[Outcome]:
    motion = moft.measure(panned([0] * 7))
    verdicts = [None if followed is None else Verdict(followed, share, None) for followed, share in judged]
    told = [Judgement(motion, verdict) for verdict in verdicts]
    return [Outcome("a request", None, one, one) for one in told]


def test_the_best_run_follows_most_requests_and_then_misses_least() -> None:
    ordered = [
        parts((False, -0.5), (False, 0.2)),
        parts((False, 0.1), (False, 0.2)),
        parts((True, 0.4), (False, 0.0)),
        parts((True, 0.4), (False, 0.2)),
        parts((True, 0.4), (True, 0.3)),
        parts((True, 0.9), (True, 0.9)),
    ]
    assert sorted(ordered, key=standing) == ordered
    assert [overall(outcome) for outcome in ordered] == [False] * 4 + [True] * 2
    assert (
        overall(parts((True, 0.4), (None, None))) is None
        and overall(parts((False, 0.1), (None, None))) is False
    )


def test_remedies_go_on_top_of_each_other_and_end_with_other_seeds() -> None:
    found = list(islice(remedies(Settings(), 2**63 - 2, [Motion("left")]), 5))
    assert found[0].settings == Settings(step_size=0.3 * 1.5) and found[0].seed == 2**63 - 2
    assert found[1].settings.steps is not None and found[1].settings.step_size == found[0].settings.step_size
    assert found[2].settings.gradient_steps == 4 and found[2].settings.steps == found[1].settings.steps
    assert [remedy.seed for remedy in found[3:]] == [2**63 - 1, 0] and found[3].settings == found[4].settings
    assert len({remedy.words for remedy in found}) == 5


def test_what_is_dragged_is_tried_with_other_seeds_alone() -> None:
    found = list(islice(remedies(Settings(), 7, [Drag((((1, 2),),))]), 3))
    assert [remedy.seed for remedy in found] == [8, 9, 10] and {remedy.settings for remedy in found} == {
        Settings()
    }


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [(Settings(steps=(0, 0.3)), Motion("left")), (Settings(), Motion("left", steps=(0, 0.3)))],
)
def test_steps_that_were_asked_for_are_left_as_they_are(settings: Settings, wanted: Motion) -> None:
    assert {remedy.settings.steps for remedy in islice(remedies(settings, 0, [wanted]), 4)} == {
        settings.steps
    }


# ---------------------------------------------------------------- parts of a clip


def parts_of_a_clip(tmp_path: Path) -> tuple[list[Like], list[Any]]:
    """The mover of a clip for the left half and its ground for the rest, and the true motion of both, px a
    frame."""
    shown = filmed("against", [photograph("china.jpg"), noise(1)], SIZE, 3)
    name = str(tmp_path / "clip.mp4")
    moft.write_video(name, shown.video)
    requests = [Like(f"{name}#mover", region="box:0,0,50%,100%"), Like(f"{name}#ground", region="rest")]
    return requests, [shown.steps[0, 32, 32], shown.scene[0, 32, 32]]


def test_a_mover_and_the_ground_are_followed_each_in_its_own_place(tmp_path: Path) -> None:
    requests, ways = parts_of_a_clip(tmp_path)
    placed = lay_out(requests, SIZE, pytest.fail)
    for one, way in zip(placed, ways, strict=True):
        assert one.field is not None
        assert 64 * one.field.steps.mean((0, 1, 2)) == pytest.approx(way, abs=0.2)
    asked, turned = (
        np.concatenate([drawn_pan(left, 8)[:, :, :32], drawn_pan(right, 8)[:, :, 32:]], 2)
        for left, right in (ways, [-ways[0], -ways[1]])
    )
    for one in placed:
        outcome = one.outcome(turned, asked)
        assert outcome.followed and outcome.plain.followed is False
        assert outcome.reference is not None and outcome.steered.share == pytest.approx(1, abs=0.25)
    assert placed[0].outcome(asked, asked).reference.inside == pytest.approx(ways[0], abs=0.3)  # type: ignore[union-attr]


def test_by_moft_a_mover_is_read_where_it_is(tmp_path: Path) -> None:
    (request, _), (way, _) = parts_of_a_clip(tmp_path)
    (placed,) = lay_out([Like(request.like, by="moft")], SIZE, pytest.fail)
    assert placed.clip is not None and placed.clip.look is not None and placed.field is None
    assert moft.measure(placed.clip.video, placed.clip.look).inside == pytest.approx(way, abs=0.3)


def test_a_clip_without_that_part_is_refused_by_its_name(tmp_path: Path) -> None:
    moft.write_video(tmp_path / "a.mp4", drawn_pan((2, 1), 8))
    with pytest.raises(RequestError, match=r"a\.mp4#mover: expected 1 or more parts"):
        lay_out([Like(str(tmp_path / "a.mp4#mover"))], SIZE, pytest.fail)
