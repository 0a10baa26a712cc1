"""Frames come as often as they were shown, and at even times."""

import numpy as np
import pytest
from movies import psnr, smooth, timed_movie
from PIL import Image

from moft.media.decoding.times import copies, step_of
from moft.media.reading import read_video
from moft.media.writing import write_video

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


def animation(path, durations, exact=True):
    first, *rest = (Image.fromarray(frame) for frame in smooth(len(durations)))
    first.save(path, save_all=True, append_images=rest, duration=durations, loop=0, lossless=exact)
    return path


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
@pytest.mark.parametrize(
    ("durations", "order"),
    [
        ([120, 120, 120, 480, 120], [0, 1, 2, 3, 3, 3, 3, 4]),
        ([100, 300, 100], [0, 1, 1, 1, 2]),
        ([200, 100, 100], [0, 0, 1, 2]),
        ([80, 80, 80], [0, 1, 2]),
    ],
)
def test_an_animation_of_uneven_times_is_read_at_even_ones_and_it_is_said(tmp_path, suffix, durations, order):
    said: list[str] = []
    found = read_video(animation(tmp_path / f"a{suffix}", durations), tell=said.append)
    assert len(found) == len(order) and psnr(smooth(len(durations))[order], found) > 30
    assert bool(said) == (len(order) != len(durations))
    assert all(f"its {len(durations)} frames come at uneven times; read as {len(order)}" in s for s in said)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.mov", "libx264")]
)
@pytest.mark.parametrize("moments", [[0, 1, 2, 3, 7], [0, 3, 4, 5, 6], [5, 6, 8, 9, 10], [0, 2, 4, 8, 10]])
def test_a_clip_of_uneven_times_is_read_at_even_ones(tmp_path, name, codec, moments):
    path = timed_movie(tmp_path / name, codec, smooth(5), moments, crf="8")
    least = min(np.diff(moments))
    order = [i for i, n in enumerate(np.diff(moments) // least) for _ in range(n)] + [4]
    said: list[str] = []
    found = read_video(path, tell=said.append)
    assert len(found) == len(order) and psnr(smooth(5)[order], found) > 30
    assert "at uneven times" in said[0]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
@pytest.mark.parametrize("rate", [8, 24, 30, 60])
def test_a_clip_of_a_constant_rate_is_itself_whatever_its_container_rounds(tmp_path, name, rate):
    codec = "libvpx-vp9" if name == "a.webm" else "libx264"
    path = timed_movie(tmp_path / name, codec, smooth(20), rate=rate, crf="30")
    assert len(read_video(path, tell=silent)) == 20


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
