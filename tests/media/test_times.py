"""Frames come as often as they were shown, and at even times."""

import numpy as np
import pytest
from drawn import carried, noise
from movies import psnr, refused, smooth, timed_movie
from PIL import Image

from moft.media.decoding.times import copies, step_of
from moft.media.rate import read_rate
from moft.media.reading import read_video
from moft.media.writing import write_video
from moft.metrics.flow import dense_flow

HELD = [0, 1, 1, 2, 3, 3, 3, 3]


def silent(line):
    pytest.fail(line)


@pytest.mark.parametrize("fps", [1, 7, 8, 12.5, 23.976, 24, 30, 45, 50])
@pytest.mark.parametrize("order", [HELD, [0] * 9, [0, 0, 1, 1, 2, 2], list(range(6)), [0, 0, 0, 1]])
def test_a_gif_gives_as_many_frames_as_it_was_written_of(tmp_path, fps, order):
    write_video(tmp_path / "a.gif", smooth()[order], fps=fps)
    found = read_video(tmp_path / "a.gif", tell=silent)
    assert len(found) == len(order) and psnr(smooth()[order], found) > 30


def test_start_and_stride_count_what_was_written(tmp_path):
    write_video(tmp_path / "a.gif", smooth()[HELD])
    whole = read_video(tmp_path / "a.gif")
    assert np.array_equal(read_video(tmp_path / "a.gif", start=2, stride=3), whole[2::3])
    assert np.array_equal(read_video(tmp_path / "a.gif", start=4, frames=3), whole[4:7])
    assert np.array_equal(read_video(tmp_path / "a.gif", start=1, stride=2, frames=2), whole[[1, 3]])


def animation(path, durations, exact=True, frames=None):
    pictures = smooth(len(durations)) if frames is None else frames
    first, *rest = map(Image.fromarray, pictures)
    first.save(path, save_all=True, append_images=rest, duration=durations, loop=0, lossless=exact)
    return path


def gone(video):
    """Mean displacement of the middle since the first frame, px to the right."""
    along = dense_flow(video)[:, 16:-16, 16:-16, 0].mean((1, 2))
    return np.concatenate([[0], np.cumsum(along)])


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".avif"])
@pytest.mark.parametrize(
    ("durations", "order"),
    [
        ([120, 120, 120, 480, 120], [0, 1, 2, 3, 3.25, 3.5, 3.75, 4]),
        ([100, 300, 100], [0, 1, 4 / 3, 5 / 3, 2]),
        ([200, 100, 100], [0, 0.5, 1, 2]),
        ([80, 80, 80], [0, 1, 2]),
        ([100, 100, 300], [0, 1, 2, 2, 2]),
    ],
)
def test_an_animation_of_uneven_times_is_read_at_even_ones_and_it_is_said(tmp_path, suffix, durations, order):
    said: list[str] = []
    drawn = carried(noise(), [(4 * i, 0) for i in range(len(durations))])
    path = animation(tmp_path / f"a{suffix}", durations, frames=drawn)
    assert np.abs(gone(read_video(path, tell=said.append)) - 4 * np.array(order)).max() < 0.4
    assert bool(said) == (len(order) != len(durations))
    assert all(f"its {len(durations)} frames come at uneven times; read as {len(order)}" in s for s in said)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.mov", "libx264")]
)
@pytest.mark.parametrize("moments", [[0, 1, 2, 3, 7], [0, 3, 4, 5, 6], [5, 6, 8, 9, 10], [0, 2, 4, 8, 10]])
def test_constant_speed_stays_constant_in_a_clip_of_uneven_times(tmp_path, name, codec, moments):
    path = timed_movie(
        tmp_path / name, codec, carried(noise(), [(2 * t, 0) for t in moments]), moments, crf="8"
    )
    said: list[str] = []
    found = read_video(path, tell=said.append)
    step = np.diff(moments).min()
    assert len(found) == (moments[-1] - moments[0]) // step + 1
    assert np.abs(np.diff(gone(found)) - 2 * step).max() < 0.4
    assert "at uneven times" in said[0] and "made along what moves" in said[0]


@pytest.mark.parametrize("what", ["stays", "is cut"])
def test_what_stays_or_is_cut_is_held(tmp_path, what):
    first, last = noise()[:64, :64], smooth(1, 64, 64)[0]
    then = last // 2 if what == "is cut" else first ^ (np.indices(first.shape).sum(0) == 0).astype(np.uint8)
    said: list[str] = []
    path = animation(tmp_path / "a.png", [400, 100, 100], frames=[first, then, last])
    assert np.array_equal(read_video(path, tell=said.append), np.stack([first] * 4 + [then, last]))
    assert "held for up to 4" in said[0]


def test_large_frames_are_made_along_what_moves_too(tmp_path):
    drawn = carried(noise(), [(2 * t, 0) for t in (0, 1, 3)]).repeat(12, 1).repeat(12, 2)
    path = animation(tmp_path / "a.png", [100, 200, 100], frames=drawn)
    found = gone(read_video(path, tell=lambda _: None)[:, ::12, ::12])
    assert np.abs(found - [0, 2, 4, 6]).max() < 0.4


@pytest.mark.parametrize("shape", [(8, 40000), (40, 2000), (15, 64), (2048, 1040)])
def test_frames_that_are_too_large_or_narrow_to_follow_are_held(tmp_path, shape):
    first = np.zeros((*shape, 3), np.uint8)
    first[:, ::3] = 200
    said: list[str] = []
    shown = [first, np.roll(first, 1, 1), first]
    found = read_video(animation(tmp_path / "a.png", [300, 100, 100], frames=shown), tell=said.append)
    assert np.array_equal(found, np.stack([first] * 3 + [shown[1], first])) and "held for up to 3" in said[0]


@pytest.mark.parametrize(("start", "stride"), [(0, 2), (1, 2), (4, 1), (3, 3)])
def test_frames_are_chosen_among_those_made(tmp_path, start, stride):
    drawn = carried(noise(), [(2 * t, 0) for t in (0, 1, 4, 5)])
    path = animation(tmp_path / "a.png", [100, 300, 100, 100], frames=drawn)
    whole = read_video(path, tell=lambda _: None)
    assert np.array_equal(
        read_video(path, start=start, stride=stride, tell=lambda _: None), whole[start::stride]
    )


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
@pytest.mark.parametrize("rate", [8, 24, 30, 60])
def test_a_clip_of_a_constant_rate_is_itself_whatever_its_container_rounds(tmp_path, name, rate):
    codec = "libvpx-vp9" if name == "a.webm" else "libx264"
    path = timed_movie(tmp_path / name, codec, smooth(20), rate=rate, crf="30")
    assert len(read_video(path, tell=silent)) == 20


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
@pytest.mark.parametrize(
    ("durations", "rate"),
    [([10] * 6, 10), ([20] * 6, 50), ([10, 100, 100, 10, 100], 10), ([0, 100, 100, 0, 100], 10)],
)
def test_what_is_too_short_to_show_is_shown_for_as_long_as_browsers_do(tmp_path, suffix, durations, rate):
    path = animation(tmp_path / f"a{suffix}", durations)
    assert len(read_video(path, tell=silent)) == len(durations)
    assert read_rate(path) == pytest.approx(rate)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
@pytest.mark.parametrize("between", ["0", "2", "3"])
def test_an_avi_has_the_frames_that_were_put_into_it(tmp_path, codec, between):
    """It knows no times but those of decoding, which are out of order where frames lie between others."""
    path = timed_movie(tmp_path / "a.avi", codec, smooth(12), bf=between)
    found = read_video(path, tell=silent)
    assert len(found) == 12 and psnr(smooth(12), found) > 28


@pytest.mark.parametrize(
    ("dispose", "blend", "fine"), [(0, 1, True), (1, 1, True), (2, 0, True), (2, 1, False)]
)
def test_an_animated_png_shows_its_frames_or_is_refused(tmp_path, dispose, blend, fine):
    """A square that moves, on nothing."""
    frames = [np.zeros((48, 64, 4), np.uint8) for _ in range(5)]
    for i, frame in enumerate(frames):
        frame[8:24, 8 * i : 8 * i + 16] = 255, 0, 0, 255
    first, *rest = map(Image.fromarray, frames)
    path, how = tmp_path / "a.png", {"disposal": dispose, "blend": blend, "duration": 100}
    first.save(path, save_all=True, append_images=rest, **how)
    if not fine:
        refused(path, "got frames drawn over others and taken back; convert it to webp or gif")
        return
    found = read_video(path, tell=lambda _: None)
    if dispose == 0:  # what was drawn stays
        frames = [np.maximum.reduce(frames[: i + 1]) for i in range(5)]
    assert np.array_equal(found[..., 1] == 0, np.stack(frames)[..., 3] > 0)


def test_times_that_say_nothing_leave_the_frames(tmp_path):
    assert len(read_video(animation(tmp_path / "a.gif", [0] * 4), tell=silent)) == 4
    assert step_of([0, 0, 0]) is None and list(copies(iter([0.0, 0.0]), None)) == [1, 1]


def test_jitter_neither_adds_nor_drops_a_frame():
    times = np.random.default_rng(0).uniform(0.028, 0.038, 3000)
    step = step_of(times[:256])
    assert sum(copies(iter(times), step)) == 3000


def test_moments_stay_where_they_were():
    times = [0.033, 0.05, 0.033, 0.067, 0.033, 0.1, 0.033, 0.05] * 20
    counts = list(copies(iter(times), 1 / 30))
    assert np.abs(np.cumsum(counts) / 30 - np.cumsum(times)).max() < 1.5 / 30


def test_a_few_bytes_do_not_become_frames_without_end(tmp_path):
    path = animation(tmp_path / "a.gif", [10, 655350, 10])
    assert len(read_video(path, tell=lambda _: None)) <= 64
