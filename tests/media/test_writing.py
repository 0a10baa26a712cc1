"""Clips come back as they were written, and files appear whole or not at all."""

import os

import av
import numpy as np
import pytest
from movies import psnr, smooth
from PIL import Image

from moft.errors import MediaError
from moft.media.reading import read_video
from moft.media.writing import write_video


@pytest.mark.parametrize(("suffix", "least"), [(".mp4", 38), (".webm", 38), (".gif", 30), (".MP4", 38)])
def test_a_written_clip_reads_back_nearly_the_same(tmp_path, suffix, least):
    write_video(tmp_path / f"a{suffix}", smooth())
    back = read_video(tmp_path / f"a{suffix}")
    assert back.dtype == np.uint8 and back.shape == smooth().shape
    assert psnr(smooth(), back) > least


def test_flat_colours_come_back_without_a_tint(tmp_path):
    patch = np.zeros((2, 32, 96, 3), np.uint8)
    for index, colour in enumerate([(200, 30, 40), (20, 180, 60), (30, 50, 220)]):
        patch[:, :, 32 * index : 32 * index + 32] = colour
    write_video(tmp_path / "a.mp4", patch)
    difference = np.abs(read_video(tmp_path / "a.mp4")[:, :, 16::32].astype(int) - patch[:, :, 16::32])
    assert difference.max() <= 3


def test_mp4_is_tagged_with_the_colours_it_was_converted_to(clip):
    with av.open(str(clip)) as container:
        context = container.streams.video[0].codec_context
        tags = context.colorspace, context.color_range, context.color_primaries, context.color_trc
        assert (context.pix_fmt, *tags) == ("yuv420p", 1, 1, 1, 1)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize(("height", "width"), [(47, 64), (48, 63), (45, 61), (1, 1)])
def test_an_odd_side_gains_one_repeated_pixel(tmp_path, suffix, height, width):
    video = smooth(2, height, width)
    write_video(tmp_path / f"a{suffix}", video)
    back = read_video(tmp_path / f"a{suffix}")
    even = np.pad(video, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    assert back.shape == even.shape
    assert psnr(even, back) > 30


def test_gif_keeps_odd_sides(tmp_path):
    write_video(tmp_path / "a.gif", smooth(3, 45, 61))
    assert read_video(tmp_path / "a.gif").shape == (3, 45, 61, 3)


@pytest.mark.parametrize("fps", [8, 7.5, 30])
def test_fps_is_kept(tmp_path, fps):
    write_video(tmp_path / "a.mp4", smooth(), fps=fps)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert float(container.streams.video[0].average_rate) == fps


def test_gif_times_do_not_drift(tmp_path):
    write_video(tmp_path / "a.gif", smooth(24), fps=24)
    with Image.open(tmp_path / "a.gif") as image:
        total = 0
        for index in range(image.n_frames):
            image.seek(index)
            total += image.info["duration"]
    assert total == 1000


def test_a_still_gif_is_one_long_frame_that_is_read_as_often_as_it_was_written(tmp_path):
    write_video(tmp_path / "a.gif", np.repeat(smooth(1), 4, 0), fps=8)
    assert len(read_video(tmp_path / "a.gif")) == 4
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["duration"] == 500


def test_metadata_survives_mp4(tmp_path):
    tags = {"moft.prompt": "a red ball, größer = besser", "seed": "7"}
    write_video(tmp_path / "a.mp4", smooth(), metadata=tags)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert tags.items() <= container.metadata.items()


def test_metadata_goes_to_webm_tags_and_gif_comment(tmp_path):
    for suffix in (".webm", ".gif"):
        write_video(tmp_path / f"a{suffix}", smooth(), metadata={"seed": "7"})
    with av.open(str(tmp_path / "a.webm")) as container:
        assert container.metadata["SEED"] == "7"
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["comment"] == b"seed=7\nframes-per-second=8"


def test_mp4_falls_back_to_mpeg4_where_libx264_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    write_video(tmp_path / "a.mp4", smooth())
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
    assert psnr(smooth(), read_video(tmp_path / "a.mp4")) > 35


def test_a_missing_encoder_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", set())
    with pytest.raises(MediaError, match="libx264, mpeg4.*reinstall"):
        write_video(tmp_path / "a.mp4", smooth())
    assert os.listdir(tmp_path) == []


def test_an_unknown_suffix_lists_the_known_ones(tmp_path):
    for name in ("a.mkv", "a", "a.png"):
        with pytest.raises(MediaError, match=r"\.mp4, \.webm, \.gif"):
            write_video(tmp_path / name, smooth())


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(MediaError, match="existing folder.*absent.*create it"):
        write_video(tmp_path / "absent" / "a.mp4", smooth())


@pytest.mark.parametrize(
    ("name", "fps"), [("a.mp4", 0), ("a.mp4", -1), ("a.mp4", float("nan")), ("a.gif", 60)]
)
def test_an_impossible_fps_is_refused(tmp_path, name, fps):
    with pytest.raises(MediaError, match="fps"):
        write_video(tmp_path / name, smooth(), fps=fps)


@pytest.mark.parametrize("suffix", ["mp4", "webm", "gif"])
def test_a_failing_write_leaves_nothing_and_keeps_what_was_there(tmp_path, monkeypatch, suffix):
    existing = tmp_path / f"old.{suffix}"
    write_video(existing, smooth())
    before = existing.read_bytes()

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    for path in (existing, tmp_path / f"new.{suffix}"):
        with pytest.raises(MediaError, match="cannot write .*disk full"):
            write_video(path, smooth()[::-1])
    assert os.listdir(tmp_path) == [existing.name]
    assert existing.read_bytes() == before


def test_an_encoder_that_fails_halfway_leaves_nothing(tmp_path, monkeypatch):
    seen = []

    def fail(*args, **kwargs):
        seen.extend(os.listdir(tmp_path))
        raise RuntimeError("broken encoder")

    monkeypatch.setattr(np, "pad", fail)
    with pytest.raises(MediaError, match="broken encoder"):
        write_video(tmp_path / "a.mp4", smooth())
    assert "a.mp4" not in seen
    assert os.listdir(tmp_path) == []


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "a.gif", smooth())
    assert os.listdir(tmp_path) == []


def test_a_written_file_has_ordinary_permissions(tmp_path):
    write_video(tmp_path / "a.mp4", smooth())
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.mp4").stat().st_mode == (tmp_path / "plain").stat().st_mode
