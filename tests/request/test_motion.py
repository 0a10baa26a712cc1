"""What a Motion means in pixels, and what it refuses. Directions name where the picture content goes."""

import json
import math

import cv2
import numpy as np
import pytest

from moft.errors import RequestError
from moft.metrics.flow import dense_flow
from moft.request.drag import Drag
from moft.request.like import Like
from moft.request.motion import DIRECTIONS, EASES, Motion
from moft.request.speed import DEFAULT_SPEED
from moft.types import ClipSize

WHERE_CONTENT_GOES = {
    "left": (-2, 0),
    "right": (2, 0),
    "up": (0, -2),
    "down": (0, 2),
    "up-left": (-2, -2),
    "up-right": (2, -2),
    "down-left": (-2, 2),
    "down-right": (2, 2),
}


def pan(velocity: tuple[float, float], frames: int = 3) -> np.ndarray:
    """A texture carried along by `velocity` px a frame (multiples of 0.25), 64 x 64."""
    noise = np.random.default_rng(7).normal(size=(320, 320, 3))
    texture = cv2.GaussianBlur(noise, (0, 0), 9)
    picture = np.clip(128 + 50 * texture / texture.std(), 0, 255).astype(np.uint8)
    clip = []
    for i in range(frames):
        moved = np.roll(picture, (round(4 * velocity[1] * i), round(4 * velocity[0] * i)), axis=(0, 1))
        clip.append(cv2.resize(moved[32:288, 32:288], (64, 64), interpolation=cv2.INTER_AREA))
    return np.stack(clip)


@pytest.mark.parametrize("name", WHERE_CONTENT_GOES)
def test_a_named_direction_is_where_rendered_content_is_seen_to_go(name: str) -> None:
    drawn = WHERE_CONTENT_GOES[name]
    seen = dense_flow(pan(drawn))[:, 8:-8, 8:-8].mean(axis=(0, 1, 2))
    length = math.hypot(*drawn)
    asked = Motion(name, speed=f"{length}px").velocity(ClipSize(16, 64, 64))
    assert seen == pytest.approx(drawn, abs=0.1)
    assert asked == pytest.approx(drawn)


def test_every_direction_is_pinned_above() -> None:
    assert set(DIRECTIONS) == set(WHERE_CONTENT_GOES)


@pytest.mark.parametrize(("degrees", "unit"), [(0, (1, 0)), (90, (0, 1)), (180.0, (-1, 0)), ("270", (0, -1))])
def test_degrees_turn_from_right_to_down(degrees: str | float, unit: tuple[int, int]) -> None:
    assert Motion(degrees, speed="1px").velocity(ClipSize(5, 64, 64)) == unit  # exactly, without stray 6e-17


def test_degrees_are_kept_within_one_turn() -> None:
    assert [Motion(d).direction for d in (-90, 450, 360, "-1e-20")] == [270, 90, 0, 0]


@pytest.mark.parametrize("spelling", ["Up Left", "up_left", "UP-LEFT", " up  left "])
def test_spelling_of_names_does_not_matter(spelling: str) -> None:
    assert Motion(spelling) == Motion("up-left")
    assert Motion("zoom_in").direction == "zoom in"


@pytest.mark.parametrize(
    ("speed", "pixels"),
    [
        ("1.5px", 1.5),
        (" 1.5 PX ", 1.5),
        ("2%", 2.0),
        (0.02, 2.0),
        ("0.02", 2.0),
        (0, 0.0),
        (None, 100 * DEFAULT_SPEED),
    ],
)
def test_speed_units_are_px_or_shares_of_the_shorter_side(speed: str | float | None, pixels: float) -> None:
    motion = Motion("right", speed=speed)
    assert motion.velocity(ClipSize(9, 100, 300)) == pytest.approx((pixels, 0))
    assert motion.velocity(ClipSize(9, 300, 100)) == pytest.approx((pixels, 0))


def test_displacement_starts_at_zero_and_has_one_entry_a_frame() -> None:
    assert Motion("left", speed="1.5px").displacement(ClipSize(3, 64, 64)) == [(0, 0), (-1.5, 0), (-3, 0)]
    assert Motion("left").displacement(ClipSize(1, 64, 64)) == [(0, 0)]
    assert Motion("left").velocity(ClipSize(1, 64, 64)) == (0, 0)


def test_zoom_in_carries_the_edge_midpoint_outward_by_the_speed() -> None:
    scale = Motion("zoom in", speed="2px").scale(ClipSize(3, 64, 100))
    assert scale[0] == 1
    assert 32 * scale[1] == pytest.approx(32 + 2)
    assert scale[2] == pytest.approx(scale[1] ** 2)
    assert Motion("zoom in", speed=0.01).scale(ClipSize(2, 64, 64))[1] == pytest.approx(1.02)


@pytest.mark.parametrize(
    "text",
    [
        "turn clockwise 3deg",
        "Turning clockwise 3 degrees",
        "roll clockwise 3°",
        "turn +3.00 degrees a frame",
    ],
)
def test_a_turn_is_said_in_degrees(text: str) -> None:
    motion, size = Motion(text), ClipSize(3, 64, 64)
    assert motion.same(Motion("turn clockwise", speed="3deg"))
    assert motion.angle(size) == pytest.approx([0, math.radians(3), math.radians(6)])
    assert motion.displacement(size) == [(0, 0)] * 3 and motion.scale(size) == [1] * 3


def test_a_turn_carries_the_edge_midpoint_round_by_the_speed() -> None:
    size = ClipSize(2, 64, 100)
    assert Motion("turn counterclockwise", speed="2px").angle(size)[1] == pytest.approx(-2 / 32)
    assert Motion("turn clockwise", speed="1%").angle(size)[1] == pytest.approx(0.02)
    assert Motion("left").angle(size) == [0, 0]


@pytest.mark.parametrize("direction", ["left", "zoom in", "still", 30])
def test_only_turns_take_degrees_a_frame(direction: str | int) -> None:
    with pytest.raises(RequestError, match="degrees a frame for turns alone|no speed beside"):
        Motion(direction, speed="3deg")


def test_zoom_out_is_zoom_in_backwards() -> None:
    inward, outward = (Motion(f"zoom {way}").scale(ClipSize(5, 64, 64)) for way in ("in", "out"))
    assert inward[-1] > 1 > outward[-1]
    assert np.multiply(inward, outward) == pytest.approx(np.ones(5))


def test_zooms_and_still_do_not_shift_and_the_rest_does_not_scale() -> None:
    for name in ("zoom in", "zoom out", "still"):
        assert Motion(name).displacement(ClipSize(4, 64, 64)) == [(0, 0)] * 4
    for motion in (Motion("left"), Motion("still"), Motion(path=[(0, 0), (1, 1)])):
        assert motion.scale(ClipSize(4, 64, 64)) == [1.0] * 4


def test_a_path_is_resampled_linearly_to_the_clip() -> None:
    motion = Motion(path=[(0, 0), (0.5, 0), (0.5, 1)])
    assert motion.displacement(ClipSize(5, 100, 200)) == [(0, 0), (25, 0), (50, 0), (50, 50), (50, 100)]
    assert motion.displacement(ClipSize(2, 100, 200)) == [(0, 0), (50, 100)]
    assert motion.displacement(ClipSize(1, 100, 200)) == [(0, 0)]


def test_a_path_may_reverse_and_then_has_no_net_velocity() -> None:
    motion = Motion(path=[(0, 0), (-0.3, 0), (0, 0)])
    assert min(motion.displacement(ClipSize(9, 100, 100))) == pytest.approx((-30, 0))
    assert motion.velocity(ClipSize(9, 100, 100)) == (0, 0)


@pytest.mark.parametrize(
    "motion",
    [
        Motion("up left", speed="1.5px", region="cat.png", strength=0.5),
        Motion(90, speed=0.02),
        Motion("zoom out", speed="2%"),
        Motion("still"),
        Motion(path=[(0, 0), (-0.25, 0.5), (0, 0)]),
        Motion("left", speed=np.float32(0.5), strength=np.int64(2)),
        Motion("left", ease="in-out", span=(0.25, 1), steps=[0.1, 0.5]),  # type: ignore[arg-type]
        # type: ignore[arg-type]
        Motion(path=[(0, 0), (-0.25, 0.5), (0, 0)], ease="in", region="box:0,0,50%,100%"),
    ],
)
def test_json_round_trip_gives_an_equal_motion(motion: Motion) -> None:
    assert Motion.from_json(json.loads(json.dumps(motion.to_json()))) == motion


def test_json_leaves_out_what_was_left_out() -> None:
    assert Motion("left").to_json() == {"direction": "left", "strength": 1.0}


@pytest.mark.parametrize("data", [{"direction": "left", "sped": 1}, {}, [], "left", None, {1: 2}])
def test_json_that_is_no_motion_is_refused(data: object) -> None:
    with pytest.raises(RequestError):
        Motion.from_json(data)  # type: ignore[arg-type]


@pytest.mark.parametrize("direction", ["sideways", "", "nan", "inf", math.nan, math.inf, True, [1], 10**400])
def test_unknown_directions_are_refused_with_the_known_ones_listed(direction: object) -> None:
    with pytest.raises(RequestError, match="down-right.*zoom in.*still"):
        Motion(direction)  # type: ignore[arg-type]


@pytest.mark.parametrize("speed", [-1, "-1px", "nan", "infpx", 1.5, "150%", "fast", "px", "", True, [1]])
def test_bad_speeds_are_refused_with_the_units_named(speed: object) -> None:
    with pytest.raises(RequestError, match=r'received .*"1\.5px"'):
        Motion("left", speed=speed)  # type: ignore[arg-type]


def test_a_px_speed_beyond_the_picture_is_refused_once_its_size_is_known() -> None:
    motion = Motion("left", speed="100px")
    assert motion.velocity(ClipSize(2, 128, 128)) == (-100, 0)
    with pytest.raises(RequestError, match="64 px"):
        motion.displacement(ClipSize(2, 64, 128))


@pytest.mark.parametrize(
    "path",
    [
        [],
        [(0, 0)],
        [(1, 0), (0, 0)],
        [(0, 0), (math.nan, 0)],
        [(0, 0), (0, math.inf)],
        [(0, 0), (1e308, 0)],
        [(0, 0), (1,)],
        [(0, 0), (1, 2, 3)],
        [0, 1],
        "left",
        3,
        [(0, 0), (None, 1)],
    ],
)
def test_bad_paths_are_refused(path: object) -> None:
    with pytest.raises(RequestError, match="expected a path"):
        Motion(path=path)  # type: ignore[arg-type]


def test_contradictions_are_refused() -> None:
    path = [(0, 0), (1, 0)]
    with pytest.raises(RequestError, match="neither"):
        Motion()
    with pytest.raises(RequestError, match="both"):
        Motion("left", path=path)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="leave speed out"):
        Motion(path=path, speed="1px")  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="leave speed out"):
        Motion("still", speed="1px")
    assert Motion("still", speed=0).velocity(ClipSize(4, 64, 64)) == (0, 0)


@pytest.mark.parametrize("strength", [-0.1, math.nan, math.inf, None, "strong"])
def test_bad_strengths_are_refused(strength: object) -> None:
    with pytest.raises(RequestError, match="strength"):
        Motion("left", strength=strength)  # type: ignore[arg-type]
    assert Motion("left", strength=0).strength == 0


@pytest.mark.parametrize("region", ["", " ", 3, b"a.png", "a\0.png"])
def test_a_region_must_be_a_text(region: object) -> None:
    with pytest.raises(RequestError, match="region"):
        Motion("left", region=region)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(0, 64, 64), (2, 0, 64), (2, 64, -1), (2.5, 64, 64), ("2", 64, 64)])
def test_a_clip_size_must_be_whole_and_positive(size: tuple[int, int, int]) -> None:
    for of_size in (Motion("left").displacement, Motion("left").scale, Motion("left").velocity):
        with pytest.raises(RequestError, match="whole number"):
            of_size(ClipSize(*size))


def test_text_form_is_readable() -> None:
    assert str(Motion("left", speed="1.5px")) == "left at 1.5px a frame"
    assert str(Motion(90, speed=0.02)) == "90° at 2% a frame"
    assert str(Motion("still", region="cat.png")) == "still, in cat.png"
    # type: ignore[arg-type]
    assert str(Motion(path=[(0, 0), (1, 0)], strength=2)) == "path of 2 points, strength 2"


def test_a_motion_is_frozen_and_hashable() -> None:
    motion = Motion(path=[(0, 0), (1, 0)])  # type: ignore[arg-type]
    assert len({motion, Motion.from_json(motion.to_json())}) == 1
    with pytest.raises(AttributeError):
        motion.strength = 2  # type: ignore[misc]


# ---------------------------------------------------------------- over time


def speeds(motion: Motion, frames: int = 9) -> list[float]:
    """To the right from frame to frame, in px of 100."""
    return np.diff([x for x, _ in motion.displacement(ClipSize(frames, 100, 100))]).tolist()


def test_in_a_span_it_moves_at_its_speed_and_stands_before_and_after() -> None:
    assert speeds(Motion("right", speed="2px", span=(0.25, 0.75))) == pytest.approx([0, 0, 2, 2, 2, 2, 0, 0])
    assert speeds(Motion("right", speed="2px", span=(0, 1))) == pytest.approx([2] * 8)


@pytest.mark.parametrize("ease", EASES)
def test_an_ease_goes_as_far_as_none(ease: str) -> None:
    for span in (None, (0.5, 1)):
        eased, even = (
            Motion("right", speed="2px", span=span, ease=e).displacement(ClipSize(9, 100, 100))
            for e in (ease, None)
        )
        assert eased[-1] == pytest.approx(even[-1]) and eased[0] == (0, 0)
        assert eased[6] != pytest.approx(even[6]) or ease == "in-out"


def test_an_ease_says_where_it_is_slow() -> None:
    into, out, both = (speeds(Motion("right", speed="2px", ease=ease)) for ease in ("in", "out", "in-out"))
    assert into == sorted(into) and out == into[::-1] and into[0] < 0.5 < 3.5 < into[-1]
    assert (
        both[:4] == sorted(both[:4])
        and both == pytest.approx(both[::-1])
        and max(both) == pytest.approx(3, rel=0.05)
    )


def test_a_path_is_run_through_in_the_span() -> None:
    motion = Motion(path=[(0, 0), (0.4, 0), (0, 0)], span=(0.5, 1))  # type: ignore[arg-type]
    assert [x for x, _ in motion.displacement(ClipSize(9, 100, 100))] == pytest.approx(
        [0, 0, 0, 0, 0, 20, 40, 20, 0]
    )


def test_a_zoom_grows_in_its_span_alone() -> None:
    scale = Motion("zoom in", speed="1px", span=(0, 0.5)).scale(ClipSize(5, 100, 100))
    assert scale == pytest.approx([1, 1.02, 1.02**2, 1.02**2, 1.02**2])


@pytest.mark.parametrize(
    "pair",
    [(0.5, 0.5), (0.6, 0.4), (-0.1, 1), (0, 1.1), (0, math.nan), (0,), (0, 0.5, 1), "ab", 3, (None, 1)],
)
@pytest.mark.parametrize("name", ["span", "steps"])
def test_bad_shares_of_time_are_refused_by_name(name: str, pair: object) -> None:
    with pytest.raises(RequestError, match=f"expected {name} "):
        Motion("left", **{name: pair})  # type: ignore[arg-type]
    if name == "steps":
        with pytest.raises(RequestError, match="expected steps "):
            Like("a.mp4", steps=pair)  # type: ignore[arg-type]


@pytest.mark.parametrize("ease", ["fast", "", 1, "In", ["in"]])
def test_unknown_eases_are_refused_with_the_known_ones_listed(ease: object) -> None:
    with pytest.raises(RequestError, match="in, out, in-out"):
        Motion("left", ease=ease)  # type: ignore[arg-type]


def test_stillness_has_no_course() -> None:
    for course in ({"ease": "in"}, {"span": (0, 0.5)}):
        with pytest.raises(RequestError, match="still"):
            Motion("still", **course)  # type: ignore[arg-type]


def test_the_course_is_readable() -> None:
    motion = Motion(
        "left", speed="2px", ease="in", span=(0.25, 1), region="rest", strength=2, steps=(0.1, 0.5)
    )
    assert str(motion) == (
        "left at 2px a frame, from 25% to 100% of the clip, ease in, in rest, strength 2, "
        "asked in 10% to 50% of the steps"
    )


# ---------------------------------------------------------------- as text, and as a clip's


@pytest.mark.parametrize(
    ("text", "motion"),
    [
        ("left 2px", Motion("left", speed="2px")),
        ("zoom in 2%", Motion("zoom in", speed="2%")),
        (" up-left  1.5PX ", Motion("up left", speed="1.5PX")),
        ("180 2px", Motion(180, speed="2px")),
        ("left", Motion("left")),
        ("zoom in", Motion("zoom in")),
        ("still", Motion("still")),
    ],
)
def test_a_text_names_direction_and_speed(text: str, motion: Motion) -> None:
    assert Motion.from_text(text) == motion


@pytest.mark.parametrize("text", ["2px", "left fast 2px", "left -2px", "left nanpx", "still 2px", ""])
def test_texts_that_name_none_are_refused(text: str) -> None:
    with pytest.raises(RequestError):
        Motion.from_text(text)


def test_two_speeds_are_refused() -> None:
    with pytest.raises(RequestError, match="one speed"):
        Motion.from_text("left 2px", speed="1px")


def test_the_same_motion_is_the_same_wherever_and_however_hard() -> None:
    left = Motion("left", speed="2px", region="a.png", strength=2, steps=(0, 0.5))
    assert left.same(Motion(180, speed="2 px"))
    assert left.same(Motion("left", speed=" 2px")) and not left.same(Motion("left")) and not left.same("left")
    assert not left.same(Motion("left", speed="2px", ease="in"))
    like = Like("a.mp4", region="a.png")
    assert (
        like.same(Like("a.mp4", strength=3))
        and not like.same(Like("a.mp4", invert=True))
        and not like.same(left)
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"like": ""},
        {"like": None},
        {"like": 3},
        {"region": " "},
        {"like_region": ""},
        {"like_region": "rest"},
        {"like_frames": (0, 1)},
        {"like_frames": (3, 2)},
        {"like_frames": (-1, 5)},
        {"like_frames": (0.0, 5)},
        {"like_frames": 8},
        {"per_position": 1},
        {"invert": "yes"},
        {"strength": -1},
        {"strength": math.nan},
    ],
)
def test_bad_requests_for_a_clip_s_motion_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(RequestError, match=next(iter(wrong))):
        Like(**({"like": "a.mp4"} | wrong))  # type: ignore[arg-type]


def test_a_clip_s_motion_as_json_and_in_words() -> None:
    like = Like(
        "a.mp4", "rest", "box:0,0,9,9", (0, 8), per_position=True, invert=True, strength=2, steps=(0, 0.5)
    )
    data = json.loads(json.dumps(like.to_json()))
    assert Like(**data) == like and Like("a.mp4").to_json() == {"like": "a.mp4", "strength": 1.0}
    assert str(like) == (
        "the motion of a.mp4 in box:0,0,9,9, frames 0 to 8, per position, inverted, in rest, strength 2, "
        "asked in 0% to 50% of the steps"
    )


# ---------------------------------------------------------------- points


def test_a_drag_is_kept_as_finite_numbers_and_comes_back_from_json() -> None:
    # type: ignore[arg-type, list-item]
    wanted = Drag([[[24, 32], (38, 30), (40, 30.5)], [("52", 10)]], radius=np.float64(12))
    assert wanted == Drag((((24.0, 32.0), (38.0, 30.0), (40.0, 30.5)), ((52.0, 10.0),)), 12.0)
    assert str(wanted) == "drag 24,32 to 38,30 to 40,30.5; 52,10 to stay; radius 12 px"
    assert Drag(**json.loads(json.dumps(wanted.to_json()))) == wanted
    assert Drag((((1, 2),),)).to_json() == {"points": [[[1, 2]]]}


@pytest.mark.parametrize("points", [(), None, "1,2", 3])
def test_a_drag_without_points_is_refused(points: object) -> None:
    with pytest.raises(
        RequestError, match="expected at least one point|point 1: expected one or more positions"
    ):
        Drag(points)  # type: ignore[arg-type]


@pytest.mark.parametrize("radius", [0, -1, math.nan, math.inf, "far", True])
def test_a_radius_that_is_none_is_refused(radius: object) -> None:
    with pytest.raises(RequestError, match="expected a radius of 1 to"):
        Drag((((1, 2),),), radius)  # type: ignore[arg-type]
